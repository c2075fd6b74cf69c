"""The invented city: who cooks, brings and orders there. A pure function of a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ordereats.contracts.deliveries import JoinAsCourier, Vehicle
from ordereats.contracts.menus import NewMenu
from ordereats.contracts.places import Location, Place
from ordereats.contracts.restaurants import Hours, OpenRestaurant, WeeklySpan
from ordereats.contracts.users import RegisterUser
from ordereats.topology.city.chance import dice
from ordereats.topology.city.menus import NOUNS, cuisine_of, menu_of
from ordereats.topology.city.names import FIRST_NAMES, LAST_NAMES, RESTAURANT_NAMES
from ordereats.topology.city.places import helsinki

TIME_ZONE = "Europe/Helsinki"
DAYTIME = Hours(
    TIME_ZONE,
    (
        *(WeeklySpan(weekday, "10:30", "22:00") for weekday in (1, 2, 3, 4)),
        *(WeeklySpan(weekday, "10:30", "02:00") for weekday in (5, 6)),
        WeeklySpan(7, "12:00", "14:30"),
        WeeklySpan(7, "17:00", "21:00"),
    ),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How many there are of each."""

    restaurants: int = 60
    couriers: int = 80
    customers: int = 200


@dataclass(frozen=True, slots=True)
class InventedRestaurant:
    """One who cooks.

    Attributes:
        hours: None: always open. Three in four are, so that a simulation may run at any hour.
    """

    joins: OpenRestaurant
    menu: NewMenu
    hours: Hours | None


@dataclass(frozen=True, slots=True)
class InventedCourier:
    """One who brings, and where they start."""

    joins: JoinAsCourier
    starts: Location


@dataclass(frozen=True, slots=True)
class InventedCustomer:
    """One who orders, and where they live."""

    registers: RegisterUser
    lives: Place


@dataclass(frozen=True, slots=True)
class City:
    """Everybody. A larger city of the same seed has all those of a smaller one, at the front."""

    seed: int
    restaurants: tuple[InventedRestaurant, ...]
    couriers: tuple[InventedCourier, ...]
    customers: tuple[InventedCustomer, ...]

    @property
    def always_open(self) -> list[int]:
        """The numbers of the restaurants that take orders at any hour."""
        return [number for number, each in enumerate(self.restaurants) if each.hours is None]


def invent(seed: int, size: Size) -> City:
    """The city of a seed; the map has room for at most `most_restaurants()`."""
    return City(
        seed,
        tuple(_restaurants(seed, size.restaurants)),
        tuple(_courier(seed, number) for number in range(size.couriers)),
        tuple(_customer(seed, number) for number in range(size.customers)),
    )


def most_restaurants() -> int:
    """One for each venue of the map."""
    return len(helsinki().venues)


def _restaurants(seed: int, count: int) -> Iterator[InventedRestaurant]:
    venues = dice(seed, "venues").sample(helsinki().venues, most_restaurants())
    words = list(product(RESTAURANT_NAMES, range(NOUNS)))
    dice(seed, "names").shuffle(words)
    for number, venue in enumerate(venues[:count]):
        thrown = dice(seed, "restaurant", number)
        cuisine = cuisine_of(venue.kind, thrown)
        # Three times around at most: there are fewer pairs of words than venues.
        first, noun = words[number % len(words)]
        joins = OpenRestaurant(
            name=f"{first} {cuisine.nouns[noun]}",
            cuisine=cuisine.name,
            place=venue.place,
            email=f"kitchen.{number}@seed-{seed}.example",
        )
        hours = DAYTIME if number % 4 == 3 else None
        yield InventedRestaurant(joins, menu_of(cuisine, thrown), hours)


def _courier(seed: int, number: int) -> InventedCourier:
    thrown = dice(seed, "courier", number)
    vehicle = thrown.choices([Vehicle.BICYCLE, Vehicle.SCOOTER, Vehicle.CAR], [6, 3, 1])[0]
    name = f"{thrown.choice(FIRST_NAMES)} {thrown.choice(LAST_NAMES)}"
    at = thrown.choice(helsinki().addresses)
    return InventedCourier(JoinAsCourier(name, vehicle), Location(at.lat, at.lon))


def _customer(seed: int, number: int) -> InventedCustomer:
    thrown = dice(seed, "customer", number)
    name = f"{thrown.choice(FIRST_NAMES)} {thrown.choice(LAST_NAMES)}"
    lives = thrown.choice(helsinki().addresses).place
    return InventedCustomer(RegisterUser(name, f"customer.{number}@seed-{seed}.example"), lives)
