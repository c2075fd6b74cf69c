"""A plan has the parts that a topology needs, and tells each where the others are."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

from ordereats.topology.faults.edges import read
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Part
from ordereats.topology.local.plan import Plan, plan
from ordereats.topology.local.rabbitmq import installed_server
from ordereats.topology.local.wanted import Broker, Topology, Wanted
from ordereats.topology.local.ways import Way

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
    assert named(found, "payments").env["STRIPE_API_BASE"] == named(found, "sandbox").url
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
    node, told = (
        urlsplit(named(found, "rabbitmq").url),
        urlsplit(named(found, "orders").env["BROKER_URL"]),
    )
    assert told.port == node.port
    assert told.username == "orders"  # a user of its own, with a password of its own
    assert told.password != urlsplit(named(found, "users").env["BROKER_URL"]).password
    assert told.password != node.password


def test_without_rabbitmq_a_postgresql_queue_is_taken_and_that_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    found = plan(home, replace(WANTED, broker=Broker.AUTO))

    assert "postgres-queue" in names(found)
    assert any("apt-get install rabbitmq-server" in remark for remark in found.remarks)


def through_the_proxy(found: Plan) -> dict[tuple[str, str], Way]:
    part = named(found, "faults")
    part.prepare()
    ways = read(Path(part.command[-3]))
    return {(each.source, each.target): each for each in ways}


def port(url: str) -> int:
    return urlsplit(url).port or 0


def test_with_faults_every_edge_leads_through_the_proxy(home: Home) -> None:
    found = plan(home, replace(WANTED, faults=True))

    edges = through_the_proxy(found)
    assert set(edges) == {
        *((each, f"postgres-{each}") for each in SERVICES),
        *((each, "postgres-queue") for each in SERVICES),
        *(("gateway", each) for each in SERVICES),
        ("orders", "users"),
        ("payments", "sandbox"),
        ("sandbox", "payments"),
    }
    for (source, target), edge in edges.items():
        assert edge.leads_to == port(named(found, target).url)
        if source != "gateway":
            told = {port(each) for each in named(found, source).env.values() if "://" in each}
            assert edge.port in told
            assert edge.leads_to not in told
    ports = {each.port for each in edges.values()}
    assert len(ports) == len(edges)
    assert not ports & {each.leads_to for each in edges.values()}


def test_with_faults_rabbitmq_is_reached_through_the_proxy_too(
    home: Home, missing: Callable[[str], NoReturn]
) -> None:
    if not installed_server():
        missing("RabbitMQ")

    found = plan(home, replace(WANTED, broker=Broker.RABBITMQ, faults=True))

    edges = through_the_proxy(found)
    assert {source for source, target in edges if target == "rabbitmq"} == set(SERVICES)
    for each in SERVICES:
        edge, told = edges[each, "rabbitmq"], named(found, each).env["BROKER_URL"]
        assert edge.leads_to == port(named(found, "rabbitmq").url) != edge.port == port(told)


def test_with_faults_the_gateway_is_told_the_ports_of_the_proxy(home: Home) -> None:
    found = plan(home, replace(WANTED, faults=True))

    named(found, "gateway").prepare()

    routes = (home.data / "gateway" / "routes").read_text()
    edges = through_the_proxy(found)
    port = edges["gateway", "orders"].port
    assert f"import service orders {{\n\tto 127.0.0.1:{port}\n}}\n" in routes


def test_the_proxy_is_there_before_services_and_what_ps_shows_stays_direct(home: Home) -> None:
    found = plan(home, replace(WANTED, faults=True))

    after = {each.part.name: each.after for each in found.parts}
    assert after["faults"] == ()
    assert after["orders"] == ("postgres-orders", "faults")
    assert named(found, "orders").database == named(found, "postgres-orders").url


def test_a_monolith_has_edges_too(home: Home) -> None:
    found = plan(home, replace(WANTED, topology=Topology.MONOLITH, faults=True))

    assert set(through_the_proxy(found)) == {
        ("monolith", "postgres"),
        ("monolith", "sandbox"),
        ("sandbox", "monolith"),
    }
    env = named(found, "monolith").env
    assert env["DATABASE_URL"] == env["BROKER_URL"] != named(found, "postgres").url


def test_without_faults_nothing_of_the_proxy_is_even_loaded() -> None:
    code = (
        "import sys, ordereats.cli.main, ordereats.topology.local.up\n"
        "print([name for name in sys.modules if 'topology.faults' in name])"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "[]\n"
