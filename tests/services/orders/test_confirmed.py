"""What answers confirm of that which was last known, and what they say is out of date."""

from datetime import timedelta

import pytest

from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import DatabaseError, Unavailable
from ordereats.contracts.ids import RestaurantId
from services.orders.conftest import Desk
from services.orders.facts import a_quote
from services.orders.test_last_known import CREATED, DOWN, a_menu

OUTDATED = float("inf")


async def test_answers_confirm_what_was_heard_and_a_job_notes_it(desk: Desk) -> None:
    await desk.hear(CREATED)
    await desk.hear(a_menu(version=4))
    desk.menus.says = a_quote(version=4)
    await _age(desk.deps.database, hours=20)

    await desk.place()
    more = await desk.deps.last_known.note_confirmed()

    assert not more
    assert await _ages_s(desk.deps.database) == pytest.approx([0, 0], abs=60)


async def test_an_answer_by_an_older_version_does_not_confirm_a_menu(desk: Desk) -> None:
    await desk.hear(CREATED)
    await desk.hear(a_menu(version=4))
    desk.menus.says = a_quote(version=3)
    await _age(desk.deps.database, hours=20)

    await desk.place()
    await desk.deps.last_known.note_confirmed()

    assert await _ages_s(desk.deps.database) == pytest.approx([0, 72_000], abs=60)


async def test_what_was_confirmed_lately_is_not_written_again(desk: Desk) -> None:
    await desk.hear(CREATED)
    await desk.hear(a_menu(version=4))
    desk.menus.says = a_quote(version=4)
    await _age(desk.deps.database, minutes=30)

    await desk.place()
    await desk.deps.last_known.note_confirmed()

    assert await _ages_s(desk.deps.database) == pytest.approx([1800, 1800], abs=60)


async def test_a_customer_of_whom_no_fact_was_heard_is_known_by_the_answer(desk: Desk) -> None:
    await desk.place()
    await desk.deps.last_known.note_confirmed()
    desk.users.fails = DOWN

    assert await desk.place()


async def test_a_thousand_confirmations_are_written_at_once_and_the_rest_next(
    desk: Desk,
) -> None:
    for number in range(2, 1003):
        desk.deps.last_known._confirmed_menus[RestaurantId(number)] = 1  # as if asked

    assert await desk.deps.last_known.note_confirmed()
    assert not await desk.deps.last_known.note_confirmed()


async def heard_and_answered(desk: Desk, *, heard: int, answered: tuple[int, ...]) -> None:
    """Hear of a version of the menu, get answers by versions, and then none."""
    await desk.hear(CREATED)
    await desk.hear(a_menu(version=heard))
    for version in answered:
        desk.menus.says = a_quote(version=version)
        await desk.place()
    desk.menus.fails = DOWN


@pytest.mark.parametrize("noted", [False, True])
@pytest.mark.parametrize("answered", [(5,), (5, 4)])
async def test_a_menu_is_not_used_once_a_newer_one_was_answered(
    desk: Desk, answered: tuple[int, ...], *, noted: bool
) -> None:
    await heard_and_answered(desk, heard=4, answered=answered)
    if noted:
        await desk.deps.last_known.note_confirmed()
        assert not desk.deps.last_known._confirmed_menus

    with pytest.raises(Unavailable):
        await desk.place()

    await desk.hear(a_menu(version=5))
    assert await desk.place()


async def test_a_late_answer_does_not_confirm_what_is_out_of_date(desk: Desk) -> None:
    await heard_and_answered(desk, heard=4, answered=(5,))
    await desk.deps.last_known.note_confirmed()
    desk.menus.fails, desk.menus.says = None, a_quote(version=4)

    await desk.place()
    await desk.deps.last_known.note_confirmed()

    assert await _ages_s(desk.deps.database) == pytest.approx([0, OUTDATED], abs=60)


async def test_what_could_not_be_written_is_written_next_time(desk: Desk) -> None:
    await heard_and_answered(desk, heard=4, answered=(5,))
    await desk.deps.database.execute("alter table known_menus rename to gone")
    with pytest.raises(DatabaseError):
        await desk.deps.last_known.note_confirmed()
    await desk.deps.database.execute("alter table gone rename to known_menus")

    await desk.deps.last_known.note_confirmed()

    assert await _ages_s(desk.deps.database) == pytest.approx([0, OUTDATED], abs=60)


async def _age(database: Database, **ago: int) -> None:
    seconds = timedelta(**ago).total_seconds()
    for table in ("known_customers", "known_menus"):
        await database.execute(
            f"update {table} set confirmed_at = now() - make_interval(secs => $1)",  # noqa: S608  # a constant
            seconds,
        )


async def _ages_s(database: Database) -> list[float]:
    """How long ago the customer and the menu were confirmed."""
    rows = await database.fetch("""
        select extract(epoch from now() - confirmed_at)::float as age from known_customers
        union all
        select extract(epoch from now() - confirmed_at)::float from known_menus
    """)
    return [row["age"] for row in rows]
