"""What has become of a charge can be found by its metadata, and a refund by its intent."""

import sqlite3
from pathlib import Path

import msgspec
import pytest
import stripe

from ordereats.sandbox.intents import Intent, Refund, Status
from ordereats.sandbox.ledger import FILE, Ledger
from ordereats.sandbox.schema import STEPS
from sandbox.conftest import Caller


async def test_an_intent_is_found_by_its_metadata_the_moment_it_is_made(caller: Caller) -> None:
    intent = await caller.charge(metadata={"charge_key": caller.order})
    await caller.charge(metadata={"charge_key": "another"})

    found = await caller.stripe.v1.payment_intents.search_async(
        {"query": f"metadata['charge_key']:'{caller.order}'"}
    )

    assert [each.id for each in found.data] == [intent.id]
    assert found.has_more is False


async def test_what_is_not_there_is_not_found(caller: Caller) -> None:
    query = "metadata['charge_key']:'nobody'"

    found = await caller.stripe.v1.payment_intents.search_async({"query": query})

    assert found.data == []


@pytest.mark.parametrize("query", ["status:'succeeded'", "metadata['a']:'b' AND x:'y'", "x"])
async def test_what_it_can_not_search_for_it_refuses(caller: Caller, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await caller.stripe.v1.payment_intents.search_async({"query": query})

    assert refused.value.param == "query"


async def test_the_refunds_of_an_intent_are_listed_the_latest_first(caller: Caller) -> None:
    intent = await caller.charge(capture_method="automatic")
    other = await caller.charge(capture_method="automatic")
    refunds = caller.stripe.v1.refunds
    made = [
        await refunds.create_async({"payment_intent": intent.id, "amount": amount})
        for amount in (1, 2, 3)
    ]
    await refunds.create_async({"payment_intent": other.id})

    page = await refunds.list_async({"payment_intent": intent.id, "limit": 2})
    everything = [each.id async for each in page.auto_paging_iter()]

    assert everything == [each.id for each in reversed(made)]


async def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    intent = Intent("pi_1", 2500, "eur", "manual", Status.SUCCEEDED, 1, metadata={"order_id": "7"})
    refund = Refund("re_1", "pi_1", "ch_1", 500, "eur", 2)
    with sqlite3.connect(tmp_path / FILE) as older:
        older.executescript(STEPS[0])
        older.execute("insert into intents values (1, 'pi_1', ?)", (msgspec.json.encode(intent),))
        older.execute("insert into refunds values ('re_1', ?)", (msgspec.json.encode(refund),))
    older.close()

    ledger = Ledger(tmp_path)
    found = await ledger.read(lambda tx: tx.marked("order_id", "7", limit=9))
    refunds = await ledger.read(lambda tx: tx.refunds_of("pi_1", limit=9, before=None))
    await ledger.close()

    assert (found, refunds) == ([intent], [refund])
