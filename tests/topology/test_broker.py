"""What the broker must have is made from what the services say, and lets each do its own work."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.messaging.rabbitmq_link import DEAD, EVENTS
from ordereats.topology import catalog
from ordereats.topology.assembly import on_nothing
from ordereats.topology.broker.definitions import Account, Kind, definitions
from ordereats.topology.broker.queues import queues

SERVICES = list(catalog.SERVICES)
QUEUES = [queue.name for queue in queues()]


def permissions_of(*services: str) -> dict[str, str]:
    wanted = definitions([], [Account("someone", "secret", services)])
    (found,) = [thing for thing in wanted.things if thing.kind is Kind.PERMISSION]
    return {kind: str(pattern) for kind, pattern in found.body.items()}


def may(service: str, kind: str, name: str) -> bool:
    return bool(re.search(permissions_of(service)[kind], name))


async def test_the_queues_are_those_that_the_services_subscribe_to() -> None:
    async with on_nothing() as everything:
        said = {
            each.queue.name: set(each.queue.types)
            for service in everything.services
            for each in service.subscriptions
        }

    assert {queue.name: set(queue.types) for queue in queues()} == said


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", ["configure", "write", "read"])
def test_a_service_may_do_all_with_its_own_queues_and_nothing_with_others(
    service: str, kind: str
) -> None:
    allowed = {name for name in QUEUES if may(service, kind, name)}

    assert allowed == {name for name in QUEUES if name.startswith(f"{service}.")}


@given(st.sampled_from(SERVICES), st.sampled_from(["configure", "write", "read"]), st.text())
def test_no_other_name_is_a_services_own(service: str, kind: str, name: str) -> None:
    shared = {"configure": set[str](), "write": {EVENTS, DEAD}, "read": {EVENTS}}[kind]

    assert may(service, kind, name) == (name.startswith(f"{service}.") or name in shared)


@pytest.mark.parametrize("name", [EVENTS, DEAD, "amq.default", "xorders.order", "orders"])
def test_a_service_makes_and_deletes_nothing_that_is_shared(name: str) -> None:
    assert not may("orders", "configure", name)


def test_every_queue_has_all_its_bindings_and_a_policy() -> None:
    wanted = definitions(queues(), [])

    document = msgspec.json.decode(wanted.as_json())
    bound = {(each["destination"], each["routing_key"]) for each in document["bindings"]}
    patterns = [each["pattern"] for each in document["policies"]]
    assert bound == {(DEAD, "")} | {
        (queue.name, each) for queue in queues() for each in queue.types
    }
    for name in [*QUEUES, DEAD]:
        assert any(re.search(pattern, name) for pattern in patterns)
