"""`ordereats doctor` finds what is wrong, says the way out, and changes nothing."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import UUID

import msgspec
import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.db.migrations import migrate
from ordereats.cli import doctor
from ordereats.topology import catalog, loading
from ordereats.topology.doctor import certificates, machine, outside
from ordereats.topology.doctor.finding import Check, Finding, Verdict, examine, ok, warn, wrong
from ordereats.topology.doctor.setup import looked_at
from ordereats.topology.local.home import LAYOUT, Home
from ordereats.topology.local.part import Kind, Process, free_ports
from ordereats.topology.local.state import PartState, Phase, Running, State, born, write
from sandbox.conftest import Program
from support.builders import run_sql
from support.certificates import a_certificate, showing

ALL = ["all"]
OWN = {"STRIPE_API_KEY": "sk_test_hX8sQ1", "STRIPE_WEBHOOK_SECRET": "vY2kT9"}


@dataclass(frozen=True, slots=True)
class FastClock:
    """This machine's, were it that much ahead."""

    ahead_s: float

    def now(self) -> datetime:
        return SystemClock().now() + timedelta(seconds=self.ahead_s)

    def new_id(self) -> UUID:
        return SystemClock().new_id()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Program]:
    """Give a sandbox that knows one key."""
    program = Program(tmp_path)
    program.told = {"STRIPE_API_KEY": OWN["STRIPE_API_KEY"]}
    yield program.start()
    program.stop(signal.SIGKILL)


async def found_in(home: Home, *, ahead_s: float = 0, **variables: str) -> list[Finding]:
    clock = FastClock(ahead_s) if ahead_s else SystemClock()
    return await looked_at(home, Environment(variables), clock)


def off(findings: Sequence[Finding]) -> dict[str, str]:
    """What is not well, by its name: what is said of it, and the way out."""
    said: dict[str, str] = {}
    for each in findings:
        if each.verdict is not Verdict.OK:
            line = f"{each.verdict}: {each.said} {each.way_out}".rstrip()
            said[each.name] = " ".join([*filter(None, [said.get(each.name)]), line])
    return said


async def test_a_set_up_that_is_well_is_well(
    home: Home, database_url: str, sandbox: Program
) -> None:
    await migrate(database_url, loading.migrations(catalog.SERVICES))

    given = {"DATABASE_URL": database_url, "STRIPE_API_BASE": sandbox.url, **OWN}
    found = await looked_at(home, Environment(given), SystemClock())

    assert list(off(found)) == ["broker check"], off(found)  # routes: no service ran here yet
    assert off(found)["broker check"].startswith("warn: The PostgreSQL queue is not as it must be")
    assert {each.name for each in found} >= {"settings", "secrets", "database all", "provider"}
    assert not home.root.exists()


async def test_an_empty_database_is_said_and_left_empty(home: Home, database_url: str) -> None:
    found = off(await found_in(home, DATABASE_URL=database_url))

    assert found["database all"] == (
        "warn: It is empty. `ordereats migrate users restaurants orders payments kitchen deliveries"
        " notifications`; `serve` does the same as it starts."
    )
    assert await run_sql(database_url, "select from pg_tables where schemaname = 'public'") == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "insert into schema_steps values ('users', 9999, 'of_the_future', '', 9998)",
            "wrong: It belongs to a newer version: nothing older works with users/9999.",
        ),
        (
            "delete from schema_steps where owner = 'orders' and version = 2",
            "warn: Steps of its migrations are missing: orders/0002.",
        ),
        (
            "alter database {name} set synchronous_commit = off",
            "wrong: synchronous_commit is off: a power cut loses what was answered with 201.",
        ),
        (
            "alter database {name} set default_transaction_read_only = on",
            "wrong: It takes no changes (default_transaction_read_only is on).",
        ),
    ],
)
async def test_a_database_that_is_not_as_it_must_be_is_said(
    home: Home, database_url: str, statement: str, said: str
) -> None:
    await migrate(database_url, loading.migrations(catalog.SERVICES))
    await run_sql(database_url, statement.format(name=database_url.rpartition("/")[2]))

    found = off(await found_in(home, DATABASE_URL=database_url))

    assert found["database all"].startswith(said)


async def test_what_a_newer_version_left_for_this_one_is_well(
    home: Home, database_url: str
) -> None:
    await migrate(database_url, loading.migrations(catalog.SERVICES))
    step = "insert into schema_steps values ('users', 9999, 'of_the_future', '', 0)"
    await run_sql(database_url, step)

    found = await found_in(home, DATABASE_URL=database_url)

    said = [each.said for each in found if each.name == "database all"]
    assert "A newer version was here, and left room for this: users/9999." in said
    assert "database all" not in off(found)


async def test_more_pools_than_a_server_lets_in_are_said(home: Home, database_url: str) -> None:
    urls = {
        f"{name.upper()}_DATABASE_URL": f"{database_url}?application_name={name}"
        for name in catalog.SERVICES
    }

    given = Environment({"BROKER_URL": database_url, **urls})
    found = off(await looked_at(home, given, SystemClock()))

    assert "warn: The server lets in 97 connections, and one" in found["database users"]
    assert "up to 175" in found["database users"]


async def test_a_clock_that_is_wrong_is_said(home: Home, database_url: str) -> None:
    await migrate(database_url, loading.migrations(["users"]))

    found = off(await found_in(home, ahead_s=90, USERS_DATABASE_URL=database_url))

    assert found["database users"].startswith("wrong: The clock here is 90.")
    assert "ahead of the database's" in found["database users"]


async def test_what_does_not_answer_is_said_by_name_and_without_passwords(home: Home) -> None:
    port, other = free_ports(2)
    found = off(
        await found_in(
            home,
            DATABASE_URL=f"postgres://me:hX8sQ1@127.0.0.1:{port}/x",
            BROKER_URL=f"amqp://me:hX8sQ1@127.0.0.1:{port}/",
            STRIPE_API_BASE=f"http://127.0.0.1:{port}",
            SMTP_URL=f"smtp://127.0.0.1:{other}",
        )
    )

    assert {"database all", "broker", "provider", "mail"} <= set(found)
    for name in ("database all", "broker", "provider", "mail"):
        assert found[name].startswith("wrong: It does not answer"), found[name]
    assert found["broker check"].startswith("warn: It was not made. BROKER_MANAGEMENT_URL is not")
    assert "hX8sQ1" not in str(found)


async def test_a_setting_and_a_secret_that_serve_would_refuse_are_wrong(
    home: Home, tmp_path: Path
) -> None:
    open_file = tmp_path / "key"
    open_file.write_text("sk_test_hX8sQ1")
    open_file.chmod(0o644)
    url = f"postgres://me:hX8sQ1@127.0.0.1:{free_ports(1)[0]}/x"

    said = [
        f"{each.verdict}: {each.said}"
        for each in await found_in(
            home,
            DATABASE_URL=url,
            HOST="0.0.0.0",
            SHEDING="off",
            STRIPE_API_KEY_FILE=str(open_file),
        )
        if each.name in {"settings", "secrets"} and each.verdict is not Verdict.OK
    ]

    assert [each.partition(" is ")[0] for each in said] == [
        "wrong: SHEDING",
        "wrong: STRIPE_WEBHOOK_SECRET",
        "warn: The file of STRIPE_API_KEY_FILE can be read by everyone on this machine.",
    ]
    broken = await found_in(home, DATABASE_URL=url, PORT="http")
    assert "PORT must be a whole number" in off(broken)["settings"]


async def test_a_key_that_the_provider_does_not_take_is_wrong(sandbox: Program) -> None:
    good = await outside.provider(sandbox.url, OWN["STRIPE_API_KEY"])
    bad = await outside.provider(sandbox.url, "sk_test_another")

    assert off(good) == {}
    assert off(bad)["provider"].startswith("wrong: 127.0.0.1 does not take STRIPE_API_KEY (401)")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (90, ""),
        (5, "warn: That of 127.0.0.1:PORT ends in 4 days"),
        (-1, "wrong: That of 127.0.0.1:PORT is not trusted: certificate has expired. Renew it"),
    ],
)
async def test_a_certificate_is_said_to_end_two_weeks_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, said: str
) -> None:
    certificate = a_certificate(tmp_path / "made", ends_in=timedelta(days=days))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    async with showing(certificate.context()) as port:
        url = f"amqps://me:hX8sQ1@127.0.0.1:{port}/"
        found = off(await certificates.look("broker", url, SystemClock()))

    assert found.get("certificate broker", "").startswith(said.replace("PORT", str(port)))
    assert bool(found) is bool(said)


async def test_a_rabbitmq_lets_in_whom_it_knows_and_has_what_it_must(
    home: Home, rabbitmq_server: Process
) -> None:
    url = rabbitmq_server.url
    assert off(await outside.broker(url)) == {}
    stranger = off(await outside.broker(url.replace("ordereats:", "ordereats:not-")))
    assert stranger["broker"].startswith("wrong: RabbitMQ at 127.0.0.1 does not let us in")

    management = str(rabbitmq_server.part.management)
    nobody = f"postgres://me:hX8sQ1@127.0.0.1:{free_ports(1)[0]}/x"
    found = await found_in(
        home, DATABASE_URL=nobody, BROKER_URL=url, BROKER_MANAGEMENT_URL=management
    )

    well = {each.name for each in found if each.verdict is Verdict.OK}
    assert {"broker", "broker alarms"} <= well, found
    assert "no consumer" in off(found)["broker check"]


async def test_whoever_says_nothing_is_not_waited_for() -> None:
    async def for_ever() -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    checks = [Check("slow", for_ever, within_s=0.2) for _ in range(10)]
    began = monotonic()
    found = await examine(checks)

    assert monotonic() - began < 1.5, "they are asked at once"
    assert off(found)["slow"].startswith("wrong: It did not answer within 0.2 s.")


def test_this_machine_is_looked_at_as_up_will_find_it(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = off(machine.look(home, port, SystemClock()))

    assert found["port"].startswith(f"wrong: Port {port} is taken")
    assert not home.root.exists()


def test_a_folder_that_can_not_be_used_and_a_clock_before_our_time_are_wrong(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    within = off(machine.look(Home(tmp_path / "file" / "home"), free_ports(1)[0], SystemClock()))
    newer = Home(tmp_path / "newer")
    newer.root.mkdir()
    (newer.root / "version").write_text(f"{LAYOUT + 1}\n")
    found = off(machine.look(newer, free_ports(1)[0], FastClock(-20 * 365 * 86_400)))

    assert "can't be used" in within["folder"]
    assert "was made by a newer OrderEats" in found["folder"]
    assert (
        found["clock"].startswith("wrong: It says 2006") or "before this program" in found["clock"]
    )


def test_what_a_killed_run_has_left_is_said(home: Home) -> None:
    mine = os.getpid()
    part = PartState(
        name="postgres-orders",
        kind=Kind.POSTGRES,
        pid=mine,
        url="postgres://x",
        state=State.READY,
        restarts=0,
        born=born(mine),
    )
    home.state_file.parent.mkdir(parents=True)
    write(
        home.state_file,
        Running(
            pid=mine,
            born=0,
            phase=Phase.UP,
            address="http://localhost:1",
            topology="services",
            broker="RabbitMQ",
            parts=[part],
        ),
    )

    found = off(machine.look(home, free_ports(1)[0], SystemClock()))

    assert found["leftovers"].startswith("warn: A run that was killed has left postgres-orders")


def test_it_ends_with_1_if_anything_is_wrong_and_shows_the_way_out(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "SHEDING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORT", str(free_ports(1)[0]))
    assert doctor.run(home, as_json=False) == 0
    assert " 0 wrong," in f" {capsys.readouterr().out.splitlines()[-1]}"

    monkeypatch.setenv("SHEDING", "off")
    assert doctor.run(home, as_json=True) == 1

    (first, *_) = msgspec.json.decode(capsys.readouterr().out)
    assert first == {
        "name": "settings",
        "verdict": "wrong",
        "said": "SHEDING is set, and there is no such setting: is SHEDDING meant?",
        "wayOut": "Correct it, or take it away.",
    }


def test_lines_are_for_people() -> None:
    shown = doctor.as_lines(
        [ok("python", "Is [3]."), warn("disk", "Small.", "More."), wrong("port", "Taken.", "Free.")]
    )

    assert shown.splitlines() == [
        "ok     python  Is [3].",
        "warn   disk    Small. More.",
        "wrong  port    Taken. Free.",
        "",
        "1 wrong, 1 to be looked at, 1 well.",
    ]
