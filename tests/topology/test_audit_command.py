"""`ordereats audit`: where it reads, what it shows, and how it ends."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.cli import audit
from ordereats.topology import catalog
from ordereats.topology.audit.checks import CHECKS, Finding
from ordereats.topology.audit.places import of_environment, of_running
from ordereats.topology.audit.report import NO_LEDGER, Checked, Report
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind, Process
from ordereats.topology.local.state import PartState, Phase, Running, State
from topology.audit_city import ANSWERED, city


def a_part(name: str, kind: Kind, *, url: str = "", database: str | None = None) -> PartState:
    return PartState(
        name=name,
        kind=kind,
        pid=1,
        url=url,
        state=State.READY,
        restarts=0,
        database=database,
    )


def running(*parts: PartState) -> Running:
    return Running(
        pid=1, born=0, phase=Phase.UP, address="", topology="", broker="", parts=list(parts)
    )


SANDBOX = a_part("sandbox", Kind.SANDBOX, url="http://127.0.0.1:12111")


def test_of_a_platform_of_services_each_has_its_database() -> None:
    services = [a_part(each, Kind.SERVICE, database=f"db-{each}") for each in catalog.SERVICES]

    places = of_running(running(a_part("postgres", Kind.POSTGRES), SANDBOX, *services))

    assert places.databases == {each: f"db-{each}" for each in catalog.SERVICES}
    assert places.ledger == "http://127.0.0.1:12111"


def test_of_a_monolith_all_have_the_same() -> None:
    places = of_running(running(a_part("monolith", Kind.SERVICE, database="db")))

    assert places.databases == dict.fromkeys(catalog.SERVICES, "db")
    assert places.ledger is None


def test_a_platform_without_one_of_the_services_can_not_be_audited() -> None:
    with pytest.raises(Misconfigured, match="no database of users, restaurants"):
        of_running(running(a_part("orders", Kind.SERVICE, database="db")))


def test_the_environment_is_read_as_serve_reads_it() -> None:
    given = {"DATABASE_URL": "postgres://a/b", "KITCHEN_DATABASE_URL": "postgres://c/d"}

    places = of_environment(Environment(given))

    assert places.databases["kitchen"] == "postgres://c/d"
    assert places.databases["orders"] == "postgres://a/b"
    assert places.ledger is None
    assert (
        of_environment(Environment({**given, "STRIPE_API_BASE": "http://e"})).ledger == "http://e"
    )


def test_where_nothing_runs_and_nothing_is_named_it_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with pytest.raises(Misconfigured, match=r"set DATABASE_URL .* or run `ordereats up`"):
        audit.run(Home(tmp_path), as_json=False, grace_s=60)


async def test_it_ends_with_0_when_all_holds_and_with_1_and_a_list_when_not(
    postgres_server: Process,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = Home(tmp_path / "home")
    async with city(postgres_server, tmp_path / "sandbox", has_one_database=True) as it:
        monkeypatch.setenv("DATABASE_URL", it.databases["orders"])
        monkeypatch.setenv("STRIPE_API_BASE", it.ledger)

        assert await asyncio.to_thread(audit.run, home, as_json=False, grace_s=60) == 0
        shown = capsys.readouterr().out
        await it.sql("orders", ANSWERED, 99)
        assert await asyncio.to_thread(audit.run, home, as_json=True, grace_s=60) == 1
        printed = capsys.readouterr().out

    report = msgspec.json.decode(printed[printed.index("{\n") :])  # after the sandbox's log
    assert shown.count("holds") == len(CHECKS)
    assert report["holds"] is False
    assert [each["findings"] for each in report["checks"] if each["findings"]] == [
        [{"subject": "order/99", "message": "was answered to key-of-99 and is lost"}]
    ]


def test_a_table_names_what_was_skipped_and_shows_the_first_of_what_is_off() -> None:
    findings = tuple(Finding(f"order/{n}", "is [red]lost[/]") for n in range(audit.SHOWN + 5))
    report = Report(
        holds=False,
        grace_s=60,
        checks=[Checked("every 201 is an order", 1234, findings), Checked("b", 0, (), NO_LEDGER)],
    )

    shown = audit.as_table(report)

    assert "1,234" in shown
    assert f"{audit.SHOWN + 5} off" in shown
    assert "order/0 is [red]lost[/]" in shown
    assert "and 5 more: --json shows all" in shown
    assert f"skipped: {NO_LEDGER}" in shown
