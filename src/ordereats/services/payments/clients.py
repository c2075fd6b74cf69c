"""The payment provider: the port that payments needs, and Stripe behind it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol, TypeVar

import aiohttp
import msgspec
import stripe
from msgspec import Struct

from ordereats.chassis.calls.edges import Edges
from ordereats.chassis.certificates import Certificates
from ordereats.chassis.failpoints import Failpoint
from ordereats.chassis.headers import whole_number
from ordereats.contracts.payments import PaymentStatus
from ordereats.services.payments.domain.payments import (
    Authorized,
    Canceled,
    Captured,
    Declined,
    Payment,
    Truth,
)
from ordereats.services.payments.domain.refunds import (
    Outcome,
    Pending,
    Refund,
    Refunded,
    Refused,
)
from ordereats.services.payments.settings import Settings

T = TypeVar("T")

SIGNATURE_LIVES_S = 300
"""How old a webhook's signature may be; Stripe signs each delivery anew."""


class ProviderUncertainError(Exception):
    """The provider gave no answer that says what happened. It may have been done or not.

    Ask again with the same key: then it is at most once.

    Attributes:
        is_unwell: whether it says that the provider can't answer now, and not that it did not
            understand this one question.
        told_s: for how many seconds it asked to be left alone, if it said so.
    """

    def __init__(self, said: str, *, is_unwell: bool = True, told_s: int | None = None) -> None:
        super().__init__(said)
        self.is_unwell = is_unwell
        self.told_s = told_s


class KeyRefusedError(ProviderUncertainError):
    """The provider does not know `STRIPE_API_KEY`, or does not let it do this."""


class ForgedError(Exception):
    """A webhook that the provider has not signed, or not lately. The text holds nothing of it."""


ASKED = Failpoint("provider.due", "It has not been asked yet.", fails=ProviderUncertainError)
ANSWERED = Failpoint(
    "provider.answered",
    "It has done what it was asked; no store knows.",
    fails=ProviderUncertainError,
)


class News(Struct, frozen=True):
    """What a webhook tells.

    Attributes:
        id: the provider's, for however often it is sent.
        type: the provider's word.
        charge_key: of the charge that it is about, if that is one of ours.
        became: the state of the payment that it speaks of, if it speaks of one that we know.
        is_refund: it speaks of a refund.
        has_doubts: of one that may have failed, even after it had succeeded.
    """

    id: str
    type: str
    charge_key: str | None
    became: PaymentStatus | None
    is_refund: bool
    has_doubts: bool


class Provider(Protocol):
    """What payments needs from whoever moves the money.

    Each method but `news` raises `ProviderUncertainError` when there is no answer, or none that can
    be relied on, and `Unavailable` when it was not asked because it is not well; each that changes
    something does so at most once for each key.
    """

    async def authorize(self, payment: Payment) -> Truth:
        """Reserve the money."""
        ...

    async def capture(self, payment: Payment) -> Truth:
        """Take what is reserved; if that can't be, tell what has become of it."""
        ...

    async def cancel(self, payment: Payment) -> Truth:
        """Let go what is reserved; if that can't be, tell what has become of it."""
        ...

    async def look(self, payment: Payment) -> Truth | None:
        """Tell what has become of a charge, or that there is none."""
        ...

    async def refund(self, refund: Refund) -> Outcome:
        """Give money back."""
        ...

    async def look_refund(self, refund: Refund) -> Outcome | None:
        """Tell what has become of a refund, or that there is none."""
        ...

    def news(self, body: bytes, signature: str | None) -> News:
        """Read a webhook.

        Raises:
            ForgedError: the signature is not the provider's, or is old.
        """
        ...


class Guarded:
    """A provider that is left alone for a while when it does not answer, or is slow."""

    def __init__(self, provider: Provider, edges: Edges, *, slow_s: float) -> None:
        self._provider = provider
        self._edges = edges
        self._slow_s = slow_s

    async def authorize(self, payment: Payment) -> Truth:
        return await self._ask("authorize", partial(self._provider.authorize, payment))

    async def capture(self, payment: Payment) -> Truth:
        return await self._ask("capture", partial(self._provider.capture, payment))

    async def cancel(self, payment: Payment) -> Truth:
        return await self._ask("cancel", partial(self._provider.cancel, payment))

    async def look(self, payment: Payment) -> Truth | None:
        return await self._ask("look", partial(self._provider.look, payment))

    async def refund(self, refund: Refund) -> Outcome:
        return await self._ask("refund", partial(self._provider.refund, refund))

    async def look_refund(self, refund: Refund) -> Outcome | None:
        return await self._ask("look_refund", partial(self._provider.look_refund, refund))

    def news(self, body: bytes, signature: str | None) -> News:
        return self._provider.news(body, signature)

    async def _ask(self, kind: str, ask: Callable[[], Awaitable[T]]) -> T:
        async def answer() -> T:
            await ASKED.reached(kind)
            answer = await ask()
            await ANSWERED.reached(kind)
            return answer

        edge = self._edges.edge("provider", kind, slow_s=self._slow_s)
        return await edge.run(answer, fails=_fails)


class Stripe:
    """Stripe, or the sandbox that speaks like it."""

    def __init__(self, settings: Settings, certificates: Certificates | None = None) -> None:
        self._certificates = certificates or Certificates()
        stripe.enable_telemetry = False
        # The job is the one retry layer: the library makes none of its own.
        self._http = stripe.AIOHTTPClient(timeout=settings.timeout_s)
        self._secret = settings.webhook_secret
        self._api = stripe.StripeClient(
            settings.api_key,
            base_addresses={"api": settings.api_base},
            max_network_retries=0,
            http_client=self._http,
        ).v1

    async def authorize(self, payment: Payment) -> Truth:
        async with self._sure():
            try:
                intent = await self._api.payment_intents.create_async(
                    {
                        "amount": payment.amount.minor,
                        "currency": payment.amount.currency.lower(),
                        "payment_method": payment.payment_method,
                        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                        "capture_method": "manual",
                        "confirm": True,
                        "metadata": {
                            "order_id": str(payment.order_id),
                            "payment_id": str(payment.id),
                            "charge_key": payment.charge_key,
                        },
                    },
                    {"idempotency_key": payment.charge_key},
                )
            except stripe.CardError as error:
                return _declined(error)
            except stripe.InvalidRequestError as error:
                if error.param in _NEVER_RIGHT:
                    return Declined(f"invalid_{error.param}", None)
                raise
        return _truth(intent, payment)

    async def capture(self, payment: Payment) -> Truth:
        async with self._sure():
            try:
                intent = await self._api.payment_intents.capture_async(
                    _reference(payment), {}, {"idempotency_key": f"{payment.charge_key}-capture"}
                )
            except stripe.InvalidRequestError as error:
                if error.code != _TOO_LATE:
                    raise
                intent = await self._retrieve(payment)
        return _truth(intent, payment)

    async def cancel(self, payment: Payment) -> Truth:
        async with self._sure():
            try:
                intent = await self._api.payment_intents.cancel_async(
                    _reference(payment), {}, {"idempotency_key": f"{payment.charge_key}-cancel"}
                )
            except stripe.InvalidRequestError as error:
                if error.code != _TOO_LATE:
                    raise
                intent = await self._retrieve(payment)
        return _truth(intent, payment)

    async def look(self, payment: Payment) -> Truth | None:
        async with self._sure():
            if payment.provider_reference is not None:
                return _truth(await self._retrieve(payment), payment)
            query = f"metadata['charge_key']:'{payment.charge_key}'"
            found = await self._api.payment_intents.search_async({"query": query, "limit": 1})
        return _truth(found.data[0], payment) if found.data else None

    async def refund(self, refund: Refund) -> Outcome:
        async with self._sure():
            try:
                made = await self._api.refunds.create_async(
                    {
                        "payment_intent": refund.charge,
                        "amount": refund.amount.minor,
                        "metadata": {
                            "order_id": str(refund.order_id),
                            "refund_id": str(refund.id),
                            "charge_key": refund.charge_key,
                        },
                    },
                    {"idempotency_key": refund.key},
                )
            except stripe.InvalidRequestError as error:
                if error.code in _NEVER_BACK or error.param == "amount":
                    return Refused(error.code or "invalid_amount")
                raise
        return _outcome(made)

    async def look_refund(self, refund: Refund) -> Outcome | None:
        async with self._sure():
            if refund.provider_reference is not None:
                return _outcome(await self._api.refunds.retrieve_async(refund.provider_reference))
            made = await self._api.refunds.list_async(
                {"payment_intent": refund.charge, "limit": 100}
            )
            async for each in made.auto_paging_iter():
                marks = each.metadata.to_dict() if each.metadata else {}
                if marks.get("refund_id") == str(refund.id):
                    return _outcome(each)
        return None

    def news(self, body: bytes, signature: str | None) -> News:
        try:
            stripe.WebhookSignature.verify_header(body, signature, self._secret, SIGNATURE_LIVES_S)
            event = msgspec.json.decode(body, type=_Event)
        except stripe.SignatureVerificationError as error:
            raise ForgedError(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ForgedError(f"not an event: {type(error).__name__}") from None
        about = event.data.object
        return News(
            id=event.id,
            type=event.type,
            charge_key=about.metadata.get("charge_key"),
            became=_BECAME.get(event.type),
            is_refund=event.type in _REFUNDS,
            has_doubts=event.type in _DOUBTS,
        )

    async def close(self) -> None:
        """Let go of its connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # as the library has it

    @asynccontextmanager
    async def _sure(self) -> AsyncIterator[None]:
        """Turn all that leaves it open what happened into one error."""
        try:
            yield
            self._certificates.worked("provider")
        except stripe.StripeError as error:
            self._certificates.failed("provider", error)
            said = f"{type(error).__name__} {error.http_status or ''} {error.code or ''}".strip()
            if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
                raise KeyRefusedError(said) from error
            told_s = whole_number((error.headers or {}).get("Retry-After"))
            is_unwell = not isinstance(error, stripe.InvalidRequestError)
            raise ProviderUncertainError(said, is_unwell=is_unwell, told_s=told_s) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # As the library lets it through while a body is read: it was cut, or hangs.
            raise ProviderUncertainError(type(error).__name__) from error

    async def _retrieve(self, payment: Payment) -> stripe.PaymentIntent:
        return await self._api.payment_intents.retrieve_async(_reference(payment))


class _Object(Struct, frozen=True):
    metadata: dict[str, str] = {}


class _Data(Struct, frozen=True):
    object: _Object


class _Event(Struct, frozen=True):
    """What is read of a webhook."""

    id: str
    type: str
    data: _Data


_BECAME = {
    "payment_intent.amount_capturable_updated": PaymentStatus.AUTHORIZED,
    "payment_intent.payment_failed": PaymentStatus.DECLINED,
    "payment_intent.succeeded": PaymentStatus.CAPTURED,
    "payment_intent.canceled": PaymentStatus.VOIDED,
}
_DOUBTS = frozenset({"refund.failed", "refund.updated", "charge.refund.updated"})
_REFUNDS = _DOUBTS | {"charge.refunded"}
_NEVER_RIGHT = ("payment_method", "amount")
"""What the customer chose: asking again with the same can't help."""
_NEVER_BACK = ("charge_already_refunded", "charge_disputed", "refund_disputed_payment")
_TOO_LATE = "payment_intent_unexpected_state"


def _fails(error: Exception) -> bool:
    return isinstance(error, ProviderUncertainError) and error.is_unwell


def _truth(intent: stripe.PaymentIntent, payment: Payment) -> Truth:
    match intent.status:
        case "requires_capture":
            return Authorized(intent.id)
        case "succeeded" if intent.amount_received == payment.amount.minor:
            return Captured(intent.id)
        case "canceled":
            return Canceled(intent.id)
        case "requires_action":
            return Declined("authentication_required", intent.id)
        case "requires_payment_method":
            error = intent.last_payment_error
            reason = error and (error.decline_code or error.code)
            return Declined(reason or "declined", intent.id)
    taken = f"{intent.amount_received} of {payment.amount.minor} taken"
    raise ProviderUncertainError(f"{intent.id} is {intent.status}, {taken}")


def _outcome(made: stripe.Refund) -> Outcome:
    match made.status:
        case "succeeded":
            return Refunded(made.id)
        case "failed" | "canceled":
            return Refused(made.failure_reason or str(made.status), made.id)
    return Pending(made.id)


def _declined(error: stripe.CardError) -> Declined:
    reference = None
    if error.error is not None and error.error.payment_intent is not None:
        reference = error.error.payment_intent.id
    reason = getattr(error.error, "decline_code", None) or error.code or "declined"
    return Declined(str(reason), reference)


def _reference(payment: Payment) -> str:
    if payment.provider_reference is None:
        raise ValueError(f"payment {payment.id} is {payment.status} and has no reference")
    return payment.provider_reference
