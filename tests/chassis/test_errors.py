"""Every error has a kind, which says what to do, and a code, which says what it is."""

import re
from collections.abc import Iterator
from importlib import import_module

import pytest

from ordereats.chassis.errors import (
    Conflict,
    DatabaseError,
    DeadlineExceeded,
    Invalid,
    NotFound,
    OrderEatsError,
    Unavailable,
    rules_may_refuse,
)
from ordereats.contracts.problems import FieldProblem, Refused, Unfit
from ordereats.topology import catalog

for _name in catalog.SERVICES:
    import_module(f"ordereats.services.{_name}.service")


def ours(kind: type[OrderEatsError] = OrderEatsError) -> Iterator[type[OrderEatsError]]:
    """Give all kinds of error that the program has."""
    for each in kind.__subclasses__():
        if each.__module__.startswith("ordereats."):
            yield each
            yield from ours(each)


@pytest.mark.parametrize(
    ("kind", "status", "retryable"),
    [
        (OrderEatsError, 500, False),
        (Invalid, 400, False),
        (NotFound, 404, False),
        (Conflict, 409, False),
        (Unavailable, 503, True),
        (DeadlineExceeded, 503, False),
        (DatabaseError, 500, True),
    ],
)
def test_a_kind_says_how_to_answer_and_whether_to_try_again(
    kind: type[OrderEatsError], status: int, *, retryable: bool
) -> None:
    assert (kind.status, kind.retryable) == (status, retryable)


def test_a_subclass_has_its_own_code_and_the_kind_of_its_parent() -> None:
    class Sold(Conflict, code="sold"):
        """Gone."""

    class SoldToYou(Sold):
        """Without a code of its own."""

    assert (Sold.code, Sold.status) == ("sold", 409)
    assert SoldToYou.code == "sold"
    assert Conflict.code == "conflict"


def test_codes_are_words_that_a_client_can_branch_on() -> None:
    for kind in ours():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code), kind


def test_what_is_invalid_says_each_field_and_why() -> None:
    error = Invalid(FieldProblem("name", "is required"), FieldProblem("qty", "must be a number"))

    assert str(error) == "name: is required; qty: must be a number"


def test_a_shared_rule_that_says_no_is_a_conflict_with_its_code_and_what_else_it_says() -> None:
    class Eaten(Refused, code="eaten"):
        """By others."""

    with pytest.raises(Conflict, match="was eaten") as said, rules_may_refuse():
        raise Eaten("It was eaten.", left=0)

    assert (said.value.code, said.value.extension) == ("eaten", {"left": 0})
    assert Conflict.code == "conflict"


def test_a_shared_rule_that_finds_what_can_not_be_right_names_it() -> None:
    problem = FieldProblem("qty", "must be a number")

    with pytest.raises(Invalid) as said, rules_may_refuse():
        raise Unfit(problem)

    assert said.value.problems == (problem,)
