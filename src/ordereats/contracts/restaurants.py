"""What restaurants says: who cooks, where and when. Menus have a module of their own."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from ordereats.contracts.events import Event
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.openings import Opening
from ordereats.contracts.places import Place
from ordereats.contracts.pricing import PriceList
from ordereats.contracts.wire import Answer, Body, Text

TimeOfDay = Annotated[
    str,
    Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", description="`17:30`, local time."),
]
Weekday = Annotated[int, Meta(ge=1, le=7, description="1 is Monday, 7 Sunday (ISO 8601).")]


class OpenRestaurant(Body, frozen=True):
    """A restaurant that joins the platform.

    Attributes:
        email: where the kitchen wants to hear of orders.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=Text)]
    cuisine: Annotated[str, Meta(min_length=1, max_length=50, pattern=Text)] | None = None
    place: Place | None = None
    email: (
        Annotated[
            str, Meta(max_length=150, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$(?!\n)")
        ]
        | None
    ) = None


class Restaurant(Answer, frozen=True):
    """A restaurant on the platform.

    Attributes:
        is_open: whether it takes orders now; one that has given no hours is always open.
        opens_at: when it takes orders again; None while it is open, and when that is not known.
        paused_until: the end of its pause, while it has one.
    """

    id: RestaurantId
    name: str
    cuisine: str | None
    created_at: datetime
    place: Place | None = None
    is_open: bool = True
    opens_at: datetime | None = None
    paused_until: datetime | None = None


class Span(Body, frozen=True):
    """Open from a time until another; one that ends before it starts goes on past midnight."""

    opens: TimeOfDay
    closes: TimeOfDay


class WeeklySpan(Body, frozen=True):
    """A span of a weekday: the day on which it starts."""

    weekday: Weekday
    opens: TimeOfDay
    closes: TimeOfDay


class SpecialDay(Body, frozen=True):
    """A date with spans of its own, instead of its weekday's; none: closed."""

    date: date
    spans: Annotated[tuple[Span, ...], Meta(max_length=10)] = ()


class Hours(Body, frozen=True):
    """When a restaurant takes orders; they take the place of those before.

    Attributes:
        time_zone: an IANA name, such as `Europe/Helsinki`.
    """

    time_zone: Annotated[str, Meta(min_length=1, max_length=50, pattern=Text)]
    weekly: Annotated[tuple[WeeklySpan, ...], Meta(max_length=70)]
    special_days: Annotated[tuple[SpecialDay, ...], Meta(max_length=100)] = ()


class Pause(Body, frozen=True):
    """A restaurant takes no orders until then; a time in the past ends its pause."""

    until: Annotated[datetime, Meta(tz=True)]


class RestaurantChanged(Event, frozen=True, tag="ordereats.restaurant.changed.v1"):
    """A restaurant joined, or says something new of itself."""

    restaurant_id: RestaurantId
    name: str
    cuisine: str | None
    place: Place | None = None
    email: str | None = None


class MenuChanged(Event, frozen=True, tag="ordereats.menu.changed.v1"):
    """All by which a restaurant's baskets are priced and taken, whenever any of it changes.

    So who has heard the last one can do that for a while without it. Portions are not in it.

    Attributes:
        openings: of the coming days, in the order of their beginnings; None: it is always open.
        paused_until: the end of its pause, which may be over.
        at: when all this was so.
    """

    price_list: PriceList
    openings: tuple[Opening, ...] | None
    paused_until: datetime | None
    at: datetime
