"""The platform in containers: what runs, who reaches whom, and what stays when it is taken down."""

import json
from base64 import b64encode
from urllib.parse import urlsplit

import pytest

from ordereats.topology import catalog
from support.cast import delivered
from support.containers.composed import Composed
from support.containers.engine import CommandFailed
from support.platform import Answer, until

SERVERS = {
    **dict.fromkeys(catalog.SERVICES, 3000),
    **{f"postgres-{name}": 5432 for name in catalog.SERVICES},
    "rabbitmq": 5672,
    "sandbox": 12111,
    "mail": 1025,
}
BESIDE = {"payments": {"sandbox"}, "notifications": {"mail"}, "sandbox": {"payments"}}
"""Whom someone has to reach beside its database, the broker and whom it calls."""

REACH = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reached(server):
    try:
        socket.create_connection(server, timeout=3).close()
    except OSError:
        return False
    return True
servers = [tuple(each) for each in json.loads(sys.argv[1])]
with ThreadPoolExecutor(len(servers)) as pool:
    print(json.dumps(list(pool.map(reached, servers))))
"""


@pytest.mark.parametrize("name", [*catalog.SERVICES, "sandbox"])
async def test_a_container_reaches_only_what_it_must(composed: Composed, name: str) -> None:
    callers = {caller for caller, called in catalog.CALLS.items() if name in called}
    # A network has no direction: who is called could call back.
    must = {name, *catalog.CALLS.get(name, ()), *callers, *BESIDE.get(name, ())}
    must |= {f"postgres-{name}", "rabbitmq"} if name in catalog.SERVICES else set()

    reached = await reachable(composed, name)

    assert reached == must


async def test_knowing_an_address_helps_nobody_past_a_network(composed: Composed) -> None:
    networks = (await composed.inspected("postgres-orders"))["NetworkSettings"]["Networks"]
    (address,) = [each["IPAddress"] for each in networks.values()]

    said = await composed.python("users", REACH, json.dumps([(address, 5432)]))

    assert json.loads(said) == [False]


async def test_only_the_gateway_and_two_pages_are_published_and_only_here(
    composed: Composed,
) -> None:
    published: dict[str, set[str]] = {}
    for name, seen in await composed.everything():
        for bound in seen["NetworkSettings"]["Ports"].values():
            published.setdefault(name, set()).update(each["HostIp"] for each in bound or ())
    published = {name: hosts for name, hosts in published.items() if hosts}

    assert published == {each: {"127.0.0.1"} for each in ("gateway", "rabbitmq", "mail")}


@pytest.mark.parametrize(
    "path", ["/metrics", "/users/metrics", "/ops/breakers", "/orders/ops/breakers", "/health/ready"]
)
async def test_what_is_for_operators_is_not_behind_the_gateway(
    composed: Composed, path: str
) -> None:
    answer = await composed.get(path)

    assert answer.status in {400, 404}, answer


async def test_no_secret_is_in_the_environment_of_a_container(composed: Composed) -> None:
    secrets = {
        file.name: file.read_text().split()[-1].split("@")[0].rpartition(":")[2]
        for file in composed.home.iterdir()
    }
    assert len(secrets) > 20

    for name, seen in await composed.everything():
        text = json.dumps(seen)
        assert [each for each, secret in secrets.items() if secret in text] == [], name


async def test_a_service_can_write_nowhere(composed: Composed) -> None:
    with pytest.raises(CommandFailed, match="Read-only file system"):
        await composed.python("users", "open('/opt/ordereats/x', 'w')")


async def test_every_container_is_held_short(composed: Composed) -> None:
    for name, seen in await composed.everything():
        host = seen["HostConfig"]
        held = [host[each] for each in ("ReadonlyRootfs", "CapDrop", "CapAdd", "SecurityOpt")]
        added = ["NET_BIND_SERVICE"] if name == "gateway" else None
        assert held == [True, ["ALL"], added, ["no-new-privileges:true"]], name
        assert min(host[each] for each in ("Memory", "NanoCpus", "PidsLimit")) > 0, name


async def test_mail_comes_to_the_mail_catcher(composed: Composed) -> None:
    order_id = await composed.place()
    await composed.until_status(order_id, "paid")

    async def came() -> bool:
        page = await composed.ask("GET", "/api/v1/messages", at="http://127.0.0.1:8025")
        return int(page.body["total"]) > 0

    await until(came, within_s=15, what="a mail")


async def test_rabbitmqs_pages_know_its_operator_and_no_guest(composed: Composed) -> None:
    at = "http://127.0.0.1:15672"
    operator = urlsplit((composed.home / "broker-management-url").read_text())

    async def asked(name: str, password: str) -> Answer:
        word = b64encode(f"{name}:{password}".encode()).decode()
        return await composed.get("/api/whoami", at=at, headers={"Authorization": f"Basic {word}"})

    assert (await asked(str(operator.username), str(operator.password))).status == 200
    assert (await asked("guest", "guest")).status == 401


async def test_an_orders_story_is_told_by_all_seven_services(composed: Composed) -> None:
    order_id, _ = await delivered(composed)

    told = await composed.story(order_id)

    assert told["silent"] == []
    assert {each["service"] for each in told["spans"]} == {*catalog.SERVICES}


async def test_up_once_more_changes_nothing_that_runs(composed: Composed) -> None:
    before = {name: await composed.containers(name) for name in catalog.SERVICES}

    await composed.start_all()

    assert {name: await composed.containers(name) for name in catalog.SERVICES} == before
    assert "had all its" in await composed.compose("logs", "--no-log-prefix", "broker")


async def reachable(composed: Composed, name: str) -> set[str]:
    """Which servers a container can open a connection to, by their names."""
    said = await composed.python(name, REACH, json.dumps(list(SERVERS.items())))
    return {server for server, reached in zip(SERVERS, json.loads(said), strict=True) if reached}
