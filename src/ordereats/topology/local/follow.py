"""What parts log, as a person reads it: warnings and errors, a line each. Reads files, no more."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

_LARGEST = 64 * 1024 * 1024
_AT_ONCE = 1024 * 1024
_QUIET_S = 5.0
_SHOWN_LEVELS = frozenset({"warning", "warn", "error", "critical", "fatal", "panic"})
_KNOWN = frozenset({"time", "ts", "level", "event", "msg", "service", "logger", "exception"})


@dataclass(frozen=True, slots=True)
class Told:
    """An event that a part logged."""

    part: str
    time: str
    level: str
    event: str
    fields: str


@dataclass(slots=True)
class _Repeated:
    """Events that are alike: when the next may be shown, and how many were not."""

    quiet_until: float
    unshown: int = 0


class Follower:
    """Reads what is appended to log files from now on, and keeps them from growing for ever."""

    def __init__(self, logs: Mapping[str, Path]) -> None:
        self._logs = logs
        self._read_to = {name: _size(log) for name, log in logs.items()}
        self._repeated: dict[tuple[str, str, str], _Repeated] = {}

    def news(self, now: float) -> list[Told]:
        """Warnings and errors since the last call; of those that are alike one in a few seconds.

        Args:
            now: by the monotonic clock.
        """
        shown = []
        for name, log in self._logs.items():
            for line in self._new_lines(name, log):
                told = understood(name, line)
                if told and told.level in _SHOWN_LEVELS:
                    shown += self._unless_repeated(told, now)
        return shown

    def _unless_repeated(self, told: Told, now: float) -> list[Told]:
        alike = (told.part, told.level, told.event)
        before = self._repeated.get(alike)
        if before and now < before.quiet_until:
            before.unshown += 1
            return []
        self._repeated[alike] = _Repeated(now + _QUIET_S)
        if not before or not before.unshown:
            return [told]
        more = f"(and {before.unshown} more like it before)"
        return [replace(told, fields=f"{told.fields} {more}".strip())]

    def _new_lines(self, name: str, log: Path) -> Iterator[bytes]:
        start, end = self._read_to[name], _size(log)
        if end < start:  # someone emptied it
            start = 0
        if end > start:
            with log.open("rb") as file:
                file.seek(max(start, end - _AT_ONCE))
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            end -= len(new) - len(whole)
            yield from whole.splitlines()
        self._read_to[name] = end
        if end > _LARGEST:
            self._begin_anew(name, log)

    def _begin_anew(self, name: str, log: Path) -> None:
        """Keep one earlier file. The part writes on at the end, which is the beginning again."""
        shutil.copyfile(log, log.with_suffix(".log.1"))
        with log.open("r+b") as file:
            file.truncate()
        self._read_to[name] = 0


def understood(part: str, line: bytes) -> Told | None:
    """A JSON log line of ours or of Caddy's, or None if it is none."""
    if not line.startswith(b"{"):
        return None
    with suppress(msgspec.DecodeError, msgspec.ValidationError):
        event = msgspec.json.decode(line, type=dict[str, object])
        return Told(
            part=part,
            time=_clock(event.get("time", event.get("timestamp", event.get("ts")))),
            level=str(event.get("level", "info")),
            event=str(event.get("event", event.get("msg", ""))),
            fields=_fields(event),
        )
    return None


def _fields(event: Mapping[str, object]) -> str:
    """A few fields, short; of an exception only what it says in the end."""
    shown = [
        f"{name}={_short(value)}"
        for name, value in event.items()
        if name not in _KNOWN and isinstance(value, str | int | float)
    ][:5]
    raised = str(event.get("exception", "")).strip()
    if raised:
        shown.append(raised.splitlines()[-1])
    return " ".join(shown)


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"


def _clock(value: object) -> str:
    """The time of day here, as people compare it with their watch."""
    with suppress(ValueError):
        if isinstance(value, int | float):
            return f"{datetime.fromtimestamp(value, UTC).astimezone():%H:%M:%S}"
        return f"{datetime.fromisoformat(str(value)).astimezone():%H:%M:%S}"
    return ""


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0
