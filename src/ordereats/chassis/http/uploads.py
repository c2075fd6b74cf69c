"""A client that sends its body slowly: it holds no place meanwhile, and has until its deadline."""

import asyncio
from math import inf

from litestar.exceptions import HTTPException
from litestar.types import Receive, ReceiveMessage

from ordereats.chassis.context import Context
from ordereats.chassis.slots import elsewhere


def bounded(receive: Receive, at: Context) -> Receive:
    """Wait for a request's body as for a neighbour, until it is whole: that is no work of ours.

    Once it is whole, only who streams an answer receives anything: the word that the client left.

    Args:
        receive: of the server.
        at: the request's context; it has a deadline.
    """
    is_whole = False

    async def hear() -> ReceiveMessage:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            with elsewhere():
                async with asyncio.timeout(at.remaining_s(inf)):
                    message = await receive()
        except TimeoutError:
            raise _too_slow() from None
        is_whole = message["type"] != "http.request" or not message.get("more_body")
        return message

    return hear


def _too_slow() -> HTTPException:
    """What is left of the body is not waited for, so that the connection can't be kept."""
    return HTTPException(
        "The request's body did not come in time.",
        status_code=408,
        headers={"Connection": "close"},
    )
