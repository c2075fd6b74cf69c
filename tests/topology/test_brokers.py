"""Which broker `ordereats broker` means, and what it says where PostgreSQL carries the events."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ordereats.chassis.errors import Misconfigured
from ordereats.cli.broker import app
from ordereats.topology.broker.definitions import Kind
from ordereats.topology.broker.queues import queues
from ordereats.topology.brokers import OperatedRabbitMQ, operated
from ordereats.topology.local.home import Home

MANAGEMENT = "http://admin:secret@broker.test:15672"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Give a folder in which nothing runs, and an environment that says nothing."""
    for name in ("DATABASE_URL", "BROKER_URL", "BROKER_MANAGEMENT_URL"):
        monkeypatch.delenv(name, raising=False)
    return Home(tmp_path)


def test_the_environment_names_a_broker_and_the_users_of_services(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_MANAGEMENT_URL", MANAGEMENT)
    monkeypatch.setenv("ORDERS_BROKER_URL", "amqp://sales:a%2Fb@broker.test/food")
    monkeypatch.setenv("PAYMENTS_BROKER_URL", "amqp://sales:a%2Fb@broker.test/food")

    found = operated(home)

    assert isinstance(found, OperatedRabbitMQ)
    assert found.management == MANAGEMENT
    assert found.wanted.vhost == "food"
    (user,) = [each for each in found.wanted.things if each.kind is Kind.USER]
    (may,) = [each for each in found.wanted.things if each.kind is Kind.PERMISSION]
    assert user.name == "user sales"
    assert may.body["configure"] == r"^(orders|payments)\."


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"BROKER_URL": "amqp://broker.test", "DATABASE_URL": "postgres://db.test"}, "MANAGEMENT"),
        ({"DATABASE_URL": "postgres://db.test", "BROKER_MANAGEMENT_URL": "ftp://x"}, "http://"),
        (
            {"BROKER_MANAGEMENT_URL": MANAGEMENT, "ORDERS_BROKER_URL": "amqp://broker.test"},
            "ORDERS_BROKER_URL must name a user",
        ),
        (
            {
                "BROKER_MANAGEMENT_URL": MANAGEMENT,
                "ORDERS_BROKER_URL": "amqp://a:b@broker.test/one",
                "USERS_BROKER_URL": "amqp://c:d@broker.test/two",
            },
            "several vhosts",
        ),
        (
            {
                "BROKER_MANAGEMENT_URL": MANAGEMENT,
                "ORDERS_BROKER_URL": "amqp://sales:one@broker.test",
                "USERS_BROKER_URL": "amqp://sales:two@broker.test",
            },
            "has another password for 'sales'",
        ),
    ],
)
def test_what_can_not_be_right_is_a_sentence(
    home: Home, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], sentence: str
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(Misconfigured, match=sentence):
        operated(home)


async def test_on_postgresql_a_consumer_that_never_ran_gets_its_routes(
    home: Home, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("ORDEREATS_HOME", str(home.root))
    monkeypatch.setenv("DATABASE_URL", database_url)
    routes = sum(len(queue.types) for queue in queues())

    before, first, again, after = [await run(each) for each in ("check", "apply", "apply", "check")]

    assert [each.exit_code for each in (before, first, again, after)] == [1, 0, 0, 0]
    assert "route of ordereats.user.created.v1 to orders.user is missing\n" in before.output
    assert len(before.output.splitlines()) == routes
    made = "route of ordereats.user.created.v1 to orders.user was missing: made\n"
    assert made in first.output
    assert first.output.endswith("The PostgreSQL queue has all its routes.\n")
    assert again.output == "The PostgreSQL queue had all its routes.\n"
    assert after.output == "The PostgreSQL queue has all that it must.\n"


@pytest.mark.parametrize("command", ["check", "apply"])
async def test_a_postgresql_that_does_not_answer_is_a_sentence_and_no_finding(
    home: Home, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("ORDEREATS_HOME", str(home.root))
    monkeypatch.setenv("DATABASE_URL", "postgres://127.0.0.1:9/nothing")

    result = await run(command)

    assert isinstance(result.exception, Misconfigured)  # the program says it, and ends with 2
    assert str(result.exception).startswith("The PostgreSQL queue does not answer: ")


async def run(command: str) -> Result:
    """Run `ordereats broker …`, in a thread: it has a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, [command])
