"""What a process that serves reads from the environment, and what it refuses by name."""

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.topology import catalog
from ordereats.topology.settings import Settings, by_database

URL = "postgres://me:hunter2@localhost/one"
OTHER = "postgres://me:hunter2@localhost/other"


def read(*names: str, **variables: str) -> Settings:
    return Settings.read(Environment(variables), catalog.group(names))


def test_with_one_database_that_is_all_it_needs() -> None:
    settings = read("all", DATABASE_URL=URL)

    assert settings.names == list(catalog.SERVICES)
    assert settings.databases == dict.fromkeys(catalog.SERVICES, URL)
    assert settings.broker == URL
    assert (settings.host, settings.port) == ("127.0.0.1", 3000)
    assert settings.neighbours == {}
    assert by_database(settings.databases) == {URL: list(catalog.SERVICES)}


def test_a_service_may_have_a_database_of_its_own() -> None:
    settings = read("all", DATABASE_URL=URL, ORDERS_DATABASE_URL=OTHER, BROKER_URL=URL)

    assert settings.databases["orders"] == OTHER
    assert by_database(settings.databases)[OTHER] == ["orders"]


def test_neighbours_are_those_that_run_elsewhere() -> None:
    settings = read(
        "orders", "users", DATABASE_URL=URL, USERS_URL="http://u", PAYMENTS_URL="http://p"
    )

    assert settings.neighbours == {"payments": "http://p"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["orders", "users"], ["users", "orders"]),
        (["users", "users"], ["users"]),
        (["users", "all"], list(catalog.SERVICES)),
    ],
)
def test_a_group_has_each_service_once_in_the_order_of_their_start(
    names: list[str], expected: list[str]
) -> None:
    assert catalog.group(names) == expected


@pytest.mark.parametrize("names", [[], ["waiters"], ["users", "ALL"], [""]])
def test_a_group_of_nobody_or_of_strangers_is_refused(names: list[str]) -> None:
    with pytest.raises(Misconfigured, match="there are: users, restaurants, orders"):
        catalog.group(names)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DATABASE_URL": ""}, "users has no database: set DATABASE_URL or USERS_DATABASE_URL"),
        ({"DATABASE_URL": "mysql://localhost/x"}, "DATABASE_URL must be an address"),
        ({"USERS_DATABASE_URL": "nonsense"}, "USERS_DATABASE_URL must be an address"),
        ({"USERS_DATABASE_URL": OTHER}, "BROKER_URL is not set"),
        ({"BROKER_URL": "kafka://localhost"}, "BROKER_URL must be an address"),
        ({"PORT": "65536"}, "PORT must be a whole number from 0 to 65535"),
        ({"PORT": "http"}, "PORT must be a whole number"),
        ({"LOG_LEVEL": "verbose"}, "LOG_LEVEL must be one of debug, info, warning, error"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT must be one of json, console"),
        ({"DRAIN_SECONDS": "-1"}, "DRAIN_SECONDS must be a number of seconds"),
        ({"DRAIN_SECONDS": "6"}, "DRAIN_SECONDS must be a number of seconds from 0 to 5"),
        ({"STOP_SECONDS": "0"}, "STOP_SECONDS must be a number of seconds"),
        ({"STRICT_CALLS": "yes"}, "STRICT_CALLS must be one of 0, 1"),
    ],
)
def test_what_can_not_be_right_is_refused_by_name_without_its_password(
    variables: dict[str, str], said: str
) -> None:
    with pytest.raises(Misconfigured, match=said) as error:
        read("users", "restaurants", **{"DATABASE_URL": URL, **variables})

    assert "hunter2" not in str(error.value)


def test_the_address_of_a_neighbour_is_checked_too() -> None:
    with pytest.raises(Misconfigured, match="USERS_URL must be an address"):
        read("orders", DATABASE_URL=URL, USERS_URL="users:3000")
