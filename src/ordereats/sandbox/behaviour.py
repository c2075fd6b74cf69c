"""Misbehaviour on demand: slow, failing, or cut off after the work. It does no work itself."""

import asyncio
from functools import partial
from http import HTTPMethod
from typing import Annotated

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import Meta, Struct
from msgspec.structs import replace

from ordereats.sandbox import wire
from ordereats.sandbox.intents import Refused
from ordereats.sandbox.ledger import Answer

CUTTABLE = "ordereats.cuttable"
"""The ASGI extension by which the server lends out the means to drop a connection."""


class Telling(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How webhooks are sent.

    Attributes:
        delay_ms: each goes out so much later.
        shuffle_ms: and by chance up to so much later still, so that one overtakes another.
        copies: how often each is sent.
        forge: they are signed with another secret, once, and not again.
        drop: they are not sent at all.
    """

    delay_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    shuffle_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    copies: Annotated[int, Meta(ge=1, le=10)] = 1
    forge: bool = False
    drop: bool = False


class Behaviour(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How the next requests under `/v1/` are treated.

    Attributes:
        latency_ms: each answer comes so much later; the work is done at once.
        fail_status: each gets this status and nothing is done, nor cut.
        cut_after_charge: a POST does its work, commits, and then gets no answer.
        cut_body_after: an answer is cut off after its head and so many bytes of its body.
        times: how many requests it is for; None: until it is changed.
        webhooks: for these it holds until it is changed.
    """

    latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    fail_status: Annotated[int, Meta(ge=400, le=599)] | None = None
    cut_after_charge: bool = False
    cut_body_after: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    times: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    webhooks: Telling = Telling()


class Mood:
    """The behaviour at present. It is not kept: a restarted sandbox behaves."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()

    def take(self, method: str) -> Behaviour:
        """What is in store for a request; one that is not concerned doesn't count."""
        now = self.behaviour
        cuts = now.cut_after_charge and method == HTTPMethod.POST and not now.fail_status
        cuts_body = now.cut_body_after is not None and not now.fail_status
        if not (cuts or cuts_body or now.latency_ms or now.fail_status):
            return Behaviour()
        if now.times is not None:
            over = Behaviour(webhooks=now.webhooks)
            self.behaviour = replace(now, times=now.times - 1) if now.times > 1 else over
        return replace(
            now,
            cut_after_charge=cuts,
            cut_body_after=now.cut_body_after if cuts_body else None,
            times=None,
            webhooks=Telling(),
        )


class Misbehaving:
    """ASGI middleware that applies the mood to Stripe's part of the API."""

    def __init__(self, app: ASGIApp, mood: Mood) -> None:
        self._app = app
        self._mood = mood

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        behaviour = self._mood.take(str(scope.get("method")))
        if behaviour == Behaviour():
            await self._app(scope, receive, send)
            return
        bad = partial(_send, behaviour, send)
        if behaviour.fail_status:
            await _answer(bad, _fault(behaviour.fail_status))
        else:
            await self._app(scope, receive, bad)
        if behaviour.cut_after_charge or behaviour.cut_body_after is not None:
            await asyncio.sleep(_ON_THE_WAY_S)
            _cut(scope)
            while (await receive())["type"] != "http.disconnect":
                pass


_ON_THE_WAY_S = 0.05
"""What was written leaves the process before the connection is dropped, with all that has not."""


async def _send(behaviour: Behaviour, send: Send, message: Message) -> None:
    if behaviour.cut_after_charge:
        return
    if message["type"] == "http.response.start":
        await asyncio.sleep(behaviour.latency_ms / 1000)
    if message["type"] == "http.response.body" and behaviour.cut_body_after is not None:
        message["body"] = message["body"][: behaviour.cut_body_after]
        message["more_body"] = True
    await send(message)


def _cut(scope: Scope) -> None:
    cut = (scope.get("extensions") or {}).get(CUTTABLE, {}).get("cut")
    if not callable(cut):
        raise TypeError("This server can't cut a connection.")
    cut()


def _fault(status: int) -> Answer:
    return wire.refused(
        Refused(
            "The sandbox was told to fail.",
            status=status,
            kind="invalid_request_error" if status < 500 else "api_error",
            code="rate_limit" if status == 429 else None,
        )
    )


async def _answer(send: Send, answer: Answer) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(answer.body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
