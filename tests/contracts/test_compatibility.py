"""This version and the one before it understand each other: each reads what the other writes."""

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from contracts.forms import Form, broken, present, previous
from contracts.test_calls import EXAMPLES as CALLS
from contracts.test_golden import EXAMPLES as EVENTS
from ordereats.contracts.wire import decode

NOW, BEFORE = present(), previous()
BOTH = sorted(NOW.keys() & BEFORE.keys())
PAID = "ordereats.order.paid.v1"
QUESTION = "restaurants.quote.question"


def test_nothing_that_the_version_before_says_or_hears_is_gone() -> None:
    assert BEFORE.keys() - NOW.keys() == set()


@pytest.mark.parametrize("name", BOTH)
def test_what_the_version_before_wrote_is_read(name: str) -> None:
    assert broken(NOW[name]["schema"], BEFORE[name]["schema"]) == []
    decode(msgspec.json.encode(BEFORE[name]["example"]), _kinds()[name])


@pytest.mark.parametrize("name", BOTH)
def test_what_this_version_writes_the_version_before_reads(name: str) -> None:
    assert broken(BEFORE[name]["schema"], NOW[name]["schema"]) == []


@pytest.mark.parametrize("name", [name for name in BOTH if not name.endswith(".question")])
def test_an_event_or_a_reply_may_grow_at_any_depth(name: str) -> None:
    kind = _kinds()[name]
    example = NOW[name]["example"]

    grown = _grown(example)

    assert decode(msgspec.json.encode(grown), kind) == decode(msgspec.json.encode(example), kind)


def test_a_question_that_grows_is_refused_at_any_depth() -> None:
    question = copy.deepcopy(NOW[QUESTION]["example"])
    question["items"][0]["options"] = [{"group": "Size", "name": "Large", "pirce": 1}]

    with pytest.raises(msgspec.ValidationError, match="`pirce`"):
        decode(msgspec.json.encode(question), _kinds()[QUESTION])


def _remove(schema: Form) -> None:
    _fields(schema).pop("userId")
    schema["$defs"]["OrderPaid"]["required"].remove("userId")


def _rename(schema: Form) -> None:
    _fields(schema)["customerId"] = _fields(schema).pop("userId")
    required = schema["$defs"]["OrderPaid"]["required"]
    required[required.index("userId")] = "customerId"


def _make_optional(schema: Form) -> None:
    schema["$defs"]["OrderPaid"]["required"].remove("userId")


def _change_type(schema: Form) -> None:
    _fields(schema)["userId"] = {"type": "string"}


def _may_be_null(schema: Form) -> None:
    _fields(schema)["userId"] = {"anyOf": [_fields(schema)["userId"], {"type": "null"}]}


def _widen(schema: Form) -> None:
    _fields(schema)["userId"].pop("maximum")


def _change_deep_down(schema: Form) -> None:
    schema["$defs"]["OrderedDish"]["properties"]["qty"] = {"type": "number"}


@pytest.mark.parametrize(
    "plant",
    [_remove, _rename, _make_optional, _change_type, _may_be_null, _widen, _change_deep_down],
)
def test_what_the_version_before_could_not_read_is_noticed(plant: Callable[[Form], None]) -> None:
    before = NOW[PAID]["schema"]
    changed = copy.deepcopy(before)
    plant(changed)

    assert broken(before, changed) != []


def test_a_new_field_that_must_be_there_is_noticed_and_one_with_a_default_is_fine() -> None:
    before = NOW[PAID]["schema"]
    changed = copy.deepcopy(before)
    _fields(changed)["tip"] = {"type": "integer", "default": 0}
    assert broken(changed, before) == broken(before, changed) == []

    changed["$defs"]["OrderPaid"]["required"].append("tip")

    assert broken(changed, before) == ["$.tip: may be missing"]


def test_a_narrower_limit_than_the_version_before_keeps_is_noticed() -> None:
    before = NOW[PAID]["schema"]
    changed = copy.deepcopy(before)
    _fields(changed)["userId"]["maximum"] = 1000

    assert broken(changed, before) == ["$.userId: above the maximum 1000"]


def test_a_question_with_a_field_that_the_version_before_refuses_is_noticed() -> None:
    before = NOW[QUESTION]["schema"]
    changed = copy.deepcopy(before)
    changed["$defs"]["AskQuote"]["properties"]["voucher"] = {"type": "string"}

    assert broken(before, changed) == ["$.voucher: is refused"]


def test_a_word_that_the_version_before_does_not_know_is_noticed() -> None:
    name = "ordereats.order.cancelled.v1"
    changed = copy.deepcopy(NOW[name]["schema"])
    changed["$defs"]["CancelledBy"]["enum"].append("weather")

    assert broken(NOW[name]["schema"], changed) != []


def _fields(schema: Form) -> Form:
    fields: Form = schema["$defs"]["OrderPaid"]["properties"]
    return fields


def _kinds() -> dict[str, type[Any]]:
    kinds: dict[str, type[Any]] = {name: type(event) for name, event in EVENTS.items()}
    for call, question, _ in CALLS:
        kinds[f"{call.service}.{call.name}.reply"] = call.reply
        kinds[f"{call.service}.{call.name}.question"] = type(getattr(question, "body", None))
    return kinds


def _grown(value: Any) -> Any:
    """A value with a field more wherever it has fields."""
    match value:
        case {"amount": str(), "currency": str()}:
            return {**value, "addedLater": 1}
        case dict():
            return {**{key: _grown(each) for key, each in value.items()}, "addedLater": 1}
        case list():
            return [_grown(each) for each in value]
    return value
