"""What payments reads from the environment."""

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.services.payments.settings import Settings


def test_without_a_word_it_is_the_sandbox() -> None:
    settings = Settings.read(Environment({}))

    assert settings.api_key.startswith("sk_test_")
    assert settings.api_base.startswith("http://127.0.0.1:")
    assert settings.webhook_secret == "ordereats-sandbox"
    assert settings.timeout_s == 5


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"STRIPE_API_KEY": "sk_live_1"}, "STRIPE_API_BASE is not set"),
        ({"STRIPE_API_KEY": "nonsense"}, "STRIPE_API_BASE is not set"),
        (
            {"STRIPE_API_KEY": "sk_live_1", "STRIPE_API_BASE": "https://api.stripe.com"},
            "STRIPE_WEBHOOK_SECRET is not set",
        ),
        ({"STRIPE_API_BASE": "stripe.com"}, "STRIPE_API_BASE must be an address"),
        ({"STRIPE_TIMEOUT_S": "0"}, "STRIPE_TIMEOUT_S must be a number of seconds"),
    ],
)
def test_what_can_not_be_right_is_refused_by_name_without_the_key(
    variables: dict[str, str], said: str
) -> None:
    with pytest.raises(Misconfigured, match=said) as error:
        Settings.read(Environment(variables))

    assert "sk_live_1" not in str(error.value)


def test_real_money_is_moved_where_it_was_told_to() -> None:
    given = {
        "STRIPE_API_KEY": "sk_live_1",
        "STRIPE_API_BASE": "https://api.stripe.com",
        "STRIPE_WEBHOOK_SECRET": "known-to-both",
    }

    assert Settings.read(Environment(given)).api_base == "https://api.stripe.com"
