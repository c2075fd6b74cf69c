"""`ordereats dlq`: what it asks for before it acts, what it shows, and how it ends."""

import asyncio

import msgspec
import pytest
from typer.testing import CliRunner, Result

from chassis.messaging.brokers import a_queue
from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.service import CHASSIS_TABLES
from ordereats.cli import dlq
from support.builders import run_sql
from topology.test_dead_letters import parked


@pytest.fixture
async def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a database for everything, which is the one that the environment names."""
    monkeypatch.delenv("BROKER_URL", raising=False)
    monkeypatch.setenv("ORDEREATS_HOME", "nowhere")
    monkeypatch.setenv("DATABASE_URL", database_url)
    await migrate(database_url, [CHASSIS_TABLES])
    return database_url


async def run(*arguments: str) -> Result:
    """Run it, in a thread: it has a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, dlq.app, list(arguments))


async def states(url: str) -> dict[str, str]:
    rows = await run_sql(url, "select subject, state from inbox")
    return {row["subject"]: row["state"] for row in rows}


async def test_a_list_says_what_lies_where_and_nothing_of_people(url: str) -> None:
    queue = a_queue()
    await parked(url, queue, "order/1")

    table, written = await run("list"), await run("list", "--json")
    nothing = await run("list", "--subject", "order/2")

    assert table.exit_code == written.exit_code == nothing.exit_code == 0
    assert queue.name in table.output
    assert "ValueError: no" in table.output
    assert "1 message." in table.output
    (letter,) = msgspec.json.decode(written.output)
    assert (letter["queue"], letter["attempts"]) == (queue.name, 8)
    assert nothing.output == "No message is meant by that.\n"
    assert "hieu" not in table.output + written.output


async def test_where_none_lies_that_is_said_and_not_where_nobody_could_look(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = await run("list")
    monkeypatch.setenv("DATABASE_URL", "postgres://127.0.0.1:9/no")
    unread = await run("list")

    assert url
    assert (none.exit_code, none.output) == (0, "No message is parked or among the dead letters.\n")
    assert (unread.exit_code, unread.stdout) == (1, "")
    assert unread.stderr.count(" can't be read: ") == 2


async def test_one_is_shown_with_what_is_in_it(url: str) -> None:
    await parked(url, a_queue(), "order/1")
    (letter,) = msgspec.json.decode((await run("list", "--json")).output)

    shown, written = await run("show", letter["id"]), await run("show", letter["id"], "--json")
    unknown = await run("show", "unknown")

    assert '"email": "hieu@test.com"' in shown.output
    assert "correlation_id: a-correlation-id" in shown.output
    assert msgspec.json.decode(written.output)["letter"] == letter
    assert isinstance(unknown.exception, Misconfigured)


async def test_only_what_is_chosen_is_handed_over(url: str) -> None:
    for subject in ("order/1", "order/2", "order/3"):
        await parked(url, a_queue(), subject)
    (letter,) = msgspec.json.decode((await run("list", "--json", "--subject", "order/3")).output)

    dry = await run("redrive", "--subject", "order/1", "--dry-run")
    before = await states(url)
    done = await run("redrive", "--subject", "order/1")
    by_id = await run("redrive", letter["id"])

    assert set(before.values()) == {"parked"}
    assert dry.output.endswith("Nothing was moved.\n")
    assert done.output == by_id.output == "1 message handed over once more.\n"
    assert await states(url) == {"order/1": "waiting", "order/2": "parked", "order/3": "waiting"}


async def test_all_of_them_only_when_that_is_said(url: str) -> None:
    for subject in ("order/1", "order/2"):
        await parked(url, a_queue(), subject)

    refused = await run("redrive")
    before = await states(url)
    done = await run("redrive", "--all")

    assert isinstance(refused.exception, Misconfigured)
    assert set(before.values()) == {"parked"}
    assert done.output == "2 messages handed over once more.\n"
    assert set((await states(url)).values()) == {"waiting"}


async def test_an_id_that_is_nobodys_is_said_and_holds_up_no_other(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await parked(url, a_queue(), "order/1")
    (letter,) = msgspec.json.decode((await run("list", "--json")).output)

    dry = await run("redrive", "4f2a", "--dry-run")
    done = await run("redrive", "4f2a", letter["id"])
    monkeypatch.setenv("BROKER_URL", "amqp://127.0.0.1:9/")
    unread = await run("redrive", "4f2a")

    assert dry.output == "No message is meant by that.\nNothing was moved.\n"
    for each in (dry, done):
        assert isinstance(each.exception, Misconfigured)
        assert str(each.exception).startswith("There is no message 4f2a: ")
    assert done.output == "1 message handed over once more.\n"
    assert await states(url) == {"order/1": "waiting"}
    assert unread.exit_code == 1  # it may be there


@pytest.mark.parametrize("given", ["2 hours", "2", "h", "-1h", "1w"])
async def test_a_duration_that_can_not_be_read_is_said(url: str, given: str) -> None:
    ended = await run("list", f"--older-than={given}")

    assert url
    assert isinstance(ended.exception, Misconfigured)
    assert "90s, 15m, 2h or 1d" in str(ended.exception)


async def test_a_broker_that_is_away_is_said_and_hides_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_URL", "amqp://127.0.0.1:9/")
    await parked(url, a_queue(), "order/1")

    ended = await run("list")

    assert ended.exit_code == 1
    assert "1 message." in ended.stdout
    assert "RabbitMQ can't be read" in ended.stderr
