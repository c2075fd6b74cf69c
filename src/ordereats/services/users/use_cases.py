"""What users does: one function, one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from ordereats.chassis.clock import Clock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import Conflict, NotFound
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.ids import UserId
from ordereats.contracts.users import RegisterUser, User, UserCreated
from ordereats.services.users import store


class EmailTaken(Conflict, code="email_taken"):
    """Someone else has registered with this e-mail."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What users needs."""

    database: Database
    outbox: Outbox
    answers: Answers
    clock: Clock
    found: Coalescer[UserId, User]


async def register(deps: Deps, command: RegisterUser) -> User:
    """Make someone known.

    Raises:
        EmailTaken: in any case of its letters.
    """
    async with deps.database.transaction() as tx:
        user = User(
            id=await store.next_id(tx),
            name=command.name.strip(),
            email=command.email,
            created_at=deps.clock.now(),
        )
        await deps.answers.keep(tx, user)
        if not await store.insert(tx, user):
            raise EmailTaken("This e-mail is registered already.")
        created = UserCreated(user.id, user.name, user.email)
        await deps.outbox.add(tx, created, subject=f"user/{user.id}", version=1)
    return user


async def get(deps: Deps, user_id: UserId) -> User:
    """Find someone.

    Raises:
        NotFound: nobody has this id.
    """
    return await deps.found.ask(user_id)


async def find(database: Database, ids: Sequence[UserId]) -> list[User | Exception]:
    """Find several at once, each or the reason why not, in their order."""
    users = await store.some(database, ids)
    return [users.get(each) or NotFound(f"There is no user {each}.") for each in ids]
