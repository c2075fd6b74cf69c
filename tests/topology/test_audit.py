"""The audit on real databases: a city in which all is well, and a planted fault of each kind."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.errors import DatabaseError, Misconfigured
from ordereats.topology.audit.checks import CHECKS
from ordereats.topology.audit.reading import read
from ordereats.topology.audit.report import NO_LEDGER, Report
from ordereats.topology.local.part import Process
from support.builders import run_sql
from topology.audit_city import (
    ANSWERED,
    DELIVERED,
    DELIVERY,
    JOURNAL,
    NOTIFICATION,
    PAYMENT,
    RECEIVED,
    TICKET,
    City,
    city,
    copy_of,
    place,
)

Plant = Callable[[City], Awaitable[None]]


@pytest.fixture(scope="module")
async def original(
    postgres_server: Process, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[City]:
    """Fill a city of one database, to be copied."""
    folder = tmp_path_factory.mktemp("sandbox")
    async with city(postgres_server, folder, has_one_database=True) as it:
        yield it


@pytest.fixture
async def monolith(original: City, postgres_server: Process, tmp_path: Path) -> AsyncIterator[City]:
    async with copy_of(original, postgres_server, tmp_path / "sandbox") as it:
        yield it


def off(report: Report) -> list[str]:
    return [each.claim for each in report.checks if each.findings]


def said(report: Report) -> str:
    return "; ".join(f"{f.subject} {f.message}" for each in report.checks for f in each.findings)


@pytest.mark.parametrize("has_one_database", [True, False])
async def test_where_all_is_well_nothing_is_found(
    postgres_server: Process, tmp_path: Path, *, has_one_database: bool
) -> None:
    async with city(postgres_server, tmp_path, has_one_database=has_one_database) as it:
        report = await it.audit()

    assert (report.holds, said(report)) == (True, "")
    examined = {each.claim: each.examined for each in report.checks}
    assert examined.pop("every fact is published") == 0
    assert examined.pop("no message is parked") == 7
    assert min(examined.values()) > 0
    assert not [each for each in report.checks if each.skipped]


async def lost_order(it: City) -> None:
    await it.sql("orders", ANSWERED, 99)


async def no_payment(it: City) -> None:
    await place(it, 4)


async def no_ticket(it: City) -> None:
    await it.sql("kitchen", "delete from tickets where order_id = 1")


async def no_delivery(it: City) -> None:
    await it.sql("deliveries", "delete from deliveries where order_id = 1")


async def cooked_for_nobody(it: City) -> None:
    await it.sql("kitchen", TICKET, 99, "handed_over")


async def not_noted(it: City) -> None:
    await it.sql("payments", "update inbox set type = 'another' where subject = 'order/3'")


async def two_payments(it: City) -> None:
    await it.sql("payments", "alter table payments drop constraint payments_order_id_key")
    await it.sql(
        "payments", PAYMENT.replace("$1::bigint, $1::bigint", "$1::bigint, 3"), 9, "voided", 0, None
    )


async def two_tickets(it: City) -> None:
    await it.sql("kitchen", "alter table tickets drop constraint tickets_order_id_key")
    await it.sql("kitchen", TICKET, 1, "handed_over")


async def two_deliveries(it: City) -> None:
    await it.sql("deliveries", "alter table deliveries drop constraint deliveries_order_id_key")
    await it.sql("deliveries", DELIVERY, 1, "delivered", 1)


async def received_twice(it: City) -> None:
    await it.sql("kitchen", "alter table inbox drop constraint inbox_pkey")
    await it.sql("kitchen", RECEIVED)


async def told_twice(it: City) -> None:
    await it.sql("notifications", "alter table notifications drop constraint notifications_once")
    await it.sql("notifications", NOTIFICATION, 1)


async def cancelled_and_charged(it: City) -> None:
    await it.sql("orders", "update orders set status = 'cancelled' where id = 1")
    moved = "update order_moves set status = 'cancelled' where order_id = 1 and version = 6"
    await it.sql("orders", moved)


async def cancelled_and_reserved(it: City) -> None:
    await it.sql("payments", "update payments set status = 'authorized' where id = 3")


async def delivered_for_nothing(it: City) -> None:
    await it.sql("payments", "update payments set status = 'authorized' where id = 1")


async def another_amount(it: City) -> None:
    await it.sql("orders", "update orders set total_minor = 2600, tip_minor = 100 where id = 3")


async def refund_without_a_trace(it: City) -> None:
    await it.sql("payments", "update refunds set status = 'failed'")


async def ledger_off(it: City) -> None:
    await it.sql("payments", "alter table postings disable trigger user")
    posting = (
        "update postings set amount_minor = 2400 where account = 'provider' and journal_id = 1"
    )
    await it.sql("payments", posting)


async def not_in_the_ledger(it: City) -> None:
    await it.sql("payments", "update payments set refunded_minor = 500 where id = 1")


async def charged_twice(it: City) -> None:
    await it.ask(f"payment_intents/{await it.charge(1)}/capture")


async def refunded_at_the_provider_alone(it: City) -> None:
    (row,) = await run_sql(
        it.databases["payments"], "select provider_reference as charge from payments where id = 1"
    )
    await it.ask("refunds", {"payment_intent": row["charge"], "amount": "500"})


async def still_reserved(it: City) -> None:
    charge = await it.charge(3)
    await it.sql("payments", "update payments set provider_reference = $1 where id = 3", charge)


async def impossible_move(it: City) -> None:
    moved = "update order_moves set status = 'ready' where order_id = 2 and version = 2"
    await it.sql("orders", moved)


async def state_without_history(it: City) -> None:
    await it.sql("orders", "delete from order_moves where order_id = 3")


async def move_without_a_trace(it: City) -> None:
    await it.sql("orders", "update orders set version = 3 where id = 3")


async def never_paid_or_expired(it: City) -> None:
    await place(it, 4)
    await it.sql("payments", PAYMENT, 4, "requested", 0, None)
    await it.sql("orders", "update orders set due_at = now() - interval '2 min' where id = 4")


async def paid_with_a_ticket(it: City, status: str) -> None:
    await place(it, 4, "paid")
    charge = await it.charge(4)
    await it.sql("payments", PAYMENT, 4, "authorized", 0, charge)
    await it.sql("kitchen", TICKET, 4, status)


async def never_accepted_or_expired(it: City) -> None:
    await paid_with_a_ticket(it, "new")


async def rejection_not_heard(it: City) -> None:
    await paid_with_a_ticket(it, "rejected")


async def accepted_with_a_delivery(it: City, status: str, courier: int | None) -> None:
    await place(it, 4, "paid", "accepted")
    charge = await it.charge(4)
    await it.ask(f"payment_intents/{charge}/capture")
    await it.sql("payments", PAYMENT, 4, "captured", 0, charge)
    await it.sql("payments", JOURNAL, 4, "captured", None, 2500)
    await it.sql("kitchen", TICKET, 4, "accepted")
    await it.sql("deliveries", DELIVERY, 4, status, courier)


async def searches_for_ever(it: City) -> None:
    await accepted_with_a_delivery(it, "searching", None)


async def nobody_found_not_heard(it: City) -> None:
    await accepted_with_a_delivery(it, "cancelled", None)


async def offered_for_ever(it: City) -> None:
    await accepted_with_a_delivery(it, "assigned", 1)
    offered = "update deliveries set status = 'offered', offered_until = find_by where order_id = 4"
    await it.sql("deliveries", offered)


async def courier_on_two(it: City) -> None:
    await it.sql("deliveries", "drop index deliveries_of_courier")
    await accepted_with_a_delivery(it, "assigned", 1)
    await it.sql("deliveries", "update deliveries set status = 'picked_up' where order_id = 1")


async def brought_though_cancelled(it: City) -> None:
    brought = "update deliveries set status = 'delivered', courier_id = 1, delivered_at = find_by"
    await it.sql("deliveries", f"{brought} where order_id = 2")


async def brought_and_not_heard(it: City) -> None:
    await accepted_with_a_delivery(it, "delivered", 1)


async def not_published(it: City) -> None:
    await it.sql(
        "orders",
        "insert into outbox (id, type, source, subject, version, time, correlation_id, data)"
        " values (gen_random_uuid(), 'x', 'orders', 'order/1', 1, now() - interval '61 s', '-',"
        " '{}')",
    )


async def parked(it: City) -> None:
    await it.sql(
        "payments",
        "insert into inbox (consumer, message_id, type, subject, state, message, last_error)"
        " values ('payments.order', gen_random_uuid(), 'x', 'order/1', 'parked', '{}', 'no')",
    )


PLANTED: list[tuple[Plant, str, str]] = [
    (lost_order, "every 201 is an order", "order/99 was answered to key-of-99 and is lost"),
    (no_payment, "every order is followed", "order/4 has no payment"),
    (no_ticket, "every order is followed", "order/1 has no ticket"),
    (no_delivery, "every order is followed", "order/1 has no delivery"),
    (cooked_for_nobody, "every effect has its order", "is for order 99, which is lost"),
    (not_noted, "every effect is noted", "payment/3 follows from order 3, and no inbox has"),
    (two_payments, "no effect happens twice", "order/3 has 2 payments"),
    (two_tickets, "no effect happens twice", "order/1 has 2 tickets"),
    (two_deliveries, "no effect happens twice", "order/1 has 2 deliveries"),
    (received_twice, "no effect happens twice", "was received 2 times by kitchen.order"),
    (told_twice, "no effect happens twice", "was told 2 times to customer 1"),
    (
        cancelled_and_charged,
        "money is kept for deliveries alone",
        "is cancelled, and 25.00 EUR of it are kept",
    ),
    (
        cancelled_and_reserved,
        "money is kept for deliveries alone",
        "is cancelled, and its payment is still authorized",
    ),
    (
        delivered_for_nothing,
        "money is kept for deliveries alone",
        "was delivered, and its payment is authorized",
    ),
    (
        another_amount,
        "money is kept for deliveries alone",
        "costs 26.00 EUR, its payment is 25.00 EUR",
    ),
    (refund_without_a_trace, "money is kept for deliveries alone", "refunds add up to 0.00"),
    (ledger_off, "the ledger balances", "journal/1 is off by -1.00 EUR"),
    (
        not_in_the_ledger,
        "the ledger balances",
        "payment/1 has kept 20.00 EUR, and the ledger says 25.00 EUR",
    ),
    (charged_twice, "the provider agrees", "of order 1, and no payment knows of it"),
    (
        refunded_at_the_provider_alone,
        "the provider agrees",
        "has kept 25.00 EUR, the provider says 20.00 EUR",
    ),
    (City.let_refund_fail, "the provider agrees", "has kept 0.00 EUR, the provider says 25.00"),
    (still_reserved, "the provider agrees", "is still reserved at the provider"),
    (impossible_move, "every history is a path", "order/2 went from pending to ready"),
    (state_without_history, "every history is a path", "its history ends with pending"),
    (move_without_a_trace, "every history is a path", "is at version 3, and its history has [2]"),
    (never_paid_or_expired, "every deadline is kept", "is pending past its deadline"),
    (never_accepted_or_expired, "every deadline is kept", "was not accepted in time"),
    (rejection_not_heard, "every deadline is kept", "long after its ticket was rejected"),
    (searches_for_ever, "every deadline is kept", "still searches, and its time is over"),
    (nobody_found_not_heard, "every deadline is kept", "still accepted, and nobody brings it"),
    (offered_for_ever, "every deadline is kept", "is offered, and the offer is over"),
    (courier_on_two, "no courier has two deliveries", "courier/1 has 2 deliveries at once"),
    (
        brought_though_cancelled,
        "what was brought is delivered",
        "delivery/2 was delivered, and its order 2 is cancelled",
    ),
    (brought_and_not_heard, "what was brought is delivered", "and its order 4 is accepted"),
    (not_published, "every fact is published", "x of orders has waited for 61 s"),
    (parked, "no message is parked", "x is parked in payments.order: no"),
]


@pytest.mark.parametrize(("plant", "claim", "message"), PLANTED)
async def test_a_planted_fault_is_found(
    monolith: City, plant: Plant, claim: str, message: str
) -> None:
    await plant(monolith)

    report = await monolith.audit()

    assert not report.holds
    assert claim in off(report)
    assert message in said(report)


def test_a_fault_of_every_kind_is_planted() -> None:
    assert {claim for _, claim, _ in PLANTED} == {each.claim for each in CHECKS}


async def test_what_is_still_under_way_is_no_fault(monolith: City) -> None:
    await place(monolith, 4, *DELIVERED)
    await monolith.sql("orders", "update orders set created_at = now(), updated_at = now()")
    await monolith.sql("orders", "update order_moves set at = now()")
    await monolith.sql("kitchen", "update tickets set created_at = now(), status = 'cancelled'")
    await cancelled_and_reserved(monolith)
    await brought_though_cancelled(monolith)
    await monolith.sql("deliveries", "update deliveries set delivered_at = now()")
    await refunded_at_the_provider_alone(monolith)
    await monolith.sql("payments", "update journals set at = now()")

    assert said(await monolith.audit()) == ""
    assert not (await monolith.audit(grace_s=0)).holds


async def test_without_the_providers_ledger_its_check_is_skipped_by_name(monolith: City) -> None:
    await charged_twice(monolith)

    report = await monolith.audit(without_ledger=True)

    assert report.holds
    assert [each.claim for each in report.checks if each.skipped == NO_LEDGER] == [
        "the provider agrees"
    ]


async def test_a_provider_that_shows_no_ledger_is_skipped_too(monolith: City) -> None:
    snapshot = await read(
        monolith.databases, ledger=f"{monolith.ledger}/nothing-here", clock=SystemClock()
    )

    assert snapshot.entries is None


async def test_a_ledger_that_is_longer_than_a_page_is_read_to_its_end(
    monolith: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordereats.topology.audit.reading.PAGE", 2)

    snapshot = await read(monolith.databases, ledger=monolith.ledger, clock=SystemClock())

    assert len(snapshot.entries or ()) == 5


async def test_what_can_not_be_read_is_said_by_name(monolith: City) -> None:
    nobody = "postgres://postgres:canary@127.0.0.1:9/nothing"

    with pytest.raises(DatabaseError, match="The database of kitchen can't be read") as error:
        await read({**monolith.databases, "kitchen": nobody}, ledger=None, clock=SystemClock())
    assert "canary" not in str(error.value)
    with pytest.raises(Misconfigured, match=r"ledger at http://127\.0\.0\.1:9 can't be read"):
        await read(monolith.databases, ledger="http://127.0.0.1:9", clock=SystemClock())
