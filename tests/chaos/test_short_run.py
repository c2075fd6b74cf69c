"""A short chaos run: the real one, with few faults of the worst kinds."""

from collections import Counter
from pathlib import Path

import pytest

from chaos.log import Answered
from chaos.page import page
from chaos.platform import Platform
from chaos.run import Wanted, run
from chaos.schedule import KINDS, schedule

WORST = [
    each
    for each in KINDS
    if each.name
    in {
        "kill a service",
        "kill the broker",
        "kill a database",
        "lose-answers the provider",
        "cut the way to a database",
    }
]
SECONDS, EVERY_S, SEED = 20, 2.0, 4
"""The broker first, as it is the slowest to come back; then each of the others once."""


@pytest.mark.timeout(600)
async def test_whatever_is_killed_or_cut_under_load_every_promise_is_kept(tmp_path: Path) -> None:
    lines: list[str] = []
    wanted = Wanted(
        seconds=SECONDS,
        seed=SEED,
        rate=5,
        every_s=EVERY_S,
        log=tmp_path / "requests.jsonl",
        kinds=WORST,
    )

    async with Platform.up() as platform:
        results = await run(wanted, platform, lines.append)
    platform.forget()

    told = "\n".join(lines)
    planned = schedule(SEED, seconds=SECONDS, every_s=EVERY_S, kinds=WORST)
    assert results.violations == (), told
    assert results.never == [], told
    assert results.fired == Counter(each.kind for each in planned), told
    assert results.counts[Answered.OK] > 0
    assert page(results).count("<svg") == 3
