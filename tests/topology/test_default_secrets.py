"""Secrets that everyone knows are refused by name, but where only this machine uses them."""

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.services.payments.settings import Settings as PaymentsSettings
from ordereats.topology import catalog
from ordereats.topology.default_secrets import (
    BUILT_IN,
    is_loopback,
    refuse_default_secrets,
    refuse_sandbox_defaults,
)
from ordereats.topology.settings import Settings

ONE_LINER = "postgres://postgres:secret@localhost:5432/ordereats_db"
OWN = {
    "HOST": "0.0.0.0",
    "DATABASE_URL": "postgres://ordereats:hX8sQ1@postgres/ordereats",
    "BROKER_URL": "amqp://orders:vY2kT9@broker/",
    "STRIPE_API_BASE": "http://sandbox:12111",
    "STRIPE_API_KEY": "sk_test_hX8sQ1",
    "STRIPE_WEBHOOK_SECRET": "vY2kT9",
    "SMTP_URL": "smtp://mail:1025",
}
"""What containers are given on one host: secrets that were made there."""


def refused(names: str = "all", **variables: str) -> str:
    environment = Environment(variables)
    settings = Settings.read(environment, catalog.group([names]))
    try:
        refuse_default_secrets(environment, settings)
    except Misconfigured as said:
        return str(said)
    return ""


def test_the_one_liner_for_this_machine_goes_on_working() -> None:
    assert refused(DATABASE_URL=ONE_LINER, PORT="3000") == ""
    assert refused(DATABASE_URL=ONE_LINER, HOST="::1", BROKER_URL="amqp://127.0.0.2/") == ""


def test_secrets_of_ones_own_are_fine_anywhere() -> None:
    assert refused(**OWN) == ""


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_payments_takes_unless_told_otherwise_is_refused_where_others_come_in(
    name: str,
) -> None:
    absent = {key: value for key, value in OWN.items() if key != name}
    for given in (absent, {**OWN, name: BUILT_IN[name]}):
        said = refused(**given)

        assert said.startswith(f"{name} is the one that everyone knows, and this process answers")
        assert f"{name}_FILE" in said
        assert BUILT_IN[name] not in said
    assert refused("orders", KITCHEN_URL="http://k", USERS_URL="http://u", **absent) == ""


def test_what_is_built_in_is_what_payments_takes() -> None:
    settings = PaymentsSettings.read(Environment({}))

    assert settings.api_key == BUILT_IN["STRIPE_API_KEY"]
    assert settings.webhook_secret == BUILT_IN["STRIPE_WEBHOOK_SECRET"]


def test_a_provider_that_is_elsewhere_is_not_given_what_everyone_knows() -> None:
    said = refused(DATABASE_URL=ONE_LINER, STRIPE_API_BASE="http://sandbox:12111")

    assert said.startswith("STRIPE_API_KEY is the one that everyone knows, and sandbox is not this")
    assert "STRIPE_WEBHOOK_SECRET" in said


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgres://postgres:postgres@db/x"),
        ("DATABASE_URL", "postgres://me:secret@localhost/x"),
        ("ORDERS_DATABASE_URL", "postgres://orders:Orders@db/x"),
        ("USERS_DATABASE_URL", "postgres://u:p%61ssword@db/x"),
        ("BROKER_URL", "amqp://guest:guest@broker/"),
        ("BROKER_URL", "amqp://broker/"),
        ("BROKER_URL", "amqps://orders:changeme@broker/"),
        ("SMTP_URL", "smtp://mail:mail@mail.test"),
    ],
)
def test_a_password_that_stands_in_every_example_is_refused_where_others_come_in(
    name: str, url: str
) -> None:
    said = refused(**{**OWN, name: url})

    assert said.startswith(f"The password in {name} is one that everyone knows, and this process")
    assert f"{name}_FILE" in said
    assert url not in said


def test_a_server_elsewhere_wants_a_password_of_its_own_whoever_is_listened_to() -> None:
    said = refused(DATABASE_URL="postgres://postgres:secret@db.test/x")

    assert said.startswith(
        "The password in DATABASE_URL is one that everyone knows, and db.test is"
    )


def test_all_are_named_at_once() -> None:
    said = refused(HOST="0.0.0.0", DATABASE_URL=ONE_LINER)

    assert said.count("HOST=0.0.0.0") == 3


def test_a_sandbox_that_others_reach_signs_by_a_secret_of_its_own() -> None:
    refuse_sandbox_defaults(Environment({}), "127.0.0.1")
    refuse_sandbox_defaults(Environment({"STRIPE_WEBHOOK_SECRET": "vY2kT9"}), "0.0.0.0")
    with pytest.raises(Misconfigured, match=r"^STRIPE_WEBHOOK_SECRET is the one that everyone"):
        refuse_sandbox_defaults(Environment({}), "0.0.0.0")
    with pytest.raises(Misconfigured, match="payments is not this machine"):
        refuse_sandbox_defaults(Environment({"SANDBOX_WEBHOOK_URL": "http://payments/x"}), "::1")


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.test", False),
        ("broker", False),
    ],
)
def test_this_machine_alone_is_what_the_loopback_interface_is(host: str, *, is_here: bool) -> None:
    assert is_loopback(host) is is_here
