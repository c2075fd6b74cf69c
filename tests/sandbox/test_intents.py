"""The rules of money, for every order of moves."""

import contextlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ordereats.sandbox import actions, intents
from ordereats.sandbox.actions import World
from ordereats.sandbox.cards import APPROVED, CHALLENGED, DECLINED
from ordereats.sandbox.forms import CreateIntent
from ordereats.sandbox.intents import MAY, Intent, Kind, Movement, Refused, Status
from ordereats.sandbox.ledger import Ledger

AMOUNTS = st.none() | st.integers(1, 60)


def an_intent(status: Status = Status.REQUIRES_PAYMENT_METHOD, amount: int = 50) -> Intent:
    return Intent(
        id="pi_1",
        amount=amount,
        currency="eur",
        capture_method="manual",
        status=status,
        created=0,
    )


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("done", MAY)
def test_a_move_outside_the_table_is_refused(status: Status, done: str) -> None:
    intent = replace(an_intent(status), amount_capturable=50, amount_received=50)
    moves = {
        "captured": lambda: intents.capture(intent, None),
        "canceled": lambda: intents.cancel(intent, None, at=1),
        "refunded": lambda: intents.refund(intent, None),
    }

    if status in MAY[done]:
        moves[done]()
    else:
        with pytest.raises(Refused):
            moves[done]()


@given(
    card=st.sampled_from([*APPROVED, *DECLINED, *CHALLENGED]),
    method=st.sampled_from(["manual", "automatic"]),
    moves=st.lists(
        st.tuples(st.sampled_from([intents.capture, intents.refund]), AMOUNTS)
        | st.just((intents.cancel, None)),
        max_size=8,
    ),
)
def test_what_is_given_back_was_taken_and_what_is_taken_was_reserved(
    card: str, method: str, moves: list[tuple[object, int | None]]
) -> None:
    new = replace(an_intent(), capture_method=method)
    intent, made = intents.confirm(new, card, charge="ch_1")
    movements = list(made)

    for move, amount in moves:
        movement: Movement
        with contextlib.suppress(Refused):
            if move is intents.cancel:
                intent, movement = intents.cancel(intent, None, at=1)
            elif move is intents.capture:
                intent, movement = intents.capture(intent, amount)
            else:
                intent, movement = intents.refund(intent, amount)
            movements.append(movement)

    total = {kind: sum(m.amount for m in movements if m.kind == kind) for kind in Kind}
    assert total[Kind.REFUNDED] <= total[Kind.CAPTURED] <= total[Kind.AUTHORIZED] <= 50
    assert total[Kind.CAPTURED] + total[Kind.CANCELED] <= total[Kind.AUTHORIZED]
    assert total[Kind.AUTHORIZED] + total[Kind.DECLINED] in {0, 50}
    assert intent.amount_received == total[Kind.CAPTURED]
    assert intent.amount_refunded == total[Kind.REFUNDED]


async def test_times_and_names_are_the_worlds(tmp_path: Path) -> None:
    now = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    counts = Counter[str]()

    def new_id(kind: str) -> str:
        counts[kind] += 1
        return f"{kind}_{counts[kind]}"

    world = World(now=lambda: now, new_id=new_id)
    asked = CreateIntent(amount=1, currency="EUR", confirm=True, payment_method="pm_card_visa")
    ledger = Ledger(tmp_path)

    answer = await ledger.write(lambda tx: actions.create_intent(tx, world, asked), None)
    [entry, _] = await ledger.read(lambda tx: tx.entries(limit=9, after=0))
    await ledger.close()

    said = msgspec.json.decode(answer.body)
    assert (said["id"], said["created"]) == ("pi_1", int(now.timestamp()))
    assert (said["latest_charge"], said["currency"]) == ("ch_1", "eur")
    assert (entry.at, entry.idempotency_key) == ("2030-01-02T03:04:05Z", None)
