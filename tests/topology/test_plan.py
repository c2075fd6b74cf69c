"""A plan has the parts that a topology needs, and tells each where the others are."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Part
from ordereats.topology.local.plan import Plan, plan
from ordereats.topology.local.rabbitmq import installed_server
from ordereats.topology.local.wanted import Broker, Topology, Wanted

SERVICES = ("users", "orders", "payments")
WANTED = Wanted(services=SERVICES, topology=Topology.SERVICES, broker=Broker.POSTGRES, port=3000)


@pytest.fixture
def home(open_folder: Path) -> Home:
    return Home(open_folder)


def named(found: Plan, name: str) -> Part:
    return next(each.part for each in found.parts if each.part.name == name)


def names(found: Plan) -> set[str]:
    return {each.part.name for each in found.parts}


def test_services_have_an_instance_each_and_the_gateway_comes_last(home: Home) -> None:
    found = plan(home, WANTED)

    after = {each.part.name: each.after for each in found.parts}
    assert set(after) == {
        "sandbox",
        *SERVICES,
        *(f"postgres-{each}" for each in (*SERVICES, "queue")),
        "gateway",
    }
    assert after["orders"] == ("postgres-orders",)
    assert set(after["gateway"]) == set(after) - {"gateway"}
    assert named(found, "gateway").url == "http://localhost:3000"


def test_a_service_is_told_its_own_database_and_the_others_addresses(home: Home) -> None:
    found = plan(home, WANTED)

    told = named(found, "orders").env
    assert told["ORDERS_DATABASE_URL"] == named(found, "postgres-orders").url
    assert told["USERS_URL"] == named(found, "users").url
    assert told["BROKER_URL"] == named(found, "postgres-queue").url
    assert told["STRIPE_API_BASE"] == named(found, "sandbox").url
    assert not {"ORDERS_URL", "USERS_DATABASE_URL", "DATABASE_URL"} & set(told)


def test_what_the_shell_says_of_databases_reaches_no_service(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://mine")
    monkeypatch.setenv("USERS_DATABASE_URL", "postgres://mine")
    monkeypatch.setenv("LOG_LEVEL", "debug")

    told = named(plan(home, WANTED), "orders").env

    assert "postgres://mine" not in told.values()
    assert told["LOG_LEVEL"] == "debug"


def test_a_monolith_is_one_process_on_the_public_port_with_its_queue_in_its_database(
    home: Home,
) -> None:
    found = plan(home, replace(WANTED, topology=Topology.MONOLITH, broker=Broker.AUTO))

    assert names(found) == {"postgres", "sandbox", "monolith"}
    monolith = named(found, "monolith")
    assert monolith.url == "http://127.0.0.1:3000"
    assert monolith.env["DATABASE_URL"] == monolith.env["BROKER_URL"] == monolith.database


def test_topologies_share_no_data(home: Home) -> None:
    services = plan(home, WANTED)
    monolith = plan(home, replace(WANTED, topology=Topology.MONOLITH))

    assert not data(services) & data(monolith)


def data(found: Plan) -> set[str]:
    return {
        argument
        for each in found.parts
        for option, argument in zip(each.part.command, each.part.command[1:], strict=False)
        if option in {"-D", "--data"}
    }


def test_a_broker_and_a_payment_provider_that_are_named_are_not_started(home: Home) -> None:
    found = plan(
        home,
        replace(
            WANTED,
            broker=Broker.AUTO,
            broker_url="amqp://elsewhere:5672/",
            stripe_api_base="https://provider.test",
        ),
    )

    assert not {"rabbitmq", "postgres-queue", "sandbox"} & names(found)
    assert named(found, "orders").env["BROKER_URL"] == "amqp://elsewhere:5672/"


def test_rabbitmq_is_taken_where_it_is_installed(
    home: Home, missing: Callable[[str], NoReturn]
) -> None:
    if not installed_server():
        missing("RabbitMQ")

    found = plan(home, replace(WANTED, broker=Broker.AUTO))

    assert "rabbitmq" in names(found)
    assert named(found, "orders").env["BROKER_URL"] == named(found, "rabbitmq").url


def test_without_rabbitmq_a_postgresql_queue_is_taken_and_that_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    found = plan(home, replace(WANTED, broker=Broker.AUTO))

    assert "postgres-queue" in names(found)
    assert any("apt-get install rabbitmq-server" in remark for remark in found.remarks)
