"""Ways to fill restaurants and to ask them, over HTTP."""

from dataclasses import dataclass
from typing import Any

import msgspec

from ordereats.contracts.events import Event
from support.builders import Reply, Running, a_message, a_restaurant


def a_dish(**changes: Any) -> dict[str, Any]:
    return {"name": "Pho", "price": "12.50", **changes}


def a_menu(*dishes: dict[str, Any]) -> dict[str, Any]:
    return {"sections": [{"name": "Soups", "dishes": list(dishes or [a_dish()])}]}


@dataclass(frozen=True, slots=True)
class Kitchens:
    """Restaurants at work.

    Attributes:
        url: of their database.
    """

    running: Running
    url: str

    async def ask(self, method: str, path: str, body: object) -> Reply:
        return await self.running.client.ask(
            method,
            path,
            headers={"Content-Type": "application/json"},
            data=msgspec.json.encode(body),
        )

    async def get(self, path: str) -> Reply:
        return await self.running.client.get(path)

    async def post(self, path: str, body: object, *, key: str | None = None) -> Reply:
        return await self.running.client.post(path, body, key=key)

    async def opened(self, **changes: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/restaurants", a_restaurant(**changes))
        assert answer.status == 201, answer
        found: dict[str, Any] = answer.json()
        return found

    async def with_menu(self, *dishes: dict[str, Any], **changes: Any) -> tuple[str, list[Any]]:
        """A restaurant with these dishes: its path, and they as they were answered."""
        path = f"/restaurants/{(await self.opened(**changes))['id']}"
        answer = await self.ask("PUT", f"{path}/menu", a_menu(*dishes))
        assert answer.status == 200, answer
        return path, answer.json()["sections"][0]["dishes"]

    async def hear(self, fact: Event, *, version: int = 1) -> None:
        """Publish what another service says of an order."""
        subject = f"order/{getattr(fact, 'order_id', 1)}"
        message = a_message(fact, subject=subject, version=version)
        assert await self.running.group.bus.publish([message]) == {}

    async def dish(self, path: str, name: str = "Pho") -> Any:
        """A dish as the menu shows it now."""
        sections = (await self.get(f"{path}/menu")).json()["sections"]
        (found,) = [each for part in sections for each in part["dishes"] if each["name"] == name]
        return found

    async def quote(self, path: str, *items: dict[str, Any], **changes: Any) -> Reply:
        return await self.ask("POST", f"{path}/quote", {"items": list(items), **changes})
