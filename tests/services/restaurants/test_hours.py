"""When a restaurant takes orders: midnight, clock changes, zones, special days, pauses."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.errors import Invalid
from ordereats.contracts.openings import takes_orders_at
from ordereats.contracts.restaurants import Hours, Pause, Span, SpecialDay, WeeklySpan
from ordereats.services.restaurants.domain import hours as rules

HELSINKI = "Europe/Helsinki"
ZONES = (HELSINKI, "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "Africa/Casablanca")
MINUTE = timedelta(minutes=1)

times_of_day = st.times().map(lambda at: at.strftime("%H:%M"))
calendars = st.builds(
    Hours,
    time_zone=st.sampled_from(ZONES),
    weekly=st.lists(
        st.builds(WeeklySpan, st.integers(1, 7), times_of_day, times_of_day), max_size=10
    ).map(tuple),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(  # noqa: DTZ001  # drawn in UTC
    lambda at: at.replace(tzinfo=UTC, second=0, microsecond=0)
)


def every_day(opens: str, closes: str, *special: SpecialDay, zone: str = HELSINKI) -> Hours:
    weekly = tuple(WeeklySpan(weekday, opens, closes) for weekday in range(1, 8))
    return Hours(zone, weekly, special)


def at(text: str, zone: str = HELSINKI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def local(hours: Hours, now: datetime, count: int) -> list[tuple[str, str]]:
    """The first openings, as the clocks in the kitchen show them."""
    zone = ZoneInfo(hours.time_zone)
    return [
        (f"{each.opens.astimezone(zone):%d %H:%M%z}", f"{each.closes.astimezone(zone):%d %H:%M%z}")
        for each in rules.unrolled(hours, now=now)[:count]
    ]


def is_open(hours: Hours, moment: datetime) -> bool:
    return any(each.opens <= moment < each.closes for each in rules.unrolled(hours, now=moment))


@given(calendars, moments)
def test_it_is_open_when_the_clock_in_the_kitchen_says_so(hours: Hours, moment: datetime) -> None:
    zone = ZoneInfo(hours.time_zone)
    offsets = {(moment + timedelta(days=day)).astimezone(zone).utcoffset() for day in (-2, 0, 2)}
    wall = moment.astimezone(zone).replace(tzinfo=None)

    if len(offsets) == 1:  # the changes of clocks have tests of their own
        assert is_open(hours, moment) == any(_covers(span, wall) for span in hours.weekly)


@given(calendars, moments)
def test_the_next_opening_is_known_at_every_moment_until_it_is_unrolled_anew(
    hours: Hours, moment: datetime
) -> None:
    openings = rules.unrolled(hours, now=moment)

    if hours.weekly:
        assert openings[-1].closes > moment + rules.KNOWN_FOR
    for one, following in pairwise(openings):
        assert one.opens.date() <= following.opens.date() + timedelta(days=1)
    assert all(each.opens < each.closes for each in openings)
    assert all(each.closes > moment for each in openings)


@given(calendars, moments, st.integers(1, 7 * 24 * 60))
def test_what_is_unrolled_later_says_the_same(hours: Hours, moment: datetime, later: int) -> None:
    then = moment + later * MINUTE

    before = [each for each in rules.unrolled(hours, now=moment) if each.closes > then]

    assert before == rules.unrolled(hours, now=then)[: len(before)]


def test_several_spans_a_day_go_past_midnight_each_by_the_day_on_which_it_starts() -> None:
    hours = Hours(
        HELSINKI,
        (
            WeeklySpan(5, "18:00", "02:00"),
            WeeklySpan(5, "11:00", "14:00"),
            WeeklySpan(6, "12:00", "15:00"),
        ),
    )

    assert local(hours, at("2026-11-20T13:00"), 4) == [
        ("20 11:00+0200", "20 14:00+0200"),
        ("20 18:00+0200", "21 02:00+0200"),
        ("21 12:00+0200", "21 15:00+0200"),
        ("27 11:00+0200", "27 14:00+0200"),
    ]
    assert is_open(hours, at("2026-11-21T01:59"))
    assert not is_open(hours, at("2026-11-21T02:00"))


def test_a_span_that_ends_when_it_starts_lasts_a_day() -> None:
    assert local(every_day("00:00", "00:00"), at("2026-11-20T13:00"), 2) == [
        ("20 00:00+0200", "21 00:00+0200"),
        ("21 00:00+0200", "22 00:00+0200"),
    ]


def test_a_special_day_has_its_own_spans_and_the_night_before_goes_on() -> None:
    closed = SpecialDay(date(2026, 12, 24))
    short = SpecialDay(date(2026, 12, 26), (Span("12:00", "15:00"),))
    hours = every_day("18:00", "02:00", closed, short)

    assert local(hours, at("2026-12-23T20:00"), 4) == [
        ("23 18:00+0200", "24 02:00+0200"),
        ("25 18:00+0200", "26 02:00+0200"),
        ("26 12:00+0200", "26 15:00+0200"),
        ("27 18:00+0200", "28 02:00+0200"),
    ]


def test_clocks_that_go_forward() -> None:
    """Helsinki, 29 March 2026: 03:00 becomes 04:00."""
    now = at("2026-03-28T23:00")

    assert local(every_day("22:00", "05:00"), now, 1) == [("28 22:00+0200", "29 05:00+0300")]
    assert local(every_day("02:30", "03:30"), now, 1) == [("29 02:30+0200", "29 04:30+0300")]
    assert local(every_day("03:30", "06:00"), now, 1) == [("29 04:30+0300", "29 06:00+0300")]
    assert local(every_day("03:30", "04:00"), now, 1) == [("30 03:30+0300", "30 04:00+0300")]


def test_clocks_that_go_back() -> None:
    """Helsinki, 25 October 2026: 04:00 becomes 03:00, and 03:30 comes twice."""
    now = at("2026-10-24T23:00")

    assert local(every_day("22:00", "05:00"), now, 1) == [("24 22:00+0300", "25 05:00+0200")]
    assert local(every_day("03:15", "03:45"), now, 1) == [("25 03:15+0300", "25 03:45+0300")]
    assert local(every_day("02:00", "03:30"), now, 1) == [("25 02:00+0300", "25 03:30+0300")]


def test_the_first_opening_after_a_long_holiday_is_known() -> None:
    holiday = [SpecialDay(date(2026, 7, 1) + timedelta(days=day)) for day in range(90)]

    openings = rules.unrolled(every_day("10:00", "20:00", *holiday), now=at("2026-07-01T12:00"))

    assert [each.opens for each in openings] == [at("2026-09-29T10:00")]


def test_one_that_never_opens_has_no_opening() -> None:
    assert rules.unrolled(Hours(HELSINKI, ()), now=at("2026-07-01T12:00")) == []


@pytest.mark.parametrize(
    "zone", ["Europe", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "utc+2"]
)
def test_an_unknown_time_zone_is_named(zone: str) -> None:
    with pytest.raises(Invalid, match="timeZone"):
        rules.check(every_day("10:00", "20:00", zone=zone))


def test_a_date_that_is_given_twice_is_named() -> None:
    day = SpecialDay(date(2026, 12, 24))

    with pytest.raises(Invalid, match=r"^specialDays\[2\]\.date: is there twice$"):
        rules.check(every_day("10:00", "20:00", day, SpecialDay(date(2026, 12, 25)), day))


@given(moments, st.integers(-10, 10), st.none() | st.integers(-10, 10), st.booleans())
def test_orders_are_taken_from_the_first_moment_on_at_which_it_is_open_and_has_not_paused(
    now: datetime,
    opens: int,
    paused: int | None,
    has_hours: bool,  # noqa: FBT001  # drawn
) -> None:
    paused_until = None if paused is None else now + paused * MINUTE

    found = takes_orders_at(
        has_hours=has_hours, opens=now + opens * MINUTE, paused_until=paused_until, now=now
    )

    waits = [0, paused or 0, opens if has_hours else 0]
    assert found == now + max(waits) * MINUTE


def test_a_pause_ends_within_a_week_and_one_of_the_past_is_none() -> None:
    now = at("2026-07-01T12:00")

    assert rules.pause_until(Pause(now + timedelta(days=7)), now=now) == now + timedelta(days=7)
    assert rules.pause_until(Pause(now), now=now) is None
    assert rules.pause_until(Pause(datetime.min.replace(tzinfo=UTC)), now=now) is None
    with pytest.raises(Invalid, match=r"^until: must be within 7 days$"):
        rules.pause_until(Pause(now + timedelta(days=7, seconds=1)), now=now)


def _covers(span: WeeklySpan, wall: datetime) -> bool:
    """By the clock on the wall alone: minutes since the span's start, in weeks that go round."""
    opens, closes = (_minutes(time.fromisoformat(each)) for each in (span.opens, span.closes))
    lasts = (closes - opens) % (24 * 60) or 24 * 60
    now = (wall.isoweekday() - span.weekday) * 24 * 60 + _minutes(wall.time())
    return (now - opens) % (7 * 24 * 60) < lasts


def _minutes(of: time) -> int:
    return of.hour * 60 + of.minute
