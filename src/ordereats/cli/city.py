"""The commands `seed` and `simulate`: a city to try a platform on.

Each command imports what it needs when it runs: starting fast is part of the program's work.
"""
# ruff: noqa: PLC0415  # commands import what they need when they run

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ordereats.topology.city.invented import City
    from ordereats.topology.city.seeding import Settled
    from ordereats.topology.city.simulation.report import Outcome
    from ordereats.topology.city.simulation.run import Wanted

Url = Annotated[str, typer.Option(help="Where the platform answers.")]
Seed = Annotated[int, typer.Option(min=0, help="Names the city; another one is another city.")]
Couriers = Annotated[int, typer.Option(min=1, max=2000, help="Couriers.")]

HOME = "http://localhost:3000"
WIDTH = 120
"""Of what is written to a file or a pipe."""


def seed(
    *,
    restaurants: Annotated[int, typer.Option(min=1, max=431, help="Restaurants.")] = 60,
    couriers: Couriers = 80,
    customers: Annotated[int, typer.Option(min=1, max=10_000, help="Customers.")] = 200,
    seed: Seed = 1,
    url: Url = HOME,
) -> None:
    """Fill a platform with an invented city.

    It stands on the streets of Helsinki. Again within a day, this makes nothing new.
    """
    from ordereats.topology.city.invented import Size, invent

    city = invent(seed, Size(restaurants, couriers, customers))
    settled = asyncio.run(_settle(url, city))
    dishes = sum(len(part.dishes) for each in city.restaurants for part in each.menu.sections)
    print(
        f"{len(city.restaurants)} restaurants with {dishes} dishes, {len(city.couriers)} couriers"
        f" and {len(city.customers)} customers live at {url}: {settled.made} are new,"
        f" {settled.found} were there."
    )
    _attribution()
    print("Next:  ordereats simulate --orders-per-minute 120 --minutes 5 --speed 60")


def simulate(
    *,
    orders_per_minute: Annotated[
        float, typer.Option(min=0.01, max=10_000, help="Orders in a simulated minute.")
    ] = 30,
    minutes: Annotated[
        float, typer.Option(min=0.1, max=1440, help="Simulated minutes in which orders come.")
    ] = 10,
    speed: Annotated[
        float, typer.Option(min=1, max=600, help="At 60, a simulated minute lasts a second.")
    ] = 60,
    couriers: Couriers = 80,
    seed: Seed = 1,
    url: Url = HOME,
) -> None:
    """Play customers, kitchens and couriers, and sum up.

    The city is the one of `seed`, with 60 restaurants and 200 customers; what of it is not there
    yet is made first. Ctrl-C ends it early. Exit status 1: an order did not end (none moved
    for two minutes, or two simulated hours if that is longer), or its money is not as it should be.
    """
    from rich.console import Console

    from ordereats.topology.city.invented import Size
    from ordereats.topology.city.simulation.run import Wanted
    from ordereats.topology.city.simulation.shown import summary

    wanted = Wanted(
        url=url,
        orders_per_minute=orders_per_minute,
        minutes=minutes,
        speed=speed,
        seed=seed,
        size=Size(couriers=couriers),
    )
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    outcome = asyncio.run(_simulate(wanted, console))
    console.print(summary(outcome))
    raise typer.Exit(0 if outcome.is_fine else 1)


async def _settle(url: str, city: "City") -> "Settled":
    from ordereats.topology.city.client import Api
    from ordereats.topology.city.seeding import settle
    from ordereats.topology.city.tally import Tally

    async with Api.at(url, Tally()) as api:
        return await settle(api, city)


async def _simulate(wanted: "Wanted", console: "Console") -> "Outcome":
    from ordereats.topology.city.simulation.run import simulate
    from ordereats.topology.city.simulation.shown import TerminalScreen

    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    with TerminalScreen(console) as screen:
        return await simulate(wanted, screen, stop)


def _attribution() -> None:
    from ordereats.topology.city.places import helsinki

    print(f"Map: {helsinki().attribution}")
