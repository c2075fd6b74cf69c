"""Sessions with a broker that begin again whenever they are lost. They know no broker."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from ordereats.chassis.backoff import equal_jitter_s

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


async def again_and_again(
    session: Callable[[Callable[[], None]], Awaitable[None]], *, what: str, name: str
) -> None:
    """Run a session whenever the one before has ended, with a growing pause. Never returns.

    Args:
        session: is given a function to call when it has begun, and then runs until it is lost.
        what: a word for the log.
        name: whose it is, for the log.
    """
    failures = 0

    def begun() -> None:
        nonlocal failures
        failures = 0
        log.info("broker_session_begun", what=what, name=name)

    while True:
        error: BaseException | None = None
        try:
            await session(begun)
        except (Exception, asyncio.CancelledError) as raised:
            if is_being_cancelled():
                raise
            error = raised
        failures += 1
        if failures == 1:
            log.warning("broker_session_lost", what=what, name=name, error=repr(error))
        pause_s = equal_jitter_s(failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        await asyncio.sleep(pause_s)


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel these tasks and wait for their ends; an error in one is its owner's to tell."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)


def is_being_cancelled() -> bool:
    """Whether somebody asked the running task to end.

    If not, a `CancelledError` is an error like any other: of a future that somebody else cancelled,
    or of a connection that its library has closed. Letting it through would end the task, unseen.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
