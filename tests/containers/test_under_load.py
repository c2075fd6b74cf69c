"""The platform in containers under load: what is killed, added or replaced costs no order."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from support.containers.composed import Composed
from support.containers.engine import CommandFailed
from support.containers.stack import OURS, Stack
from support.platform import Answer, until
from support.traffic import Sample, Traffic, steadily

CRASHED = ("payments", "postgres-orders", "rabbitmq", "orders")
NEXT = "0.0.0+next"
PATIENT = {"X-Deadline-Ms": "25000"}
"""A machine that is busy with other things may be slow: that is no request failed by an update."""


@asynccontextmanager
async def load(platform: Composed, *, per_second: int) -> AsyncIterator[Traffic]:
    """So many reads and as many orders a second, each order with a key of its own."""
    read_again, numbers = await platform.place(), count()

    async def read() -> Answer:
        return await platform.get(f"/orders/{read_again}", headers=PATIENT)

    async def order() -> Answer:
        key = f"{read_again}-{next(numbers)}"
        return await platform.post_once("/orders", platform.an_order(), key, **PATIENT)

    async with steadily({"read": read, "order": order}, per_second=per_second) as traffic:
        yield traffic


async def test_whatever_container_crashes_under_load_each_order_that_was_taken_is_paid_once(
    composed: Composed,
) -> None:
    async with load(composed, per_second=10) as traffic:
        for name in CRASHED:
            await traffic.watch(10)
            await crash(composed, name)
            await composed.start(name)  # the engine has; this waits until it is well
        answers = (await traffic.all()).answers("order")

    taken = {answer.body["id"] for answer in answers if answer.status == 201}
    assert len(taken) > 50
    await until_paid(composed)
    charges = await composed.charges()
    assert {each: charges.get(each) for each in taken} == dict.fromkeys(taken, 1)
    await until_the_audit_is_clean(composed)


async def test_of_three_containers_of_a_service_each_is_asked(composed: Composed) -> None:
    async with load(composed, per_second=10) as traffic:
        await scale(composed, orders=3)
        containers = await composed.containers("orders")

        async def all_were_asked() -> bool:
            return all([await requests(composed, each) > 20 for each in containers])

        await until(all_were_asked, within_s=30, what="three containers to be asked", every_s=0.5)
        sample = await traffic.all()
    await scale(composed, orders=1)

    assert len(containers) == 3
    assert failures(sample, "read", 200) == []
    assert failures(sample, "order", 201) == []


async def test_an_update_under_load_fails_no_request(composed: Composed, stack: Stack) -> None:
    old = await composed.containers("orders")
    await stack.rebuild(OURS, "--build-arg", f"VERSION={NEXT}")

    async with load(composed, per_second=10) as traffic:
        await traffic.watch(10)
        said = await composed.tool("compose-update", "orders")
        await traffic.watch(10)
        sample = await traffic.all()

    assert "orders is up to date" in said
    assert failures(sample, "read", 200) == []
    assert failures(sample, "order", 201) == []
    (new,) = await composed.containers("orders", stopped=True)
    assert new not in old
    labels = json.loads(await composed.engine.docker("inspect", new))[0]["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == NEXT
    await until_the_audit_is_clean(composed)


async def test_an_update_that_does_not_start_is_taken_back(
    composed: Composed, stack: Stack
) -> None:
    old = await composed.containers("users")
    await stack.spoil(OURS)

    with pytest.raises(CommandFailed, match="The new users did not get ready; it is taken away"):
        await composed.tool("compose-update", "users")

    await stack.rebuild(OURS)
    assert await composed.containers("users", stopped=True) == old
    assert (await composed.get("/users/1")).status == 200


def failures(sample: Sample, kind: str, hoped_for: int) -> list[str]:
    """Which requests failed: the how manieth, how long it took, and what it was told."""
    return [
        f"{number}: {each.answer.status} {each.answer.body.get('code')} after {each.seconds:.2f} s"
        for number, each in enumerate(sample.asked[kind])
        if each.answer.status != hoped_for
    ]


async def crash(composed: Composed, name: str) -> None:
    """Kill a container's process; returns when the engine has started it again."""
    (container,) = await composed.containers(name)
    await composed.engine.crash(container)

    async def is_back() -> bool:
        seen = json.loads(await composed.engine.docker("inspect", container))[0]
        return bool(seen["RestartCount"]) and seen["State"]["Running"]

    await until(is_back, within_s=20, what=f"{name} to be started again", every_s=0.2)


async def scale(composed: Composed, **counts: int) -> None:
    """Have so many containers of each, and wait until they are well."""
    (name,) = counts
    how = ("--detach", "--no-build", "--no-deps", "--no-recreate", "--wait")
    await composed.compose("up", *how, "--scale", f"{name}={counts[name]}", name)


async def requests(composed: Composed, container: str) -> int:
    """How many requests for an order a container has answered."""
    seen = json.loads(await composed.engine.docker("inspect", container))[0]
    address = next(iter(seen["NetworkSettings"]["Networks"].values()))["IPAddress"]
    told = await composed.text("/metrics", at=f"http://{address}:3000")
    line = 'http_requests_total{method="GET",route="/orders/{order_id}",status="2xx"} '
    counted = [each for each in told.splitlines() if line in each]
    return int(float(counted[0].rpartition(" ")[2])) if counted else 0


async def until_paid(composed: Composed) -> None:
    """Wait until no order waits for its payment."""

    async def none_is_pending() -> bool:
        query = "select count(*) from orders where status = 'pending'"
        return await composed.stored("orders", query) == "0"

    await until(none_is_pending, within_s=60, what="all orders to be paid", every_s=0.5)


async def until_the_audit_is_clean(composed: Composed) -> None:
    """Wait until nothing is on its way any more, and nothing is off."""
    await until_paid(composed)

    async def is_clean() -> bool:
        status, _, errors = await composed.tried("audit", "--grace", "0")
        assert status in {0, 1}, errors
        return status == 0

    await until(is_clean, within_s=90, what="a clean audit", every_s=2)
