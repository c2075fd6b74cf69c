"""Logs are events with fields, one JSON object a line. No secret, address or e-mail in them."""

import logging
import sys
from typing import Literal, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ordereats.chassis import context
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.telemetry.log_events import LogEvents
from ordereats.chassis.telemetry.outlet import Outlet

Format = Literal["json", "console"]


def configure(*, level: str, form: Format, service: str, noted: LogEvents | None = None) -> None:
    """Set up logging for this process, the libraries' included.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        form: JSON for machines, console for people.
        service: a field of every event.
        noted: counts what is logged.
    """

    def whose(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        at = context.known()
        if at is not None:
            event["correlation_id"] = at.correlation_id
            if at.span is not None:
                event["trace_id"] = at.span.trace_id
                if at.span.order_id is not None:
                    event.setdefault("order_id", at.span.order_id)
        return event

    def lost(lines: int, why: str) -> str:
        now = SystemClock().now().isoformat()
        about = {"event": "log_lines_lost", "lines": lines, "reason": why, "time": now}
        return _json({**about, "level": "warning", "service": service})

    outlet = Outlet(sys.stdout, told=lost)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        whose,
        structlog.processors.format_exc_info,
    ]
    render: Processor = (
        structlog.processors.JSONRenderer(serializer=_json)
        if form == "json"
        else structlog.dev.ConsoleRenderer()
    )
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *([] if noted is None else [noted.processor]), render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", outlet)),
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(outlet)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    # It logs each refused connection as an error; the bus says once that it has lost the broker.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[libraries], force=True)


def _json(event: EventDict, **_options: object) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
