"""Reads tables of letters: one connection, for as long as a command needs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from ordereats.chassis.errors import DatabaseError

_PATIENCE_S = 10.0


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Use a database for the length of a block.

    Raises:
        DatabaseError: it does not answer, or not as it should.
    """
    try:
        connection = await asyncpg.connect(
            url,
            timeout=_PATIENCE_S,
            command_timeout=_PATIENCE_S,
            server_settings={"application_name": "ordereats dlq", "timezone": "UTC"},
        )
        try:
            yield connection
        finally:
            await connection.close(timeout=_PATIENCE_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseError(f"{type(error).__name__}: {error}") from error


def text(body: bytes) -> str:
    """What was sent, as far as it is text."""
    return body.decode(errors="backslashreplace")
