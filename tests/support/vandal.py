"""Takes things away from RabbitMQ, which the program itself never does."""

from ordereats.topology.broker.management import Management


class Vandal(Management):
    async def delete(self, path: str) -> None:
        await self._ask("DELETE", path)
