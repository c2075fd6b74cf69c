"""The payment provider: the port that payments needs, and Stripe behind it."""

from typing import Protocol

import aiohttp
import stripe

from ordereats.services.payments.domain import Authorized, Declined, Payment
from ordereats.services.payments.settings import Settings


class ProviderUncertainError(Exception):
    """The provider gave no answer that says what happened. The money may be reserved or not.

    Ask again with the same key: then it is at most once.
    """


class Provider(Protocol):
    """What payments needs from whoever moves the money."""

    async def authorize(self, payment: Payment) -> Authorized | Declined:
        """Reserve the money, at most once for each `charge_key`.

        Raises:
            ProviderUncertainError: no answer, or none that can be relied on.
        """
        ...


class Stripe:
    """Stripe, or the sandbox that speaks like it."""

    def __init__(self, settings: Settings) -> None:
        stripe.enable_telemetry = False
        # The job is the one retry layer: the library makes none of its own.
        self._http = stripe.AIOHTTPClient(timeout=settings.timeout_s)
        self._client = stripe.StripeClient(
            settings.api_key,
            base_addresses={"api": settings.api_base},
            max_network_retries=0,
            http_client=self._http,
        )

    async def authorize(self, payment: Payment) -> Authorized | Declined:
        try:
            intent = await self._client.v1.payment_intents.create_async(
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
                    },
                },
                {"idempotency_key": payment.charge_key},
            )
        except stripe.CardError as error:
            return _declined(error)
        except stripe.InvalidRequestError as error:
            if error.param in _NEVER_RIGHT:
                return Declined(f"invalid_{error.param}", None)
            raise ProviderUncertainError(_said(error)) from error
        except stripe.StripeError as error:
            raise ProviderUncertainError(_said(error)) from error
        except aiohttp.ClientError as error:  # the library lets through that a body was cut
            raise ProviderUncertainError(type(error).__name__) from error
        if intent.status == "requires_capture":
            return Authorized(intent.id)
        if intent.status == "requires_action":
            return Declined("authentication_required", intent.id)
        raise ProviderUncertainError(f"{intent.id} is {intent.status}")

    async def close(self) -> None:
        """Let go of its connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # as the library has it


_NEVER_RIGHT = ("payment_method", "amount")
"""What the customer chose: asking again with the same can't help."""


def _declined(error: stripe.CardError) -> Declined:
    reference = None
    if error.error is not None and error.error.payment_intent is not None:
        reference = error.error.payment_intent.id
    reason = getattr(error.error, "decline_code", None) or error.code or "declined"
    return Declined(str(reason), reference)


def _said(error: stripe.StripeError) -> str:
    return f"{type(error).__name__} {error.http_status or ''} {error.code or ''}".strip()
