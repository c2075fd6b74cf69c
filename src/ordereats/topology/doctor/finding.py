"""What is found out about a set-up, and how: checks that run at once, each in bounded time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from ordereats.chassis.errors import DatabaseError, Misconfigured, Unavailable


class Verdict(StrEnum):
    """How it is; the worst comes last."""

    OK = "ok"
    WARN = "warn"
    WRONG = "wrong"


class Finding(Struct, frozen=True, rename="camel"):
    """One thing that was looked at.

    Attributes:
        name: of what.
        said: how it is, in a sentence.
        way_out: what to do about it; empty where nothing has to be done.
    """

    name: str
    verdict: Verdict
    said: str
    way_out: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A look at something.

    Attributes:
        name: of what.
        run: looks; raises what it meets.
        within_s: how long it may take; then it is said that it took too long.
    """

    name: str
    run: Callable[[], Awaitable[Sequence[Finding]]]
    within_s: float = 5.0


def ok(name: str, said: str) -> Finding:
    """All is well with it."""
    return Finding(name, Verdict.OK, said)


def warn(name: str, said: str, way_out: str) -> Finding:
    """It works, and may not for long, or not as well as it could."""
    return Finding(name, Verdict.WARN, said, way_out)


def wrong(name: str, said: str, way_out: str) -> Finding:
    """It does not work, or not safely."""
    return Finding(name, Verdict.WRONG, said, way_out)


async def examine(checks: Sequence[Check]) -> list[Finding]:
    """Make all checks at once; what they found, in their order."""
    found = await asyncio.gather(*(_made(check) for check in checks))
    return [finding for each in found for finding in each]


async def _made(check: Check) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(check.within_s):
            return await check.run()
    except TimeoutError:
        said = f"It did not answer within {check.within_s:g} s."
        return [wrong(check.name, said, "See whether it hangs, or the way to it is cut.")]
    except Misconfigured as error:  # a sentence with the way out
        return [wrong(check.name, str(error), "")]
    except (DatabaseError, Unavailable, OSError) as error:
        said = f"It does not answer: {_short(error)}."
        return [wrong(check.name, said, "Start it, or correct its address.")]


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
