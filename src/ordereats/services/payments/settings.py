"""What payments reads from the environment, once."""

from dataclasses import dataclass

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach the payment provider, and how to know that it is the one who speaks.

    Attributes:
        api_key: the provider's.
        api_base: where its API is; the payment sandbox, unless told otherwise.
        webhook_secret: what it signs its webhooks with; the sandbox's, unless told otherwise.
        timeout_s: how long it may take to answer.
    """

    api_key: str
    api_base: str
    webhook_secret: str
    timeout_s: float

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Read them.

        Raises:
            Misconfigured: a key for real money, and the sandbox's address or secret.
        """
        key = environment.text("STRIPE_API_KEY", "sk_test_ordereats")
        base = environment.url("STRIPE_API_BASE", ("http", "https"), "http://127.0.0.1:12111")
        if not key.startswith("sk_test_"):
            if environment.optional("STRIPE_API_BASE") is None:
                raise Misconfigured(
                    "STRIPE_API_KEY is not a test key, but STRIPE_API_BASE is not set: say where to"
                    " use it (https://api.stripe.com), or take a key that begins with sk_test_."
                )
            if environment.optional("STRIPE_WEBHOOK_SECRET") is None:
                raise Misconfigured(
                    "STRIPE_API_KEY is not a test key, but STRIPE_WEBHOOK_SECRET is not set: give"
                    " the endpoint's signing secret, which begins with whsec_."
                )
        secret = environment.text("STRIPE_WEBHOOK_SECRET", "ordereats-sandbox")
        timeout_s = environment.seconds("STRIPE_TIMEOUT_S", 5, least=0.1, most=60)
        return cls(key, str(base), secret, timeout_s)
