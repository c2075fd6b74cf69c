"""Services as values: what each says of itself is so, and every question has someone to answer."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from architecture.documents import read_facts
from architecture.house import HERE
from ordereats.chassis.background import Background
from ordereats.chassis.calls.client import Calls
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.health import Draining
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.service import Ports, Service
from ordereats.topology import catalog, loading

Services = dict[str, Service]


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    """All of them, built as a topology does; a service starts nothing, so no server is needed."""
    async with AsyncExitStack() as resources:
        background = await resources.enter_async_context(Background.open())
        nowhere = "postgres://nobody@127.0.0.1:9/nothing"
        database = await resources.enter_async_context(Database.open(nowhere, name="nobody"))
        clock, edges = SystemClock(), Edges(EdgeSettings())
        yield {
            name: loading.builder(name)(
                Ports(
                    database=database,
                    outbox=Outbox(name, clock, lambda: None),
                    answers=Answers(database),
                    calls=Calls({}, edges),
                    edges=edges,
                    clock=clock,
                    background=background,
                    environment=Environment({}),
                    resources=resources,
                    draining=Draining(),
                )
            )
            for name in catalog.SERVICES
        }


def test_the_catalog_has_every_service_that_there_is() -> None:
    assert sorted(catalog.SERVICES) == [service.name for service in HERE.services]


async def test_a_service_has_the_name_of_its_folder(services: Services) -> None:
    assert {name: service.name for name, service in services.items()} == {
        name: name for name in catalog.SERVICES
    }


async def test_the_calls_that_a_service_declares_are_those_that_its_code_makes(
    services: Services,
) -> None:
    facts = read_facts(HERE)

    for name, service in services.items():
        assert set(service.calls) == facts[name].calls


async def test_the_catalog_knows_whom_each_service_calls(services: Services) -> None:
    calls = {name: set(service.calls) for name, service in services.items() if service.calls}

    assert {name: set(callees) for name, callees in catalog.CALLS.items()} == calls


async def test_a_service_hears_what_its_code_has_an_effect_for_in_queues_of_its_own(
    services: Services,
) -> None:
    facts = read_facts(HERE)

    for name, service in services.items():
        queues = [each.queue for each in service.subscriptions]
        types = [kind for queue in queues for kind in queue.types]
        assert {re.sub(r"ordereats\.|\.v1$", "", kind) for kind in types} == facts[name].consumes
        assert len(types) == len(set(types))
        for queue in queues:
            families = {kind.split(".")[1] for kind in queue.types}
            assert f"{name}.{families.pop()}" == queue.name
            assert not families, f"{queue.name} gathers more than one family"


def test_every_event_that_someone_hears_is_published_by_someone() -> None:
    facts = read_facts(HERE).values()

    assert set().union(*(its.consumes for its in facts)) <= set().union(
        *(its.publishes for its in facts)
    )


def test_every_event_that_someone_publishes_is_heard_by_someone() -> None:
    """The bus refuses what no queue takes, and the later facts of its subject wait behind it."""
    facts = read_facts(HERE).values()

    assert set().union(*(its.publishes for its in facts)) <= set().union(
        *(its.consumes for its in facts)
    )


async def test_a_call_is_answered_in_process_and_by_the_same_path_over_http(
    services: Services,
) -> None:
    answered = [(name, each.call) for name, its in services.items() for each in its.answers]
    asked = {callee for service in services.values() for callee in service.calls}

    assert asked <= {name for name, _ in answered}
    for name, call in answered:
        fitting = [each for each in services[name].routes if call.method in each.http_methods]
        paths = {re.sub(r":\w+}", "}", path) for each in fitting for path in each.paths}
        assert call.service == name
        assert call.path in paths


async def test_no_two_services_answer_at_the_same_path(services: Services) -> None:
    paths = [
        (path.split("/")[1], name)
        for name, service in services.items()
        for route in service.routes
        for path in route.paths
    ]

    assert len({first for first, _ in paths}) == len(set(paths))


async def test_the_jobs_of_all_services_have_names_of_their_own(services: Services) -> None:
    names = [job.name for service in services.values() for job in service.jobs]

    assert len(names) == len(set(names))
