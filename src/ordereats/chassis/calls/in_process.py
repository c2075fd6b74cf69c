"""Calls inside one process: no socket, the same errors."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from msgspec import UNSET

from ordereats.chassis.calls.client import CalleeFailed, not_available, refused_by
from ordereats.chassis.errors import Conflict, Invalid, NotFound, OrderEatsError, Unavailable
from ordereats.chassis.telemetry import tracing
from ordereats.contracts.calls import Call, Question, Reply
from ordereats.contracts.problems import Problem
from ordereats.contracts.wire import decode, encode

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answerer:
    """What a service does about one call. Made by `answer`."""

    call: Call[Any, Any]
    run: Callable[[Any], Awaitable[Any]]


def answer(call: Call[Question, Reply], run: Callable[[Question], Awaitable[Reply]]) -> Answerer:
    """Pair a call with the use case that answers it; its route does the same over HTTP."""
    return Answerer(call, run)


class InProcess:
    """Reaches the services of this process."""

    def __init__(self, *, through_codec: bool = False) -> None:
        """Prepare.

        Args:
            through_codec: send everything through JSON, as a socket would, so that a monolith
                can't hide a type that does not travel. For tests: it costs time.
        """
        self._through_codec = through_codec
        self._answerers: dict[str, Answerer] = {}

    def add(self, answerers: Sequence[Answerer]) -> None:
        """Make a service's answers known."""
        self._answerers.update({each.call.path: each for each in answerers})

    async def ask(self, call: Call[Question, Reply], question: Question) -> Reply:
        answerer = self._answerers[call.path]
        if self._through_codec:
            question = decode(encode(question), call.question)
        try:
            with tracing.part("server", call.name, call.service):
                reply: Reply = await answerer.run(question)
        except (Invalid, NotFound, Conflict) as error:
            raise (_as_travelled(error) if self._through_codec else error) from None
        except Unavailable as error:
            raise not_available(call.service, error.code, told_s=error.retry_after_s) from error
        except Exception as error:
            code = error.code if isinstance(error, OrderEatsError) else OrderEatsError.code
            log.exception("call_failed", callee=call.service, kind=call.name, code=code)
            raise CalleeFailed(f"{call.service} failed: {code}") from error
        return decode(encode(reply), call.reply) if self._through_codec else reply


def _as_travelled(error: OrderEatsError) -> OrderEatsError:
    """The error as a caller in another process gets it: a kind and a code, no class of ours."""
    errors = error.problems if isinstance(error, Invalid) else UNSET
    problem = Problem(error.title, error.status, error.code, str(error), errors=errors)
    extension = decode(encode(error.extension), dict[str, Any])
    return refused_by(problem, extension) or error
