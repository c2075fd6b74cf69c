"""What toxics do together is a plain sum, and each has its bounds."""

from math import inf

import msgspec
import pytest

from ordereats.topology.faults.toxics import (
    Bandwidth,
    BlackHole,
    Direction,
    Down,
    Effect,
    Latency,
    LimitData,
    Reset,
    Struck,
    Toxic,
    effect,
    ends_at,
    with_toxic,
)

UP, DOWN, BOTH = Direction.UPSTREAM, Direction.DOWNSTREAM, Direction.BOTH


def struck(*toxics: Toxic, at: float = 0.0, passed: int = 0) -> list[Struck]:
    return [Struck(toxic, at, {UP: passed, DOWN: passed}) for toxic in toxics]


def test_without_toxics_there_is_no_effect() -> None:
    assert effect([], UP) is None


def test_a_toxic_has_its_effect_in_its_direction_only() -> None:
    assert effect(struck(Latency(ms=5)), UP) is None
    assert effect(struck(Latency(ms=5)), DOWN) == Effect(delay_s=0.005)
    assert effect(struck(BlackHole()), UP) == effect(struck(BlackHole()), DOWN)


def test_delays_add_up_and_of_limits_the_least_holds() -> None:
    found = effect(
        struck(
            Latency(ms=100, jitter_ms=10),
            Latency(ms=20, jitter_ms=1, direction=BOTH),
            Bandwidth(kb_per_s=9),
            Bandwidth(kb_per_s=4, direction=BOTH),
        ),
        DOWN,
    )

    assert found == Effect(delay_s=0.12, jitter_s=0.011, bytes_per_s=4000)


def test_a_limit_counts_from_when_it_has_struck() -> None:
    found = effect(struck(LimitData(bytes=10), passed=1000), DOWN)

    assert found == Effect(limit=1010)


def test_resets_and_holes_with_a_time_end_a_connection() -> None:
    assert ends_at(struck(Latency(ms=5), BlackHole())) == (inf, False)
    assert ends_at(struck(BlackHole(ms=2000), at=7)) == (9, False)
    assert ends_at([*struck(BlackHole(ms=2000), at=7), *struck(Reset(ms=500), at=8)]) == (8.5, True)


def test_one_more_of_a_kind_and_direction_takes_the_place_of_the_first() -> None:
    there = (Latency(ms=1), Latency(ms=2, direction=UP), Down())

    assert with_toxic(there, Latency(ms=3)) == (Latency(ms=2, direction=UP), Down(), Latency(ms=3))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "latency"},
        {"kind": "latency", "ms": -1},
        {"kind": "latency", "ms": 600_001},
        {"kind": "latency", "ms": 1, "share": 0},
        {"kind": "latency", "ms": 1, "direction": "sideways"},
        {"kind": "slicer", "bytes": 0},
        {"kind": "bandwidth", "kb_per_s": 0},
        {"kind": "down", "ms": 1},
        {"kind": "gremlin"},
    ],
)
def test_what_can_not_be_right_is_no_toxic(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Toxic)
