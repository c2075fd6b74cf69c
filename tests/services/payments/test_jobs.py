"""The provider is asked about each payment at its time: chance that keeps them apart is kept."""

from collections.abc import Awaitable, Callable
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from ordereats.chassis.background import Background, Hint, Jobs
from ordereats.services.payments.domain.payments import Payment, Truth
from ordereats.services.payments.jobs import jobs
from services.payments.fake import Provider

if TYPE_CHECKING:
    from services.payments.conftest import Till

MOMENTS_S = {1: 0.61, 2: 0.64, 3: 0.83, 4: 0.9, 5: 1.07, 6: 1.33, 7: 1.41, 8: 1.78}
"""When each order's payment is due: most between two looks of the job."""


class Timed(Provider):
    """Notes when it was asked about each order."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: dict[int, float] = {}

    async def authorize(self, payment: Payment) -> Truth:
        self.moments[payment.order_id] = monotonic()
        return await super().authorize(payment)


@pytest.fixture
def provider() -> Provider:
    return Timed()


async def test_of_payments_due_at_different_moments_each_is_asked_for_at_its_own(
    till: "Till", provider: Timed, until: Callable[..., Awaitable[None]]
) -> None:
    await till.hear(*MOMENTS_S)
    began = monotonic()
    for order_id, moment_s in MOMENTS_S.items():
        await till.deps.database.execute(
            "update payments set due_at = now() + make_interval(secs => $2) where order_id = $1",
            order_id,
            moment_s - (monotonic() - began),
        )

    async with Background.open() as background:
        running = Jobs(background)
        for job in jobs(till.deps, payments=Hint(), refunds=Hint()):
            running.start(job)
        await until(lambda: len(provider.moments) == len(MOMENTS_S))
        await running.stop(within_s=1)

    late_s = [provider.moments[each] - began - due_s for each, due_s in MOMENTS_S.items()]
    assert min(late_s) > -0.05
    assert median(late_s) < 0.05, late_s  # of all, a busy machine would fail it
