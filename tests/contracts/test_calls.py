"""Every call travels: question and reply are the same after the codec, and the path has it all."""

import pkgutil
import re
from importlib import import_module
from typing import Any

import pytest
from msgspec import Struct

from contracts import examples
from ordereats import contracts
from ordereats.contracts import kitchen, menus
from ordereats.contracts.calls import Call
from ordereats.contracts.users import GET_USER, User, WhichUser
from ordereats.contracts.wire import decode, encode
from ordereats.topology.catalog import SERVICES


def an_answer(kind: type[Struct]) -> Struct:
    """The example of an answer of this kind."""
    return next(each for each in examples.ANSWERS if type(each) is kind)


def a_request(kind: type[Struct]) -> Any:
    """The example of a request of this kind."""
    return next(each for each in examples.REQUESTS if type(each) is kind)


AT = examples.RESTAURANT
EXAMPLES: list[tuple[Call[Any, Any], Struct, Struct]] = [
    (GET_USER, WhichUser(examples.USER), an_answer(User)),
    (menus.QUOTE, menus.WhichBasket(AT, a_request(menus.AskQuote)), an_answer(menus.Quote)),
    (
        menus.HOLD_PORTIONS,
        menus.WhichPortions(AT, a_request(menus.HoldPortions)),
        an_answer(menus.Hold),
    ),
    (
        kitchen.WITHDRAW,
        kitchen.WhichOrder(examples.ORDER, a_request(kitchen.WithdrawOrder)),
        an_answer(kitchen.Withdrawn),
    ),
]
CALLS = [call for call, _, _ in EXAMPLES]


def test_there_is_an_example_of_every_call() -> None:
    modules = [
        import_module(f"ordereats.contracts.{each.name}")
        for each in pkgutil.iter_modules(contracts.__path__)
    ]
    found = {value for each in modules for value in vars(each).values() if isinstance(value, Call)}

    assert found == set(CALLS)


@pytest.mark.parametrize(
    ("call", "question", "reply"), EXAMPLES, ids=lambda value: getattr(value, "path", None)
)
def test_question_and_reply_come_through_the_codec_unchanged(
    call: Call[Any, Any], question: Struct, reply: Struct
) -> None:
    assert decode(encode(question), call.question) == question
    assert decode(encode(reply), call.reply) == reply


@pytest.mark.parametrize("call", CALLS, ids=lambda value: getattr(value, "path", None))
def test_path_and_body_hold_every_field_of_the_question_and_nothing_else(
    call: Call[Any, Any],
) -> None:
    body = ["body"] if call.method == "POST" else []

    assert re.findall(r"{(\w+)}", call.path) + body == list(call.question.__struct_fields__)


@pytest.mark.parametrize("call", CALLS, ids=lambda value: getattr(value, "path", None))
def test_a_call_goes_to_a_service_that_there_is_and_has_a_deadline(call: Call[Any, Any]) -> None:
    assert call.service in SERVICES
    assert 0 < call.deadline_ms <= 5_000
