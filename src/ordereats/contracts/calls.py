"""Calls: what services ask one another, with the types of question and answer."""

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from msgspec import Struct

Question = TypeVar("Question", bound=Struct)
Reply = TypeVar("Reply", bound=Struct)


@dataclass(frozen=True, slots=True)
class Call(Generic[Question, Reply]):
    """One route that a service answers, to its neighbours as to anyone: the same path and body.

    Attributes:
        service: who answers.
        name: of the kind of call, for breakers, metrics and logs.
        path: the route; each `{name}` in it is a field of the question.
        question: what is asked. Of a POST, its field `body` is the request's body.
        reply: what is answered when it can be.
        method: a POST does the same however often it arrives: by its nature, or by a name for the
            attempt in its body. A callee answers it with 200.
        deadline_ms: how long a caller waits at most.
        slow_ms: an answer that takes longer says that the callee is not well.
    """

    service: str
    name: str
    path: str
    question: type[Question]
    reply: type[Reply]
    method: Literal["GET", "POST"] = "GET"
    deadline_ms: int = 2_000
    slow_ms: int = 500
