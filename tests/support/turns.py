"""Tests that run two at a time: which of them stay together, and which have the machine alone."""

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

_SHAPE = re.compile(r"\[((?:monolith|services)\+\w+)")
_ONE_PLATFORM = re.compile(
    r"tests/faults/test_(infrastructure_killed|provider|services_killed|slow_neighbours|story)\.py"
)
_LONGEST = "tests/faults/test_crashes.py"
_SHORT = "tests/services/"


class _Together(LoadScopeScheduling):  # type: ignore[misc]  # the library says nothing of its types
    """Deals out tests, those that share what is dear to start to the same process."""

    def _split_scope(self, nodeid: str) -> str:
        """The platform that a test runs on, or else its file."""
        file = nodeid.partition("::")[0]
        if _ONE_PLATFORM.fullmatch(file):
            return "faults"
        shape = _SHAPE.search(nodeid) if file.startswith("tests/acceptance/") else None
        if file.startswith("tests/containers/") or (shape and shape[1].endswith("+compose")):
            return "containers"
        return shape[1] if shape else file


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put them in the order in which they are dealt out; within a step it stays as it is."""
    items.sort(key=_step)


def _step(item: pytest.Item) -> int:
    """When it is its turn.

    The longest first: whoever wants to be alone would wait for its end. Containers last, and just
    before them what is short and not about time: twenty servers that start disturb all others.
    """
    if item.nodeid.startswith(_LONGEST):
        return 0
    if item.get_closest_marker("containers") is not None:
        return 3
    return 2 if item.nodeid.startswith(_SHORT) else 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Deal out by platform, in the order in which they were put."""
    config.option.loadscopereorder = False
    return _Together(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around the time limit: to wait is not to be slow
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Run a test beside others, or by itself if it is marked `alone`."""
    with _turn(item):
        return (yield)


@contextmanager
def _turn(item: pytest.Item) -> Iterator[None]:
    cache = getattr(item.config, "cache", None)  # `-p no:cacheprovider` leaves none
    if not hasattr(item.config, "workerinput") or cache is None:
        yield  # nothing runs beside it, or nobody knows
        return
    folder = cache.mkdir("turns")
    with (folder / "gate").open("w") as gate, (folder / "room").open("w") as room:
        flock(gate, LOCK_EX)  # so that nobody overtakes who waits to be alone
        flock(room, LOCK_EX if item.get_closest_marker("alone") else LOCK_SH)
        flock(gate, LOCK_UN)
        yield
