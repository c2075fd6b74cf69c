"""Where the commands for operators read: what runs here, or what the environment names."""

from pathlib import Path

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.topology import catalog
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind
from ordereats.topology.local.state import PartState, Phase, Running, State
from ordereats.topology.places import broker, of_environment, of_running


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

    places = of_running(running(SANDBOX, *services))

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


AMQP, POSTGRES = "amqp://broker.test", "postgres://db.test"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"BROKER_URL": AMQP}, AMQP),
        ({"BROKER_URL": AMQP, "DATABASE_URL": POSTGRES}, AMQP),
        ({"DATABASE_URL": POSTGRES}, POSTGRES),
    ],
)
def test_where_a_broker_is_named_no_database_has_to_be_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], found: str
) -> None:
    for name in ("BROKER_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)

    assert broker(Home(tmp_path)) == found


def test_a_broker_that_nobody_names_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BROKER_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(Misconfigured, match="or run `ordereats up`"):
        broker(Home(tmp_path))
