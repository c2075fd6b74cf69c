"""Kitchen over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ordereats.chassis.calls.client import Calls
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.calls.http import Http
from ordereats.chassis.errors import Conflict
from ordereats.contracts.ids import OrderId, RestaurantId
from ordereats.contracts.kitchen import WITHDRAW, WhichOrder, Withdrawn, WithdrawOrder
from services.kitchen.conftest import PHO, paid
from support.builders import Client, running

if TYPE_CHECKING:
    from services.kitchen.conftest import Kitchen


@dataclass(frozen=True, slots=True)
class Counter:
    """The door of a kitchen, and the kitchen behind it."""

    client: Client
    kitchen: "Kitchen"

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        answer = await self.client.post(path, body)
        return answer.status, answer.json()


@pytest.fixture
async def counter(kitchen: "Kitchen", database_url: str) -> AsyncIterator[Counter]:
    async with running(["kitchen"], database_url) as served:
        yield Counter(served.client, kitchen)


async def test_a_ticket_is_seen_as_the_kitchen_needs_it(counter: Counter) -> None:
    ticket_id = await counter.kitchen.new(17)

    answer = await counter.client.get(f"/kitchen/tickets/{ticket_id}")

    ticket = answer.json()
    assert answer.status == 200
    assert (ticket["id"], ticket["orderId"], ticket["restaurantId"]) == (ticket_id, 17, 1)
    assert (ticket["status"], ticket["version"], ticket["notes"]) == ("new", 1, "No coriander")
    assert ticket["items"] == [
        {"qty": 2, "name": "Phở", "dishId": PHO, "options": ["Size: large"]},
        {"qty": 1, "name": "Tea", "dishId": None, "options": []},
    ]
    assert ticket["acceptBy"].endswith("Z")
    assert ticket["readyAt"] is None


async def test_a_ticket_is_accepted_delayed_and_ready(counter: Counter) -> None:
    path = f"/kitchen/tickets/{await counter.kitchen.new()}"

    accepted = await counter.post(f"{path}/accept", {"prepMinutes": 20})
    delayed = await counter.post(f"{path}/delay", {"byMinutes": 10})
    ready = await counter.client.ask("POST", f"{path}/ready")

    assert [accepted[0], delayed[0], ready.status] == [200, 200, 200]
    assert (accepted[1]["status"], accepted[1]["prepMinutes"]) == ("accepted", 20)
    assert delayed[1]["readyAt"] > accepted[1]["readyAt"]
    assert (ready.json()["status"], ready.json()["version"]) == ("ready", 4)
    assert (await counter.client.get(path)).json() == ready.json()


async def test_a_ticket_is_rejected_with_its_reason(counter: Counter) -> None:
    path = f"/kitchen/tickets/{await counter.kitchen.new()}"

    status, ticket = await counter.post(
        f"{path}/reject", {"reason": "No more phở", "soldOut": [PHO]}
    )

    assert (status, ticket["status"], ticket["reason"]) == (200, "rejected", "No more phở")


async def test_a_second_accept_is_an_illegal_move(counter: Counter) -> None:
    path = f"/kitchen/tickets/{await counter.kitchen.accepted()}/accept"

    answer = await counter.client.post(path, {"prepMinutes": 20})

    assert (answer.status, answer.code) == (409, "illegal_move")


async def test_after_its_time_a_ticket_is_expired(counter: Counter) -> None:
    path = f"/kitchen/tickets/{await counter.kitchen.new()}/accept"
    await counter.kitchen.let_time_pass()

    answer = await counter.client.post(path, {"prepMinutes": 20})

    assert (answer.status, answer.code) == (409, "expired")


async def test_an_unknown_ticket_is_404(counter: Counter) -> None:
    path = "/kitchen/tickets/987654321"

    answers = [
        await counter.client.get(path),
        await counter.client.post(f"{path}/accept", {"prepMinutes": 20}),
        await counter.client.post(f"{path}/delay", {"byMinutes": 20}),
        await counter.client.post(f"{path}/reject", {"reason": "No"}),
        await counter.client.ask("POST", f"{path}/ready"),
    ]

    assert {(each.status, each.code) for each in answers} == {(404, "not_found")}


@pytest.mark.parametrize(
    ("move", "body", "path"),
    [
        ("accept", {}, "prepMinutes"),
        ("accept", {"prepMinutes": 0}, "prepMinutes"),
        ("accept", {"prepMinutes": 181}, "prepMinutes"),
        ("accept", {"prepMinutes": "20"}, "prepMinutes"),
        ("accept", {"prepMinutes": 20, "hurry": True}, "hurry"),
        ("delay", {"byMinutes": -5}, "byMinutes"),
        ("reject", {"reason": ""}, "reason"),
        ("reject", {"reason": " "}, "reason"),
        ("reject", {"reason": "x" * 201}, "reason"),
        ("reject", {"reason": "No", "soldOut": [99]}, "soldOut[0]"),
        ("reject", {"reason": "No", "soldOut": [PHO, 0]}, "soldOut[1]"),
        ("reject", {"reason": "No", "soldOut": [PHO] * 51}, "soldOut"),
    ],
)
async def test_what_can_not_be_right_is_named_and_changes_nothing(
    counter: Counter, move: str, body: object, path: str
) -> None:
    ticket_id = await counter.kitchen.new()

    answer = await counter.client.post(f"/kitchen/tickets/{ticket_id}/{move}", body)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == [path]
    assert (await counter.kitchen.ticket()).version == 1


async def test_a_restaurant_sees_its_tickets_by_status_and_page(counter: Counter) -> None:
    await counter.kitchen.hear(*(paid(each) for each in (1, 2, 3)))
    await counter.kitchen.hear(paid(4, restaurant_id=RestaurantId(2)))
    await counter.kitchen.accepted(5)
    path = "/kitchen/restaurants/1/tickets"

    every = await counter.client.get(path)
    accepted = await counter.client.get(f"{path}?status=accepted")
    first = await counter.client.get(f"{path}?status=new&limit=2")
    following = first.headers["link"].partition(">")[0].lstrip("<")
    rest = await counter.client.get(following)

    assert [each["orderId"] for each in every.json()] == [1, 2, 3, 5]
    assert [each["orderId"] for each in accepted.json()] == [5]
    assert [each["orderId"] for each in first.json()] == [1, 2]
    assert [each["orderId"] for each in rest.json()] == [3]
    assert "link" not in rest.headers


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("1/tickets?status=eaten", "status"),
        ("1/tickets?limit=501", "limit"),
        ("1/tickets?after=-1", "after"),
        ("0/tickets", "restaurantId"),
    ],
)
async def test_a_list_that_can_not_be_right_is_400(counter: Counter, path: str, wrong: str) -> None:
    answer = await counter.client.get(f"/kitchen/restaurants/{path}")

    assert (answer.status, answer.paths) == (400, [wrong])


async def test_a_neighbour_withdraws_an_order_as_often_as_it_likes(counter: Counter) -> None:
    await counter.kitchen.new(1)
    await counter.kitchen.accepted(2)

    async with Http.open(counter.client.url) as http:
        calls = Calls({"kitchen": http}, Edges(EdgeSettings()))
        for order_id in (1, 1, 3):
            which = WhichOrder(OrderId(order_id), WithdrawOrder(RestaurantId(1)))
            assert await calls.ask(WITHDRAW, which) == Withdrawn(OrderId(order_id))
        with pytest.raises(Conflict) as refusal:
            await calls.ask(WITHDRAW, WhichOrder(OrderId(2), WithdrawOrder(RestaurantId(1))))

    assert refusal.value.code == "already_accepted"
    assert await counter.kitchen.told(1) == ["created", "cancelled"]
