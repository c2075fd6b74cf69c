"""Every call travels: question and reply are the same after the codec, and the path has it all."""

import pkgutil
import re
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import msgspec
import pytest

from ordereats import contracts
from ordereats.contracts.calls import Call
from ordereats.contracts.ids import RestaurantId, UserId
from ordereats.contracts.restaurants import GET_RESTAURANT, Restaurant, WhichRestaurant
from ordereats.contracts.users import GET_USER, User, WhichUser
from ordereats.contracts.wire import decode, encode
from ordereats.topology.catalog import SERVICES

NOW = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)
EXAMPLES: list[tuple[Call[Any, Any], msgspec.Struct, msgspec.Struct]] = [
    (GET_USER, WhichUser(UserId(1)), User(UserId(1), "Hieu", "hieu@test.com", NOW)),
    (
        GET_RESTAURANT,
        WhichRestaurant(RestaurantId(2)),
        Restaurant(RestaurantId(2), "Pho Saigon", None, NOW),
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
    call: Call[Any, Any], question: msgspec.Struct, reply: msgspec.Struct
) -> None:
    assert decode(encode(question), call.question) == question
    assert decode(encode(reply), call.reply) == reply


@pytest.mark.parametrize("call", CALLS, ids=lambda value: getattr(value, "path", None))
def test_the_path_holds_every_field_of_the_question_and_nothing_else(call: Call[Any, Any]) -> None:
    assert re.findall(r"{(\w+)}", call.path) == list(call.question.__struct_fields__)


@pytest.mark.parametrize("call", CALLS, ids=lambda value: getattr(value, "path", None))
def test_a_call_goes_to_a_service_that_there_is_and_has_a_deadline(call: Call[Any, Any]) -> None:
    assert call.service in SERVICES
    assert 0 < call.deadline_ms <= 5_000
