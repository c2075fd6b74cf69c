"""What is going to happen: a script for each order. A pure function of a city and a seed.

What really happens follows it as far as the platform and the others let it.
"""

from dataclasses import dataclass
from random import Random

from ordereats.contracts.menus import Choice, NewDish
from ordereats.topology.city.chance import dice
from ordereats.topology.city.invented import City, InventedRestaurant
from ordereats.topology.city.simulation import timings

GOOD_CARDS = ("pm_card_visa", "pm_card_mastercard")
BAD_CARDS = (
    "pm_card_visa_chargeDeclined",
    "pm_card_visa_chargeDeclinedInsufficientFunds",
    "pm_card_chargeDeclinedExpiredCard",
)
TIPS = (0, 0, 0, 100, 150, 200, 300)
"""In minor units."""

BROWSE = 0.3
BAD_CARD = 0.03
CANCEL = 0.03
REFUND = 0.04
REJECT = 0.03
DELAY = 0.10
DECLINE = 0.08
"""Of all orders, how many a customer looks around before, and so on. Invented."""


@dataclass(frozen=True, slots=True)
class Line:
    """One dish of a basket, by its name."""

    dish: str
    qty: int
    options: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class CustomerScript:
    """What the customer of an order does.

    Attributes:
        customer: their number in the city.
        browses: looks at the list of restaurants first.
        tip: in minor units.
        cancels_after_min: after having ordered; None: does not.
        refund_percent: of the total, which they ask back after the delivery; None: nothing.
    """

    customer: int
    browses: bool
    lines: tuple[Line, ...]
    tip: int
    card: str
    cancels_after_min: float | None
    refund_percent: int | None


@dataclass(frozen=True, slots=True)
class KitchenScript:
    """What the kitchen of an order does.

    Attributes:
        rejects: the first dish of the order is sold out.
        delayed_by_min: what it needs beyond `prep_min`, said half-way; None: nothing.
    """

    restaurant: int
    answers_after_min: float
    prep_min: float
    rejects: bool
    delayed_by_min: float | None


@dataclass(frozen=True, slots=True)
class CourierScript:
    """What couriers do about an order.

    Attributes:
        declines: so many say no before one says yes.
        ride_min: from the restaurant to the door.
    """

    declines: int
    ride_min: float


@dataclass(frozen=True, slots=True)
class Script:
    """One order.

    Attributes:
        at_min: when the customer opens the app.
    """

    number: int
    at_min: float
    customer: CustomerScript
    kitchen: KitchenScript
    courier: CourierScript


def plan(city: City, *, orders_per_minute: float, minutes: float, seed: int) -> tuple[Script, ...]:
    """The scripts of all orders, by time. Of another seed, each is another.

    Arrivals are a Poisson process, given how many come in all.
    """
    count = max(1, round(orders_per_minute * minutes))
    arrivals = dice(seed, "arrivals")
    times = sorted(arrivals.uniform(0, minutes) for _ in range(count))
    return tuple(_script(city, seed, number, at_min) for number, at_min in enumerate(times))


def _script(city: City, seed: int, number: int, at_min: float) -> Script:
    thrown = dice(seed, "order", number)
    open_ones = city.always_open
    # The first are the most popular, as ranks and sales of restaurants go.
    popularity = [1 / (rank + 1) ** 0.5 for rank in range(len(open_ones))]
    restaurant = thrown.choices(open_ones, popularity)[0]
    return Script(
        number,
        at_min,
        _customer(thrown, thrown.randrange(len(city.customers)), city.restaurants[restaurant]),
        _kitchen(thrown, restaurant),
        CourierScript(
            declines=1 if thrown.random() < DECLINE else 0, ride_min=timings.ride_min(thrown)
        ),
    )


def _customer(thrown: Random, customer: int, restaurant: InventedRestaurant) -> CustomerScript:
    dishes = [dish for section in restaurant.menu.sections for dish in section.dishes]
    chosen = thrown.sample(dishes, thrown.choices([1, 2, 3], [3, 4, 2])[0])
    return CustomerScript(
        customer=customer,
        browses=thrown.random() < BROWSE,
        lines=tuple(_line(thrown, dish) for dish in chosen),
        tip=thrown.choice(TIPS),
        card=thrown.choice(BAD_CARDS if thrown.random() < BAD_CARD else GOOD_CARDS),
        cancels_after_min=thrown.uniform(0, 2) if thrown.random() < CANCEL else None,
        refund_percent=thrown.choice((10, 25, 50, 100)) if thrown.random() < REFUND else None,
    )


def _line(thrown: Random, dish: NewDish) -> Line:
    options = tuple(
        Choice(group.name, option.name)
        for group in dish.option_groups
        for option in thrown.sample(group.options, thrown.randint(group.min, group.max))
    )
    return Line(dish.name, thrown.choices([1, 2, 3], [6, 3, 1])[0], options)


def _kitchen(thrown: Random, restaurant: int) -> KitchenScript:
    return KitchenScript(
        restaurant=restaurant,
        answers_after_min=timings.answer_min(thrown),
        prep_min=timings.prep_min(thrown),
        rejects=thrown.random() < REJECT,
        delayed_by_min=thrown.uniform(3, 12) if thrown.random() < DELAY else None,
    )
