"""What bad input gets: a 400 that names each field, and never a 500, in every shape."""

import pytest

from support.platform import Platform

ITEM = {"name": "Pho", "qty": 2}


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"userId": None}, "userId"),
        ({"totalPrice": None}, "totalPrice"),
        ({"userId": "one"}, "userId"),
        ({"userId": 2**63}, "userId"),
        ({"userId": 0}, "userId"),
        ({"totalPrice": -1}, "totalPrice"),
        ({"totalPrice": 0}, "totalPrice"),
        ({"totalPrice": "NaN"}, "totalPrice"),
        ({"totalPrice": "Infinity"}, "totalPrice"),
        ({"totalPrice": 25.005}, "totalPrice"),
        ({"totalPrice": "1e999999"}, "totalPrice"),
        ({"items": []}, "items"),
        ({"items": [ITEM] * 51}, "items"),
        ({"items": [ITEM, {"name": "", "qty": 2}]}, "items[1].name"),
        ({"items": [{"name": "Pho", "qty": 0}]}, "items[0].qty"),
        ({"voucher": 5}, "voucher"),
        ({"userId": "x", "items": [], "voucher": 1}, "items userId voucher"),
        ({"userId": 987654321}, "userId"),
        ({"userId": 987654321, "restaurantId": 987654321}, "restaurantId userId"),
    ],
    ids=str,
)
async def test_a_bad_order_is_refused_and_each_field_is_named(
    platform: Platform, changes: dict[str, object], paths: str
) -> None:
    body = {
        name: value for name, value in platform.an_order(**changes).items() if value is not None
    }

    refused = await platform.post("/orders", body)

    assert (refused.status, refused.code) == (400, "invalid_request")
    assert {each["path"] for each in refused.body["errors"]} == set(paths.split())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b"{}"])
async def test_what_is_no_json_object_is_refused(platform: Platform, body: bytes) -> None:
    for path in ("/users", "/restaurants", "/orders"):
        refused = await platform.post(path, body)

        assert (refused.status, refused.code) == (400, "invalid_request"), path


async def test_ten_thousand_lines_are_refused(platform: Platform) -> None:
    refused = await platform.post("/orders", platform.an_order(items=[ITEM] * 10_000))

    assert refused.status in {400, 413}


async def test_a_body_over_the_limit_is_413(platform: Platform) -> None:
    refused = await platform.post("/users", {"name": "x" * 1_000_000, "email": "a@b.c"})

    assert refused.status == 413


@pytest.mark.parametrize("email", ["", "nobody", "a b@c.d", "@", "a@", "@b"])
async def test_an_email_without_both_sides_is_refused(platform: Platform, email: str) -> None:
    refused = await platform.post("/users", {"name": "Hieu", "email": email})

    assert refused.status == 400
    assert [each["path"] for each in refused.body["errors"]] == ["email"]


async def test_an_email_is_taken_in_any_case_of_its_letters(platform: Platform) -> None:
    await platform.post("/users", {"name": "Anna", "email": "anna@test.com"})

    again = await platform.post("/users", {"name": "Anna", "email": "ANNA@test.com"})

    assert (again.status, again.code) == (409, "email_taken")


@pytest.mark.parametrize("path", ["/orders", "/users", "/restaurants"])
@pytest.mark.parametrize("name", ["0", "-1", "abc", "1e3", str(2**63), str(2**64), "%00", "1/2"])
async def test_an_id_that_can_not_be_is_a_400_or_404(
    platform: Platform, path: str, name: str
) -> None:
    answer = await platform.get(f"{path}/{name}")

    assert answer.status in {400, 404}
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_what_does_not_exist_is_404_and_says_so(platform: Platform) -> None:
    for path in ("/orders/987654321", "/users/987654321", "/restaurants/987654321"):
        answer = await platform.get(path)

        assert (answer.status, answer.code) == (404, "not_found"), path


async def test_a_path_that_leads_nowhere_is_told_apart_from_a_thing_that_is_absent(
    platform: Platform,
) -> None:
    for path in ("/nothing", "/orders/abc", "/users/1/2"):
        answer = await platform.get(path)

        assert (answer.status, answer.code) == (404, "no_such_path"), path
