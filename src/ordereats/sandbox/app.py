"""The sandbox's HTTP side: routes and what every answer has in common. No rule and no SQL here."""

import asyncio
import base64
import hashlib
import hmac
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec
import structlog
from litestar import Litestar, Request, Response, Router, get, post, put
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.http import health
from ordereats.chassis.http.health import Check
from ordereats.sandbox import actions, forms, wire
from ordereats.sandbox.actions import World
from ordereats.sandbox.behaviour import Behaviour, Misbehaving, Mood
from ordereats.sandbox.forms import Form, Parameters
from ordereats.sandbox.intents import Refused
from ordereats.sandbox.journal import KEPT, Asked, Journal
from ordereats.sandbox.ledger import Answer, Key, Ledger, Transaction
from ordereats.sandbox.webhooks import Receiver, Sender

P = TypeVar("P", bound=Parameters)
Req = Request[Any, Any, Any]

MAX_BODY_BYTES = 256 * 1024


class Sandbox(NamedTuple):
    """What the routes work with."""

    ledger: Ledger
    mood: Mood
    world: World
    sender: Sender | None
    requests: Sequence[Asked]

    async def once(
        self, request: Req, kind: type[P], act: Callable[[Transaction, World, P], Answer]
    ) -> Response[bytes]:
        """Do a write, once for its idempotency key.

        As at Stripe, parameters that can't be right leave the key unused; from then on every
        answer is kept, refusals too.
        """
        form = await _form(request)
        asked = forms.read(form, kind)

        def work(tx: Transaction) -> Answer:
            try:
                return act(tx, self.world, asked)
            except Refused as refusal:
                return wire.refused(refusal)

        answer = await self.ledger.write(work, _key(request, form))
        if self.sender is not None:
            self.sender.hint.give()
        return _respond(answer)


TheSandbox = NamedDependency[Sandbox]
Name = FromPath[str]


@post("/payment_intents", status_code=200)
async def create_intent(request: Req, sandbox: TheSandbox) -> Response[bytes]:
    return await sandbox.once(request, forms.CreateIntent, actions.create_intent)


@post("/payment_intents/{name:str}/capture", status_code=200)
async def capture_intent(request: Req, sandbox: TheSandbox, name: Name) -> Response[bytes]:
    return await sandbox.once(
        request,
        forms.CaptureIntent,
        lambda tx, world, asked: actions.capture_intent(tx, world, name, asked),
    )


@post("/payment_intents/{name:str}/cancel", status_code=200)
async def cancel_intent(request: Req, sandbox: TheSandbox, name: Name) -> Response[bytes]:
    return await sandbox.once(
        request,
        forms.CancelIntent,
        lambda tx, world, asked: actions.cancel_intent(tx, world, name, asked),
    )


@post("/refunds", status_code=200)
async def create_refund(request: Req, sandbox: TheSandbox) -> Response[bytes]:
    return await sandbox.once(request, forms.CreateRefund, actions.create_refund)


@get("/payment_intents")
async def list_intents(request: Req, sandbox: TheSandbox) -> Response[bytes]:
    asked = _query(request, forms.ListIntents)
    return _respond(await sandbox.ledger.read(partial(actions.list_intents, asked=asked)))


@get("/payment_intents/search")
async def search_intents(request: Req, sandbox: TheSandbox) -> Response[bytes]:
    asked = _query(request, forms.SearchIntents)
    return _respond(await sandbox.ledger.read(partial(actions.search_intents, asked=asked)))


@get("/payment_intents/{name:str}")
async def get_intent(request: Req, sandbox: TheSandbox, name: Name) -> Response[bytes]:
    _query(request, forms.Nothing)
    return _respond(await sandbox.ledger.read(partial(actions.get_intent, intent_id=name)))


@get("/refunds")
async def list_refunds(request: Req, sandbox: TheSandbox) -> Response[bytes]:
    asked = _query(request, forms.ListRefunds)
    return _respond(await sandbox.ledger.read(partial(actions.list_refunds, asked=asked)))


@get("/events")
async def list_events(request: Req, sandbox: TheSandbox) -> Response[bytes]:
    asked = _query(request, forms.ListEvents)
    return _respond(await sandbox.ledger.read(partial(actions.list_events, asked=asked)))


@get("/refunds/{name:str}")
async def get_refund(request: Req, sandbox: TheSandbox, name: Name) -> Response[bytes]:
    _query(request, forms.Nothing)
    return _respond(await sandbox.ledger.read(partial(actions.get_refund, refund_id=name)))


@get("/ledger")
async def ledger(request: Req, sandbox: TheSandbox) -> Response[bytes]:
    asked = _query(request, forms.ListEntries)
    entries = await sandbox.ledger.read(partial(actions.entries, asked=asked))
    response = _respond(wire.ok(entries))
    if len(entries) == asked.limit:
        rest = [(n, v) for n, v in request.query_params.multi_items() if n != "after"]
        rest.append(("after", str(entries[-1].sequence)))
        response.headers["Link"] = f'</ledger?{urlencode(rest)}>; rel="next"'
    return response


@post("/sandbox/refunds/{name:str}/fail", status_code=200)
async def fail_refund(request: Req, sandbox: TheSandbox, name: Name) -> Response[bytes]:
    return await sandbox.once(
        request, forms.Nothing, lambda tx, world, _: actions.fail_refund(tx, world, name)
    )


@get("/sandbox/requests")
async def list_requests(sandbox: TheSandbox) -> list[Asked]:
    return list(sandbox.requests)


@get("/sandbox/behaviour")
async def get_behaviour(sandbox: TheSandbox) -> Behaviour:
    return sandbox.mood.behaviour


@put("/sandbox/behaviour")
async def put_behaviour(request: Req, sandbox: TheSandbox) -> Behaviour:
    try:
        sandbox.mood.behaviour = msgspec.json.decode(await request.body(), type=Behaviour)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"No behaviour: {error}") from error
    return sandbox.mood.behaviour


def create(
    data: Path,
    *,
    world: World | None = None,
    receiver: Receiver | None = None,
    api_key: str | None = None,
) -> Litestar:
    """Open the ledger in a folder and serve it.

    Args:
        data: the folder; made if there is none.
        world: the time and new names; the machine's own unless given.
        receiver: who is told of events; without one they are only kept.
        api_key: the only one that is let in; any test key unless given.

    Raises:
        Misconfigured: the folder can't be used.
    """
    world = world or _machine()
    ledger_file, mood = Ledger(data), Mood()
    sender = Sender(ledger_file, mood, world, receiver) if receiver else None
    requests = deque[Asked](maxlen=KEPT)
    sandbox = Sandbox(ledger_file, mood, world, sender, requests)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(sender.run()) if sender else None
            yield
            if telling is not None:
                telling.cancel()
        await sandbox.ledger.close()

    stripe = Router("/v1", guards=[_with_a_key(api_key)], route_handlers=_OF_STRIPE)
    app = Litestar(
        [
            stripe,
            ledger,
            list_requests,
            get_behaviour,
            put_behaviour,
            fail_refund,
            *health.routes([Check("ledger", sandbox.ledger.check)]),
        ],
        dependencies={"sandbox": Provide(lambda: sandbox, sync_to_thread=False)},
        exception_handlers={Refused: _refused, HTTPException: _unusual, Exception: _fault},
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=None,
        request_max_body_size=MAX_BODY_BYTES,
    )
    # Outside the router, so that what no route answers is named and logged too.
    app.asgi_handler = Journal(Misbehaving(app.asgi_handler, sandbox.mood), world, requests)
    return app


_OF_STRIPE = [
    create_intent,
    capture_intent,
    cancel_intent,
    list_intents,
    get_intent,
    search_intents,
    create_refund,
    list_refunds,
    get_refund,
    list_events,
]


def _machine() -> World:
    clock = SystemClock()
    return World(clock.now, lambda kind: f"{kind}_{clock.new_id().hex}")


def _with_a_key(
    only: str | None,
) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Let in a test key, or only one; a live one never, so that nobody charges it in earnest."""

    def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        given = _api_key(connection.headers.get("authorization", ""))
        if not given.startswith("sk_test_"):
            raise Refused("No valid API key: it has to begin with sk_test_.", status=401)
        if only is not None and not hmac.compare_digest(given.encode(), only.encode()):
            raise Refused("No valid API key: it is not the one of this sandbox.", status=401)

    return check


def _api_key(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials).decode().partition(":")[0]
        except ValueError:
            return ""
    return credentials if scheme.lower() == "bearer" else ""


async def _form(request: Req) -> Form:
    media, _, _ = request.headers.get("content-type", "").partition(";")
    body = await request.body()
    if body and media.strip().lower() != "application/x-www-form-urlencoded":
        raise Refused("The content type has to be application/x-www-form-urlencoded.")
    return forms.parse(body)


def _query(request: Req, kind: type[P]) -> P:
    return forms.read(forms.parse(request.scope["query_string"]), kind)


def _key(request: Req, form: Form) -> Key | None:
    value = request.headers.get("idempotency-key")
    if value is None:
        return None
    if not 1 <= len(value) <= 255:
        raise Refused("An idempotency key has 1 to 255 characters.")
    asked = msgspec.json.encode([request.scope["path"], form], order="sorted")
    return Key(value, hashlib.sha256(asked).digest())


def _respond(answer: Answer) -> Response[bytes]:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return Response(
        answer.body,
        status_code=answer.status,
        headers=headers,
        media_type="application/json",
    )


def _refused(_: Req, refusal: Refused) -> Response[bytes]:
    return _respond(wire.refused(refusal))


def _unusual(request: Req, error: HTTPException) -> Response[bytes]:
    status = error.status_code
    message = error.detail
    if status in {404, 405}:  # Stripe has one answer for both
        status = 404
        message = f"Unrecognized request URL ({request.method}: {request.scope['path']})"
    kind = "invalid_request_error" if status < 500 else "api_error"
    return _respond(wire.refused(Refused(message, status=status, kind=kind)))


def _fault(_: Req, error: Exception) -> Response[bytes]:
    structlog.get_logger().error("fault", exc_info=error)
    return _respond(wire.refused(Refused("Something broke here.", status=500, kind="api_error")))
