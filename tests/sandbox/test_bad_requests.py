"""What is wrong with a request is said in Stripe's words; nothing that is sent makes a 500."""

import base64

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from ordereats.sandbox import forms
from ordereats.sandbox.intents import Refused
from sandbox.conftest import Caller

KEY = {"Authorization": "Bearer sk_test_x"}
FORM = KEY | {"Content-Type": "application/x-www-form-urlencoded"}
GOOD = "currency=eur&confirm=true&payment_method=pm_card_visa"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ("", "parameter_missing", "amount"),
        (f"amount=1&{GOOD.replace('currency=eur&', '')}", "parameter_missing", "currency"),
        (f"amount=1&{GOOD.replace('confirm=true&', '')}", "parameter_missing", "confirm"),
        ("amount=1&currency=eur&confirm=true", "parameter_missing", "payment_method"),
        (f"amount=1&colour=red&{GOOD}", "parameter_unknown", "colour"),
        (f"amount=1&expand[]=charges&{GOOD}", "parameter_unknown", "expand"),
        (f"amount=&{GOOD}", "parameter_invalid_empty", "amount"),
        (f"amount=0&{GOOD}", "parameter_invalid_integer", "amount"),
        (f"amount=-1&{GOOD}", "parameter_invalid_integer", "amount"),
        (f"amount=1.0&{GOOD}", "parameter_invalid_integer", "amount"),
        (f"amount=1e3&{GOOD}", "parameter_invalid_integer", "amount"),
        (f"amount=NaN&{GOOD}", "parameter_invalid_integer", "amount"),
        (f"amount={'9' * 5000}&{GOOD}", "parameter_invalid_integer", "amount"),
        (f"amount[a]=1&{GOOD}", "parameter_invalid_integer", "amount"),
        (f"amount=100000000&{GOOD}", "amount_too_large", "amount"),
        (f"amount=1&{GOOD.replace('eur', 'e%00r')}", None, "currency"),
        (f"amount=1&{GOOD.replace('eur', 'euro')}", None, "currency"),
        (f"amount=1&{GOOD.replace('true', 'perhaps')}", None, "confirm"),
        (f"amount=1&{GOOD.replace('true', 'false')}", None, "confirm"),
        (f"amount=1&capture_method=later&{GOOD}", None, "capture_method"),
        (f"amount=1&payment_method_types[]=cash&{GOOD}", None, "payment_method_types"),
        (f"amount=1&metadata=x&{GOOD}", None, "metadata"),
        (f"amount=1&metadata[a][b]=x&{GOOD}", None, "metadata"),
        (f"amount=1&metadata[a]={'x' * 501}&{GOOD}", None, "metadata"),
        (f"amount=1&metadata[{'x' * 41}]=1&{GOOD}", None, "metadata"),
        ("&".join(f"metadata[k{n}]=1" for n in range(51)) + f"&amount=1&{GOOD}", None, "metadata"),
        (f"amount=1&metadata=x&metadata[a]=1&{GOOD}", None, "metadata"),
        (f"amount=1&metadata[a]=1&metadata=x&{GOOD}", None, "metadata"),
        (f"amount[a]=1&amount=1&{GOOD}", None, "amount"),
        (f"amount=1&metadata[a=1&{GOOD}", None, None),
        (f"amount=1&=1&{GOOD}", None, None),
        (f"amount=1&description=%ff&{GOOD}", None, None),
        ("&".join(["a=1"] * 201), None, None),
    ],
)
async def test_a_parameter_that_is_wrong_is_named(
    caller: Caller, body: str, code: str | None, param: str | None
) -> None:
    async with caller.http.post("/v1/payment_intents", data=body, headers=FORM) as response:
        error = (await response.json())["error"]

    assert response.status == 400
    assert (error.get("code"), error.get("param")) == (code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert response.headers["Request-Id"].startswith("req_")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("payment_intents/pi_x/capture", "amount_to_capture=0"),
        ("payment_intents/pi_x/capture", "amount=1"),
        ("payment_intents/pi_x/cancel", "cancellation_reason=whim"),
        ("refunds", ""),
        ("refunds", "payment_intent=pi_x&amount=none"),
        ("refunds", "payment_intent=pi_x&reason=whim"),
        ("refunds", f"payment_intent={'x' * 256}"),
    ],
)
async def test_every_write_checks_its_parameters(caller: Caller, path: str, body: str) -> None:
    async with caller.http.post(f"/v1/{path}", data=body, headers=FORM) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/v1/payment_intents?limit=0",
        "/v1/payment_intents?limit=101",
        "/v1/payment_intents?created=1",
        "/v1/payment_intents/pi_x?expand[]=customer",
        "/v1/refunds/re_x?a=1",
        "/ledger?limit=501",
        "/ledger?after=-1",
        "/ledger?after=9223372036854775808",
        "/ledger?after=abc",
        "/ledger?order_id=7",
        "/ledger?metadata[colour]=red",
        "/ledger?orderId=%ff",
    ],
)
async def test_every_question_checks_its_parameters(caller: Caller, path: str) -> None:
    async with caller.http.get(path, headers=KEY) as response:
        assert response.status == 400, await response.text()


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "sk_test_x",
        "Bearer sk_live_x",
        "Bearer",
        "Digest sk_test_x",
        "Basic sk_test_x",
        f"Basic {base64.b64encode(b'sk_live_x:').decode()}",
        "Basic \xff",
    ],
)
async def test_only_a_test_key_is_let_in_and_none_is_repeated(
    caller: Caller, authorization: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    async with caller.http.get("/v1/payment_intents", headers=headers) as response:
        text = await response.text()

    assert response.status == 401
    assert "sk_live_x" not in text


async def test_a_test_key_may_come_as_a_user_name(caller: Caller) -> None:
    headers = {"Authorization": f"Basic {base64.b64encode(b'sk_test_x:').decode()}"}

    async with caller.http.get("/v1/payment_intents", headers=headers) as response:
        assert response.status == 200


async def test_the_library_sees_a_wrong_key_as_its_authentication_error(caller: Caller) -> None:
    stranger = stripe.StripeClient(
        "sk_live_x",
        base_addresses={"api": caller.url},
        http_client=stripe.AIOHTTPClient(session=caller.http),
    )

    with pytest.raises(stripe.AuthenticationError):
        await stranger.v1.payment_intents.list_async()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/charges"), ("DELETE", "/v1/payment_intents"), ("POST", "/"), ("GET", "/v1/")],
)
async def test_what_the_sandbox_does_not_speak_is_404(
    caller: Caller, method: str, path: str
) -> None:
    async with caller.http.request(method, path, headers=KEY) as response:
        assert response.status == 404
        assert "Unrecognized request URL" in (await response.json())["error"]["message"]


async def test_a_body_that_is_no_form_is_refused(caller: Caller) -> None:
    async with caller.http.post("/v1/refunds", json={"amount": 1}, headers=KEY) as response:
        assert response.status == 400


async def test_a_body_beyond_the_limit_is_413(caller: Caller) -> None:
    body = "description=" + "x" * 300_000

    async with caller.http.post("/v1/payment_intents", data=body, headers=FORM) as response:
        assert response.status == 413
        assert (await response.json())["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_idempotency_key_has_a_sensible_length(caller: Caller, key: str) -> None:
    headers = FORM | {"Idempotency-Key": key}

    async with caller.http.post(
        "/v1/payment_intents", data=f"amount=1&{GOOD}", headers=headers
    ) as response:
        assert response.status == 400


async def test_a_version_is_tolerated(caller: Caller) -> None:
    headers = KEY | {"Stripe-Version": "2999-01-01.future"}

    async with caller.http.get("/v1/payment_intents", headers=headers) as response:
        assert response.status == 200


@given(st.binary(max_size=300) | st.text("ab[]=&%0", max_size=60).map(str.encode))
def test_any_bytes_are_a_form_or_are_refused(body: bytes) -> None:
    try:
        form = forms.parse(body)
        forms.read(form, forms.CreateIntent)
    except Refused as refused:
        assert refused.status == 400  # noqa: PT017  # either outcome is right; any other error is not


def test_brackets_nest() -> None:
    assert forms.parse(b"a=1&m[x]=2&m[y][z]=3&l[]=4&l[]=5&n[0]=6") == {
        "a": "1",
        "m": {"x": "2", "y": {"z": "3"}},
        "l": {"0": "4", "1": "5"},
        "n": {"0": "6"},
    }
