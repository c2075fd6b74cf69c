"""Requests refuse what they don't know, answers and events ignore it; names are camelCase."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.examples import ANSWERS, ORDER_SHOWN, PHO, REQUESTS
from ordereats.contracts.menus import OrderedItem
from ordereats.contracts.orders import PlaceOrder
from ordereats.contracts.wire import Answer, Body, decode, encode


def test_there_is_an_example_of_every_request_and_of_every_answer() -> None:
    assert {type(each) for each in REQUESTS} == _kinds(Body)
    assert {type(each) for each in ANSWERS} == _kinds(Answer)


@pytest.mark.parametrize("value", [*REQUESTS, *ANSWERS], ids=lambda value: type(value).__name__)
def test_what_is_sent_is_what_arrives(value: Body | Answer) -> None:
    assert decode(encode(value), type(value)) == value


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda value: type(value).__name__)
def test_a_request_with_an_unknown_field_is_refused_by_its_name(request_: Body) -> None:
    with pytest.raises(msgspec.ValidationError, match="`pirce`"):
        decode(_with(request_, "pirce", 1), type(request_))


@pytest.mark.parametrize("control", ["\x00", "\n", "\x1b", "\x7f"], ids=repr)
@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (request, field)
        for request in REQUESTS
        for field in msgspec.structs.fields(request)
        if isinstance(getattr(request, field.name), str)
    ],
)
def test_text_with_a_control_character_is_refused_wherever_it_is(
    request_: Body, field: msgspec.structs.FieldInfo, control: str
) -> None:
    """PostgreSQL can't store a zero, and an order with one would fail all that share its commit."""
    text = getattr(request_, field.name)

    for wrong in [control + text, text[:4] + control + text[4:], text + control]:
        with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field.encode_name}"):
            decode(_with(request_, field.encode_name, wrong), type(request_))


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda value: type(value).__name__)
def test_a_reader_ignores_fields_that_a_newer_service_adds(answer: Answer) -> None:
    assert decode(_with(answer, "addedLater", {"deep": None}), type(answer)) == answer


@pytest.mark.parametrize("value", [*REQUESTS, *ANSWERS], ids=lambda value: type(value).__name__)
def test_names_on_the_wire_are_camel_case(value: Body | Answer) -> None:
    names = msgspec.json.decode(encode(value)).keys()

    assert [name for name in names if "_" in name or name[0].isupper()] == []


def test_money_in_answers_is_a_decimal_string_and_time_is_utc() -> None:
    order = msgspec.json.decode(encode(ORDER_SHOWN))

    assert order["totalPrice"] == "25.00"
    assert order["createdAt"] == "2026-02-28T18:30:15.250000Z"


@given(st.integers(min_value=0, max_value=10**10).map(lambda minor: Decimal(minor).scaleb(-2)))
def test_a_price_is_the_same_as_a_number_and_as_a_string(price: Decimal) -> None:
    body = b'{"userId":1,"restaurantId":2,"items":[{"name":"Pho","qty":2}],"totalPrice":%s}'

    as_number = decode(body % str(price).encode(), PlaceOrder)
    as_string = decode(body % f'"{price}"'.encode(), PlaceOrder)

    assert as_number.total_price == as_string.total_price == price


@pytest.mark.parametrize("qty", [0, -1, 100, 1.5, "2", None])
def test_a_quantity_is_a_whole_number_from_1_to_99(qty: object) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.qty"):
        decode(msgspec.json.encode({"name": "Pho", "qty": qty}), OrderedItem)


@pytest.mark.parametrize("count", [0, 51, 10_000])
def test_a_basket_has_from_1_to_50_lines(count: int) -> None:
    body = {"userId": 1, "restaurantId": 2, "items": [PHO] * count, "totalPrice": "25.00"}

    with pytest.raises(msgspec.ValidationError, match=r"\$\.items"):
        decode(msgspec.json.encode(body), PlaceOrder)


@pytest.mark.parametrize("user_id", [0, -1, 2**63, 10**30, "1", 1.5, None])
def test_an_id_is_a_number_that_a_64_bit_column_holds(user_id: object) -> None:
    body = {"userId": user_id, "restaurantId": 2, "items": [PHO], "totalPrice": "25.00"}

    with pytest.raises(msgspec.ValidationError, match=r"\$\.userId"):
        decode(msgspec.json.encode(body), PlaceOrder)


def _kinds(of: type[Body | Answer]) -> set[type[Body | Answer]]:
    """Those of the platform; other tests make some of their own."""
    return {
        each for each in of.__subclasses__() if each.__module__.startswith("ordereats.contracts.")
    }


def _with(value: Body | Answer, name: str, added: object) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(encode(value)) | {name: added})
