"""Each shape starts soon and stays small. `make bench` has the figures; here they have slack.

The machine of CI is another than that of the figures, and has other guests.
"""

from pathlib import Path

import pytest

from bench.shapes import LIMITS, MONOLITH, SERVICES, up

pytestmark = pytest.mark.alone  # it is about time

SLACK_OF_TIME, SLACK_OF_MEMORY = 2.0, 1.25


@pytest.mark.parametrize("shape", [MONOLITH, SERVICES])
async def test_a_shape_takes_its_first_order_soon_and_stays_small(
    open_folder: Path, shape: str
) -> None:
    limits = LIMITS[shape]
    async with up(shape, open_folder):
        pass  # what is made once only

    async with up(shape, open_folder) as platform:
        standing = await platform.standing()

    assert standing.start_s < limits.start_s * SLACK_OF_TIME
    assert standing.memory_mb < limits.memory_mb * SLACK_OF_MEMORY
