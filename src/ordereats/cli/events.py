"""The command `events`: what services tell one another, as it passes.

Each command imports what it needs when it runs: starting fast is part of the program's work.
"""
# ruff: noqa: PLC0415  # commands import what they need when they run

import asyncio
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from ordereats.cli.here import home

if TYPE_CHECKING:
    from ordereats.chassis.messaging.bus import Message

app = typer.Typer(
    help="Watch what services tell one another.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _group() -> None:
    """Keep `tail` a word of its own, though it is the only one."""


@app.command()
def tail(
    *,
    event: Annotated[
        str | None, typer.Option("--type", help="Only these: order.placed, 'order.*', '*.ready'.")
    ] = None,
    order: Annotated[int | None, typer.Option(min=1, help="Only what is about this order.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object a line, without the fact.")
    ] = False,
) -> None:
    """Show events as they pass, from now on, until Ctrl-C.

    A line has its time, type, subject with version, correlation id and source. Nobody waits for
    this: if more passes than can be shown, some is not.
    """
    from ordereats.chassis.errors import Misconfigured
    from ordereats.chassis.messaging.bus import BusDownError
    from ordereats.topology.places import broker

    try:
        asyncio.run(_show(broker(home()), event, order, as_json=as_json))
    except BusDownError as error:
        raise Misconfigured(f"The broker can't be listened to: {error}") from None


async def _show(broker: str, event: str | None, order: int | None, *, as_json: bool) -> None:
    from ordereats.topology.tail import passing

    line = _as_json if as_json else _as_text
    if (task := asyncio.current_task()) is not None:
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    with suppress(asyncio.CancelledError):
        async with passing(broker, pattern=event, order_id=order) as messages:
            print("Listening. Ctrl-C ends it.", file=sys.stderr, flush=True)
            async for message in messages:
                print(line(message), flush=True)


def _as_text(message: "Message") -> str:
    subject = f"{message.subject} v{message.version}"
    return (
        f"{message.time.astimezone():%H:%M:%S.%f}  {message.type:<34}  {subject:<20}"
        f"  {message.correlation_id}  {message.source}"
    )


def _as_json(message: "Message") -> str:
    import msgspec

    attributes = msgspec.structs.asdict(message)
    del attributes["data"]
    return msgspec.json.encode(attributes).decode()
