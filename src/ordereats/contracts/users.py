"""What users says: people and their roles."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from ordereats.contracts.calls import Call
from ordereats.contracts.events import Event
from ordereats.contracts.ids import UserId
from ordereats.contracts.wire import Answer, Body, Text

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=Text)]
Email = Annotated[
    str,
    Meta(
        max_length=150,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$(?!\n)",
        description="Any case.",
    ),
]


class RegisterUser(Body, frozen=True):
    """Someone who wants to order."""

    name: Name
    email: Email


class User(Answer, frozen=True):
    """Someone we know."""

    id: UserId
    name: str
    email: str
    created_at: datetime


class UserCreated(Event, frozen=True, tag="ordereats.user.created.v1"):
    """Someone has registered."""

    user_id: UserId
    name: str
    email: str


class WhichUser(Struct, frozen=True):
    """The user with this id."""

    user_id: UserId


GET_USER = Call("users", "get_user", "/users/{user_id}", WhichUser, User)
