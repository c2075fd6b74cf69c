"""When a restaurant takes orders. Pure: the time is given, and zones are tables of the machine.

Of the libraries for opening hours the best kept, `opening-hours-py`, ends Friday night at 00:00
when Saturday has hours of its own, so it does not fit. Local time is the work of `zoneinfo`, and
arithmetic on the spans that of PostgreSQL's `tstzmultirange`; here a calendar is only unrolled.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from ordereats.chassis.errors import Invalid
from ordereats.contracts.openings import Opening
from ordereats.contracts.problems import FieldProblem
from ordereats.contracts.restaurants import Hours, Pause, Span, WeeklySpan

KNOWN_FOR = timedelta(days=14)
"""How far ahead spans are unrolled, at least; they are unrolled anew after half of it."""
LONGEST_PAUSE = timedelta(days=7)
"""So that its end lies in what is unrolled; who is away for longer gives special days."""
LOOKED_FOR = timedelta(days=400)
"""How far ahead the first span after that is looked for."""


def check(hours: Hours) -> None:
    """Refuse hours that can't be right.

    Raises:
        Invalid: an unknown time zone, or a date that is given twice.
    """
    problems = []
    if hours.time_zone not in _zones():
        problems.append(FieldProblem("timeZone", "must be an IANA name such as Europe/Helsinki"))
    dates = [each.date for each in hours.special_days]
    problems += [
        FieldProblem(f"specialDays[{index}].date", "is there twice")
        for index, each in enumerate(dates)
        if each in dates[:index]
    ]
    if problems:
        raise Invalid(*problems)


def pause_until(pause: Pause, *, now: datetime) -> datetime | None:
    """The end of a pause; None: it ends what pause there is.

    Raises:
        Invalid: too long, so that a restaurant would be forgotten in it.
    """
    if pause.until > now + LONGEST_PAUSE:
        raise Invalid(FieldProblem("until", f"must be within {LONGEST_PAUSE.days} days"))
    return pause.until if pause.until > now else None


def unrolled(hours: Hours, *, now: datetime) -> list[Opening]:
    """What is left of the calendar for `KNOWN_FOR`, and the first span after that.

    So the next opening is known at every moment of that time. Spans may touch and overlap; they
    are in the order of the days on which they start.

    Args:
        hours: as the restaurant gave them, checked.
        now: spans that have ended by then are left out.
    """
    found = []
    for each in _openings(hours, since=now):
        if each.opens > now + LOOKED_FOR:
            break
        if each.closes > now:
            found.append(each)
        if each.opens > now + KNOWN_FOR:
            break
    return found


def _openings(hours: Hours, *, since: datetime) -> Iterator[Opening]:
    """All of them, for ever, from those that started the day before on."""
    zone = ZoneInfo(hours.time_zone)
    special = {each.date: each.spans for each in hours.special_days}
    day = since.astimezone(zone).date() - timedelta(days=1)
    last = day + LOOKED_FOR + timedelta(days=2)
    while day <= last:
        weekly = tuple(each for each in hours.weekly if each.weekday == day.isoweekday())
        spans: tuple[Span | WeeklySpan, ...] = special.get(day, weekly)
        for each in sorted(spans, key=lambda span: span.opens):
            opening = _opening(each, day, zone)
            if opening.opens < opening.closes:  # not one that the clocks jump over
                yield opening
        day += timedelta(days=1)


def _opening(span: Span | WeeklySpan, day: date, zone: ZoneInfo) -> Opening:
    opens, closes = time.fromisoformat(span.opens), time.fromisoformat(span.closes)
    end = day if opens < closes else day + timedelta(days=1)
    return Opening(_utc(day, opens, zone), _utc(end, closes, zone))


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    """As RFC 5545 reads local time when clocks change (3.3.5).

    A time that comes twice is the first of the two; one that is jumped over is read with the
    offset before the jump.
    """
    return datetime.combine(day, at, zone).astimezone(UTC)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
