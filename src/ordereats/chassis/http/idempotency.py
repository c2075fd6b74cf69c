"""Idempotency keys: a POST that is sent again gets the first answer again, and does nothing.

The key is stored with the answer, in the transaction of the effect: no state between, no lock.
"""

import hashlib
from collections.abc import Awaitable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from litestar import Response
from msgspec import Struct

from ordereats.chassis.background import Job
from ordereats.chassis.db.pool import Database, Reader, Transaction, columns
from ordereats.chassis.errors import Conflict, Invalid, OrderEatsError
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.problems import FieldProblem
from ordereats.contracts.wire import encode

T = TypeVar("T")

KEPT_H = 24
MAX_LENGTH = 255

_FIND = """
select scope, key, fingerprint, body from idempotency_keys
where (scope, key) in (select * from unnest($1::text[], $2::text[]))
"""
_CLAIM = """
insert into idempotency_keys (scope, key, fingerprint, body)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
on conflict do nothing returning scope, key
"""
_FORGET = """
delete from idempotency_keys where (scope, key) in (
    select scope, key from idempotency_keys
    where created_at < now() - make_interval(hours => $1) limit 1000
)
"""


@dataclass(frozen=True, slots=True)
class Key:
    """What a client calls one attempt to create something.

    Attributes:
        scope: method and path; the same key elsewhere is another key.
        value: the header.
        fingerprint: of the body; the same key with another body is a mistake.
    """

    scope: str
    value: str
    fingerprint: bytes


class KeyReused(Conflict, code="idempotency_key_reused"):
    """The same key came with another body."""


class AlreadyAnswered(Exception):
    """Another request with this key was first; the app gives its answer again."""

    def __init__(self, body: bytes) -> None:
        super().__init__("another request with this key was first")
        self.body = body


class Answers:
    """First answers, by key, in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def once(self, work: Awaitable[T]) -> T:
        """Do the work of a POST that creates; what went wrong does not hide a first answer.

        When the work fails, it may be because an earlier request with the same key succeeded, or
        since then things have changed: then the first answer is given again all the same.
        """
        try:
            return await work
        except OrderEatsError:
            late = await self._late()
            if late is not None:
                raise late from None
            raise

    async def repeat_first(self) -> None:
        """Go no further where the running request has a first answer.

        For what comes before the transaction in which the answer is kept, and should be done once.

        Raises:
            AlreadyAnswered: the app gives that answer again.
            KeyReused: as `AlreadyAnswered`, but the first request had another body.
        """
        late = await self._late()
        if late is not None:
            raise late

    async def keep(self, tx: Transaction, answer: Struct) -> None:
        """Keep the answer of the running request, if it came with a key.

        Do this before whatever the first request with the key would make impossible.

        Raises:
            AlreadyAnswered: roll back; the app then repeats the first answer.
            KeyReused: as `AlreadyAnswered`, but the first request had another body.
        """
        key = requested()
        if key is not None:
            for late in (await self.keep_all(tx, [(key, encode(answer))])).values():
                raise late

    async def keep_all(
        self, tx: Transaction, answers: Sequence[tuple[Key, bytes]]
    ) -> dict[int, Exception]:
        """Keep several answers of one transaction.

        Waits for transactions that hold one of the keys.

        Returns:
            Those whose key is taken, by index, and what to raise: nothing must happen for them.
        """
        if not answers:
            return {}
        rows = [(key.scope, key.value, key.fingerprint, body.decode()) for key, body in answers]
        free = {tuple(row) for row in await tx.fetch(_CLAIM, *columns(rows, 4))}
        taken: list[int] = []
        for index, (key, _) in enumerate(answers):
            name = (key.scope, key.value)
            if name in free:
                free.discard(name)  # the first of a batch has it, a second with the same has not
            else:
                taken.append(index)
        if not taken:
            return {}
        first = await _first_answers(tx, [answers[index][0] for index in taken])
        return {
            index: _TOO_OLD if each is None else _late(each)
            for index, each in zip(taken, first, strict=True)
        }

    def cleanup(self) -> Job:
        """The job that forgets answers after a day."""
        return Job("idempotency_cleanup", self._forget, every_s=600)

    async def _late(self) -> Exception | None:
        key = requested()
        if key is None:
            return None
        (first,) = await _first_answers(self._database, [key])
        return None if first is None else _late(first)

    async def _forget(self) -> bool:
        return await self._database.execute(_FORGET, KEPT_H) == 1000


def requested() -> Key | None:
    """The key of the running request, if it came with one."""
    return _KEY.get()


async def take_key(request: AnyRequest) -> None:
    """Note the key of a request. A route that creates takes this as its `before_request`.

    Raises:
        Invalid: the key is empty, too long, or has characters that can't be read.
    """
    _KEY.set(None)  # a pipelined request runs in the context of the one before it
    value = request.headers.get("idempotency-key")
    if value is None:
        return
    if not 0 < len(value) <= MAX_LENGTH or not value.isascii() or not value.isprintable():
        raise Invalid(
            FieldProblem("Idempotency-Key", f"must be 1 to {MAX_LENGTH} printable characters")
        )
    fingerprint = hashlib.sha256(await request.body()).digest()
    _KEY.set(Key(f"{request.method} {request.scope['path']}", value, fingerprint))


def repeat(_request: AnyRequest, late: AlreadyAnswered) -> Response[bytes]:
    """The answer to a request that lost the race for its key."""
    return _again(late.body)


async def _first_answers(reader: Reader, keys: Sequence[Key]) -> list[bytes | KeyReused | None]:
    names = columns([(key.scope, key.value) for key in keys], 2)
    found = {(row["scope"], row["key"]): row for row in await reader.fetch(_FIND, *names)}
    answers: list[bytes | KeyReused | None] = []
    for key in keys:
        row = found.get((key.scope, key.value))
        if row is None:
            answers.append(None)
        elif row["fingerprint"] != key.fingerprint:
            answers.append(KeyReused("This Idempotency-Key came before, with another body."))
        else:
            answers.append(row["body"].encode())
    return answers


def _late(first: bytes | KeyReused) -> Exception:
    return first if isinstance(first, KeyReused) else AlreadyAnswered(first)


def _again(body: bytes) -> Response[bytes]:
    """A first answer, again."""
    return Response(
        body,
        status_code=201,
        media_type="application/json",
        headers={"Idempotency-Replayed": "true"},
    )


_TOO_OLD = KeyReused("This Idempotency-Key is a day old, and its answer has just been forgotten.")
_KEY: ContextVar[Key | None] = ContextVar("ordereats_idempotency_key", default=None)
