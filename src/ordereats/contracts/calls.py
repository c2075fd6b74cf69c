"""Calls: what services ask one another, with the types of question and answer."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from msgspec import Struct

Question = TypeVar("Question", bound=Struct)
Reply = TypeVar("Reply", bound=Struct)


@dataclass(frozen=True, slots=True)
class Call(Generic[Question, Reply]):
    """One GET that a service answers, to its neighbours as to anyone: the same path, the same body.

    Attributes:
        service: who answers.
        path: the route; each `{name}` in it is a field of the question.
        question: what is asked.
        reply: what is answered when the thing exists.
        deadline_ms: how long a caller waits at most.
    """

    service: str
    path: str
    question: type[Question]
    reply: type[Reply]
    deadline_ms: int = 2_000
