"""Payments counts outcomes and money after the commit, and says what the provider still owes us."""

from ordereats.contracts.money import Money
from ordereats.services.payments.domain.refunds import Refused
from ordereats.services.payments.use_cases.figures import Figures
from services.payments.conftest import Till, accepted, cancelled, placed
from support.scrapes import Values, counted, scraped


async def shown(till: Till) -> Values:
    return await scraped(till.deps.figures.sources(till.deps.database))


async def test_outcomes_and_the_money_that_moved_are_counted(till: Till) -> None:
    await till.hear(placed(1), accepted(1), placed(2))
    await till.work()
    await till.refund("5.00")
    await till.work()
    await till.hear(cancelled(2))
    await till.work()

    values = await shown(till)

    assert counted(values, "payment_moves_total") == {
        ("authorized",): 2,
        ("captured",): 1,
        ("refunded",): 1,
        ("voided",): 1,
    }
    assert counted(values, "money_minor_units_total") == {
        ("authorized", "EUR"): 5000,
        ("captured", "EUR"): 2500,
        ("refunded", "EUR"): 500,
    }
    assert counted(values, "refunds_total") == {("succeeded",): 1}


async def test_a_card_that_is_declined_moves_no_money(till: Till) -> None:
    till.provider.declines[1] = "insufficient_funds"
    await till.hear(placed(1))
    await till.work()

    values = await shown(till)

    assert counted(values, "payment_moves_total") == {("declined",): 1}
    assert counted(values, "money_minor_units_total") == {}


async def test_a_refund_that_the_provider_refuses_is_counted_as_failed(till: Till) -> None:
    await till.hear(placed(1), accepted(1))
    await till.work()
    till.provider.outcomes[1] = Refused("expired_card")
    await till.refund()
    await till.work()

    assert counted(await shown(till), "refunds_total") == {("failed",): 1}


async def test_money_that_comes_back_is_counted_by_itself(till: Till) -> None:
    figures = Figures()
    figures.refunded(Money(700))
    figures.refund_failed(Money(700))

    values = await scraped(figures.sources(till.deps.database))

    assert counted(values, "money_minor_units_total") == {
        ("refunded", "EUR"): 700,
        ("returned", "EUR"): 700,
    }


async def test_what_is_due_at_the_provider_is_shown_with_its_age(till: Till) -> None:
    await till.hear(placed(1), placed(2))
    await till.deps.database.execute(
        "update payments set asked_at = now() - interval '11 minutes' where order_id = 2"
    )

    values = await shown(till)

    assert values["payments_unsettled", ("payment",)] == 2
    assert 660 <= values["payments_unsettled_oldest_seconds", ("payment",)] < 720
    assert values["payments_unsettled", ("refund",)] == 0
    assert values["payments_unsettled_oldest_seconds", ("refund",)] == 0
