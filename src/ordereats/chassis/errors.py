"""Kinds of error: what to do about one. Its `code` says what it is; only these kinds know HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from ordereats.contracts.problems import FieldProblem, Refused, Unfit


class OrderEatsError(Exception):
    """An error that we expect, with an answer for whoever caused or met it.

    A subclass of a kind names its code: `class EmailTaken(Conflict, code="email_taken")`.

    Attributes:
        status: of the HTTP answer.
        code: stable; a client may branch on it.
        extension: what else the problem document says, by its wire name (RFC 9457, 3.2).
        is_told: the log has it already, once and not for each request that meets it.
        retryable: the same call may well succeed in a moment. What may be asked again is asked
            again by one layer, at the caller: see `chassis.calls`.
    """

    status: ClassVar[int] = 500
    code: str = "internal"
    title: ClassVar[str] = "Unexpected fault"
    extension: Mapping[str, object] = {}
    is_told: ClassVar[bool] = False
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls, *, code: str = "", **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if code:
            cls.code = code


class Invalid(OrderEatsError, code="invalid_request"):
    """A required field is missing, or a value can't be right. Each is named."""

    status = 400
    title = "The request can't be right"

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__("; ".join(f"{each.path}: {each.message}" for each in problems))
        self.problems = problems


class NotFound(OrderEatsError, code="not_found"):
    """No such thing, or not one that the caller may see. Only when that is known."""

    status = 404
    title = "Not found"


class Conflict(OrderEatsError, code="conflict"):
    """It contradicts the present state; nothing was changed."""

    status = 409
    title = "Contradicts the present state"


@contextmanager
def rules_may_refuse() -> Iterator[None]:
    """Let rules of the contracts, which know no kinds, say no in this block.

    Raises:
        Invalid: for `Unfit`.
        Conflict: for `Refused`, with its code and what else it says.
    """
    try:
        yield
    except Unfit as said:
        raise Invalid(*said.problems) from None
    except Refused as said:
        error = Conflict(str(said))
        error.code, error.extension = said.code, said.extension
        raise error from None


class IllegalMove(Conflict, code="illegal_move"):
    """What is to be moved is in a state from which it can't go there."""


class Unavailable(OrderEatsError, code="unavailable"):
    """Something that this answer needs is down; nothing was done.

    Attributes:
        told_s: for how many seconds whoever is down asked to be left alone, if it said so.
    """

    status = 503
    title = "Not available now"
    retryable = True

    def __init__(self, said: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(said)
        self.told_s = retry_after_s

    @property
    def retry_after_s(self) -> int:
        """When to ask again, in whole seconds."""
        return 1 if self.told_s is None else self.told_s


class DeadlineExceeded(Unavailable, code="deadline_exceeded"):
    """The answer did not come in the time that the caller had."""

    title = "Took too long"
    retryable = False


class CircuitOpen(Unavailable, code="circuit_open"):
    """A neighbour that fails, or is slow, is not asked for a while."""

    retryable = False


class BulkheadFull(Unavailable, code="too_many_calls"):
    """As many calls to a neighbour are under way as may be."""

    retryable = False


class Overloaded(Unavailable, code="overloaded"):
    """There is more to do here than can be done in time: it was not begun."""

    title = "Too much to do"


class DatabaseError(OrderEatsError, code="database_error"):
    """The own database did not do what was asked. Never a 404: the row is not known to be absent.

    The text is for the log; the answer says nothing of it.
    """

    status = 500
    retryable = True


RETRY_AFTER_S = 10
"""When to ask a database again that takes no changes: people have to mend it first."""


class RowRefused(DatabaseError):
    """The database refused a row: nothing of its transaction was done."""


class TakesNoChanges(DatabaseError, Unavailable, code="database_takes_no_changes"):
    """The own database answers, and changes nothing: its disk is full, or it is read-only.

    Nothing was done, and it may be in a while. The text says nothing that is for the log alone.
    """

    status = 503
    title = "Not available now"
    is_told = True
    retryable = False

    def __init__(self, reason: str) -> None:
        said = f"The database takes no changes ({reason}); nothing was done."
        super().__init__(said, retry_after_s=RETRY_AFTER_S)


class TooEarly(OrderEatsError, code="too_early"):
    """A fact came before the one it depends on: it waits in the inbox until that has come.

    Raised by handlers alone; it never leaves by HTTP.
    """


class Misconfigured(Exception):
    """A setting can't be right, or what it names is missing. One sentence, with the way out."""
