"""Misbehaviour on demand: slow, failing, or cut off after the work. It does no work itself."""

import asyncio
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


class Behaviour(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How the next requests under `/v1/` are treated.

    Attributes:
        latency_ms: each answer comes so much later; the work is done at once.
        fail_status: each gets this status and nothing is done, nor cut.
        cut_after_charge: a POST does its work, commits, and then gets no answer.
        times: how many requests it is for; None: until it is changed.
    """

    latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    fail_status: Annotated[int, Meta(ge=400, le=599)] | None = None
    cut_after_charge: bool = False
    times: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class Mood:
    """The behaviour at present. It is not kept: a restarted sandbox behaves."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()

    def take(self, method: str) -> Behaviour:
        """What is in store for a request; one that is not concerned doesn't count."""
        now = self.behaviour
        cuts = now.cut_after_charge and method == HTTPMethod.POST and not now.fail_status
        if not (cuts or now.latency_ms or now.fail_status):
            return Behaviour()
        if now.times is not None:
            self.behaviour = replace(now, times=now.times - 1) if now.times > 1 else Behaviour()
        return replace(now, cut_after_charge=cuts)


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

        async def late(message: Message) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(behaviour.latency_ms / 1000)
            if not behaviour.cut_after_charge:
                await send(message)

        if behaviour.fail_status:
            await _answer(late, _fault(behaviour.fail_status))
        else:
            await self._app(scope, receive, late if behaviour != Behaviour() else send)
        if behaviour.cut_after_charge:
            _cut(scope)
            while (await receive())["type"] != "http.disconnect":
                pass


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
