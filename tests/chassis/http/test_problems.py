"""Every error leaves as a problem document that names what is wrong, and nothing of our insides."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from support.builders import Client

ITEM = {"name": "Pho", "qty": 2}
BASKET = {"userId": 1, "items": [ITEM]}
MISPLACED = "the-secret-inside"


async def test_a_basket_that_is_right_is_taken(probe: Client) -> None:
    answer = await probe.post("/baskets", BASKET)

    assert (answer.status, answer.json()) == (201, {"lines": 1})


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"userId": "is required", "items": "is required"}),
        (
            {"userId": "1", "items": [], "note": "x" * 11, "tip": 1},
            {
                "tip": "is not a field here",
                "userId": "must be `int`, got `str`",
                "items": "must be `array` of length >= 1",
                "note": "must be `str` of length <= 10",
            },
        ),
        (
            {**BASKET, "items": [ITEM, ITEM, ITEM, {"name": "Pho", "qty": 0}]},
            {"items[3].qty": "must be `int` >= 1"},
        ),
        (
            {**BASKET, "items": [{"name": "Pho", "qty": 1, "size": "L"}]},
            {"items[0]": "Object contains unknown field `size`"},
        ),
        ({**BASKET, "items": [{"qty": 1}]}, {"items[0]": "Object missing required field `name`"}),
        ({**BASKET, "userId": 2**63}, {"userId": "must be `int` <= 9223372036854775807"}),
        ({**BASKET, "userId": 0}, {"userId": "must be `int` >= 1"}),
        ({**BASKET, "userId": 1.5}, {"userId": "must be `int`, got `float`"}),
        ({**BASKET, "userId": None}, {"userId": "must be `int`, got `null`"}),
        ({**BASKET, "userId": True}, {"userId": "must be `int`, got `bool`"}),
    ],
    ids=str,
)
async def test_each_wrong_field_is_named_with_what_it_has_to_be(
    probe: Client, body: object, errors: dict[str, str]
) -> None:
    answer = await probe.post("/baskets", body)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert {each["path"]: each["message"] for each in answer.json()["errors"]} == errors


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not json", id="no JSON"),
        pytest.param(b'{"userId": 1', id="cut off"),
        pytest.param(b'{"userId": NaN, "items": []}', id="NaN"),
        pytest.param(b"[1, 2]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"\xff\xfe\x00", id="no UTF-8"),
        pytest.param(b'{"userId": 1e999, "items": []}', id="a number beyond any"),
        pytest.param(b'{"userId": ' + b"9" * 5000 + b"}", id="a number of 5000 digits"),
        pytest.param(b'{"userId": 1, "items": "\\ud800"}', id="half a surrogate pair"),
    ],
)
async def test_what_is_no_json_object_is_refused(probe: Client, body: bytes) -> None:
    answer = await probe.post("/baskets", body)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000, id="of everything"),
        pytest.param(b'{"userId": 1, "items": ' + b"[" * 100_000, id="of a field"),
        pytest.param(b'{"deep": ' * 20_000 + b"1" + b"}" * 20_000, id="of an unknown field"),
    ],
)
async def test_brackets_nested_beyond_reason_are_a_400(probe: Client, body: bytes) -> None:
    answer = await probe.post("/baskets", body)

    assert (answer.status, answer.code) == (400, "invalid_request")


async def test_a_body_over_the_limit_is_413(probe: Client) -> None:
    answer = await probe.post("/baskets", b" " * (256 * 1024 + 1))

    assert (answer.status, answer.code) == (413, "too_large")


async def test_a_body_over_the_limit_is_413_also_when_it_does_not_say_how_long_it_is(
    probe: Client,
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(257):
            yield b" " * 1024

    answer = await probe.post("/baskets", chunks())

    assert (answer.status, answer.code) == (413, "too_large")


async def test_a_body_at_the_limit_is_read(probe: Client) -> None:
    rest = b'{"userId": 1, "items": [{"name": "Pho", "qty": 2}]}'

    answer = await probe.post("/baskets", b" " * (256 * 1024 - len(rest)) + rest)

    assert answer.status == 201


async def test_an_unknown_path_is_404(probe: Client) -> None:
    assert (await probe.get("/nowhere")).status == 404
    assert (await probe.post("/nowhere", {})).status == 404


async def test_an_unknown_method_is_405_and_says_which_are_known(probe: Client) -> None:
    answer = await probe.ask("DELETE", "/baskets")

    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("missing", 404, "not_found"),
        ("conflict", 409, "price_changed"),
        ("down", 503, "tired"),
        ("database", 500, "internal"),
        ("unexpected", 500, "internal"),
    ],
)
async def test_each_kind_of_error_has_its_status_and_code(
    probe: Client, kind: str, status: int, code: str
) -> None:
    answer = await probe.get(f"/errors/{kind}")

    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("kind", ["database", "unexpected"])
async def test_a_500_says_nothing_of_our_insides_but_the_log_does(probe: Client, kind: str) -> None:
    with capture_logs() as lines:
        answer = await probe.get(f"/errors/{kind}")

    assert MISPLACED.encode() not in answer.body
    assert b"Traceback" not in answer.body
    failed = [line for line in lines if line["event"] == "request_failed"]
    assert len(failed) == 1
    assert MISPLACED in str(failed[0])


async def test_a_503_says_when_to_ask_again(probe: Client) -> None:
    assert (await probe.get("/errors/down")).headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("1", 200),
        (str(2**63 - 1), 200),
        ("0", 400),
        ("-1", 400),
        (str(2**63), 400),
        (str(2**64), 400),
        ("9" * 5000, 404),
        ("1e3", 404),
        ("1.0", 404),
        ("abc", 404),
        ("%00", 404),
        ("1%2F2", 404),
    ],
)
async def test_an_id_that_can_not_be_one_is_a_400_or_a_404(
    probe: Client, given: str, status: int
) -> None:
    answer = await probe.get(f"/things/{given}")

    assert answer.status == status
    if status == 400:
        assert answer.code == "invalid_request"
        assert answer.paths == ["thingId"]
