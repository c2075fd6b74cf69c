"""Kinds of error: what to do about one. Its `code` says what it is; only these kinds know HTTP."""

from collections.abc import Mapping
from typing import ClassVar

from ordereats.contracts.problems import FieldProblem


class OrderEatsError(Exception):
    """An error that we expect, with an answer for whoever caused or met it.

    A subclass of a kind names its code: `class EmailTaken(Conflict, code="email_taken")`.

    Attributes:
        status: of the HTTP answer.
        code: stable; a client may branch on it.
        extension: what else the problem document says, by its wire name (RFC 9457, 3.2).
        retryable: the same request may well succeed later.
    """

    status: ClassVar[int] = 500
    code: str = "internal"
    title: ClassVar[str] = "Unexpected fault"
    extension: Mapping[str, object] = {}
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


class IllegalMove(Conflict, code="illegal_move"):
    """What is to be moved is in a state from which it can't go there."""


class Unavailable(OrderEatsError, code="unavailable"):
    """Something that this answer needs is down; nothing was done.

    Attributes:
        retry_after_s: when to ask again, in whole seconds.
    """

    status = 503
    title = "Not available now"
    retryable = True
    retry_after_s: int = 1


class DeadlineExceeded(Unavailable, code="deadline_exceeded"):
    """The answer did not come in the time that the caller had."""

    title = "Took too long"


class DatabaseError(OrderEatsError, code="database_error"):
    """The own database did not do what was asked. Never a 404: the row is not known to be absent.

    The text is for the log; the answer says nothing of it.
    """

    status = 500
    retryable = True


class RowRefused(DatabaseError):
    """The database refused a row: nothing of its transaction was done."""


class TooEarly(OrderEatsError, code="too_early"):
    """A fact came before the one it depends on: it waits in the inbox until that has come.

    Raised by handlers alone; it never leaves by HTTP.
    """


class Misconfigured(Exception):
    """A setting can't be right, or what it names is missing. One sentence, with the way out."""
