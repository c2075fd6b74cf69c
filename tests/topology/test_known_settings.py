"""A setting that is misspelled is refused by name; what is meant for other programs never is."""

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.topology.known_settings import KNOWN, refuse_strangers, strangers

LINKS = {
    "ORDERS_SERVICE_HOST": "10.0.0.7",
    "ORDERS_SERVICE_PORT": "3000",
    "ORDERS_SERVICE_PORT_HTTP": "3000",
    "ORDERS_PORT": "tcp://10.0.0.7:3000",
    "ORDERS_PORT_3000_TCP": "tcp://10.0.0.7:3000",
    "ORDERS_PORT_3000_TCP_PROTO": "tcp",
    "ORDERS_PORT_3000_TCP_PORT": "3000",
    "ORDERS_PORT_3000_TCP_ADDR": "10.0.0.7",
    "USERS_PORT": "tcp://10.0.0.8:3000",
    "ORDEREATS_KITCHEN_SERVICE_HOST": "10.0.0.9",
    "BROKER_PORT_5672_TCP_ADDR": "10.0.0.10",
    "BROKER_SERVICE_HOST": "10.0.0.10",
}
"""What Kubernetes gives each container, for services of these names."""

PLAIN = """
    PATH HOME LANG LC_ALL SHELL USER USERNAME LOGNAME PWD TERM OLDPWD SHLVL TZ TMPDIR EDITOR
    PAGER DISPLAY HOSTNAME HOSTTYPE MAIL PS1 _ COLUMNS LS_COLORS SSH_CONNECTION XDG_RUNTIME_DIR
    PORTAGE_CONFIGROOT PORTS PORTDIR LOGLEVEL LOG_FILE LOG_DIR CI MAKEFLAGS MAKELEVEL TOPOLOGY
    BROKER FAULTS MINUTES SEED POST PGHOST PGPASSWORD PGPASSFILE POSTGRES_PASSWORD POSTGRES_USER
    DATABASE_NAME DATABASE_HOST DATABASE_PORT DATABASE_USER TEST_DATABASE_URL REDIS_URL
    WORKER_URL DOCKER_HOST PROXY_URL SENTRY_DSN SECRET_KEY STRIPE_SECRET_KEY
    STRIPE_PUBLISHABLE_KEY STRIPE_DEVICE_NAME SMTP_HOST SMTP_PASSWORD SMTP_PORT
    RABBITMQ_NODENAME RABBITMQ_LOGS SERVICE_NAME PYTHONPATH PYTHONUNBUFFERED VIRTUAL_ENV
    PIP_INDEX_URL UV_DEFAULT_INDEX SSL_CERT_FILE PIP_CERT REQUESTS_CA_BUNDLE
    CHROME_DEVEL_SANDBOX OTEL_SERVICE_NAME OTEL_EXPORTER_OTLP_ENDPOINT OTEL_RESOURCE_ATTRIBUTES
    GITHUB_TOKEN GITHUB_ACTIONS RUNNER_OS KUBERNETES_PORT CONTAINER_ID HTTP_PROXY http_proxy
    no_proxy port host ORDER ORDERING_URL
"""
"""What may well stand in somebody's environment, and is none of our business."""


def test_what_there_is_is_known_and_so_is_the_file_that_holds_it() -> None:
    assert strangers({each: "x" for name in KNOWN for each in (name, f"{name}_FILE")}) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE_URLS", "DATABASE_URL"),
        ("DATABASE_ULR", "DATABASE_URL"),
        ("DTABSE_URL", "DATABASE_URL"),
        ("database_url", "DATABASE_URL"),
        ("BROKER_URLS", "BROKER_URL"),
        ("BORKER_URL", "BROKER_URL"),
        ("STRIPE_API_KEYS", "STRIPE_API_KEY"),
        ("STRIPE_APIKEY", "STRIPE_API_KEY"),
        ("SHEDING", "SHEDDING"),
        ("BREAKER", "BREAKERS"),
        ("USER_URL", "USERS_URL"),
        ("ORDERS_DATABSE_URL", "ORDERS_DATABASE_URL"),
        ("DRAIN_SECOND", "DRAIN_SECONDS"),
        ("SMTP_TIMEOUT", "SMTP_TIMEOUT_S"),
        ("STRIPE_API_KEYS_FILE", "STRIPE_API_KEY_FILE"),
        ("ORDEREATS_HOM", "ORDEREATS_HOME"),
    ],
)
def test_a_misspelled_setting_is_named_and_so_is_what_was_meant(name: str, meant: str) -> None:
    assert strangers({name: "x"}) == [
        f"{name} is set, and there is no such setting: is {meant} meant?"
    ]


@pytest.mark.parametrize("name", ["ORDEREATS_PORT", "USERS_PORT", "PAYMENTS_KEY", "ORDERS_FILE"])
def test_what_can_only_be_meant_for_us_is_refused_though_it_is_like_nothing_there_is(
    name: str,
) -> None:
    with pytest.raises(Misconfigured, match=f"^{name} is set, and there is no such setting"):
        refuse_strangers(Environment({name: "3000"}))


def test_what_kubernetes_says_of_services_called_like_ours_is_no_mistake() -> None:
    assert strangers(LINKS) == []


def test_a_plain_environment_raises_no_alarm() -> None:
    assert strangers(dict.fromkeys(PLAIN.split(), "x")) == []


def test_all_are_named_at_once_and_no_value_is_shown() -> None:
    with pytest.raises(Misconfigured) as refused:
        refuse_strangers(Environment({"DATABSE_URL": "hunter2", "SHEDING": "of", "BREAKER": ""}))

    said = str(refused.value)
    assert "DATABSE_URL" in said
    assert "SHEDING" in said
    assert "BREAKER" not in said  # empty counts as absent
    assert "hunter2" not in said
