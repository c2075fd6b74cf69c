"""Problem documents (RFC 9457): the one shape of every error that leaves the platform."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import UNSET, Struct, UnsetType

MEDIA_TYPE = "application/problem+json"


class FieldProblem(Struct, frozen=True):
    """What is wrong with one field of a request.

    Attributes:
        path: where, from the body's root: `items[2].qty`; or the name of a parameter.
        message: what it has to be.
    """

    path: str
    message: str


class Problem(Struct, frozen=True, rename="camel"):
    """An error, for people (`title`, `detail`) and for programs (`code`).

    A refusal may have further members, by its code: `quote` with `price_changed`, the right price;
    `opensAt` with `closed` and `paused`, if that is known; `dishes` with `sold_out`, the ids of
    those that are; `refundable` with `above_captured`, what is left.

    Attributes:
        code: stable; what a client may branch on.
        correlation_id: what to quote when asking us about it.
        errors: for a request that can't be right, each field and what it has to be.
    """

    title: str
    status: int
    code: str
    detail: str
    correlation_id: str = ""
    type: str = "about:blank"
    errors: tuple[FieldProblem, ...] | UnsetType = UNSET


class Unfit(Exception):  # as the kinds of the chassis, it is named for what is so
    """A rule that services share finds a request that can't be right; see `chassis.errors`."""

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__("; ".join(f"{each.path}: {each.message}" for each in problems))
        self.problems = problems


class Refused(Exception):  # as the kinds of the chassis, it is named for what is so
    """A rule that services share says no, as things are; see `chassis.errors`.

    A subclass names its code: `class SoldOut(Refused, code="sold_out")`.

    Attributes:
        extension: what else the problem document says, by its wire name.
    """

    code: ClassVar[str]

    def __init_subclass__(cls, *, code: str) -> None:
        cls.code = code

    def __init__(self, said: str, **extension: object) -> None:
        super().__init__(said)
        self.extension: Mapping[str, object] = extension
