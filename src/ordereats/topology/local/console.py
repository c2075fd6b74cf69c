"""What a person sees of the platform on a terminal. It knows words and colours; decides nothing."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console as Terminal
from rich.text import Text

from ordereats.topology.local.follow import Told, understood

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red", "bright_cyan")
_LEVELS = {"warning": "yellow", "warn": "yellow"}


class _Terminal(Terminal):
    """rich's, which would end the process when the reader of its output has gone."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


class Console:
    """One line for each thing that happens, the part's name in its colour first."""

    def __init__(self, parts: Sequence[str], terminal: Terminal | None = None) -> None:
        self._terminal = terminal or _Terminal(highlight=False, markup=False, soft_wrap=True)
        self._width = max((len(part) for part in parts), default=0)
        self._colours = {
            part: _COLOURS[number % len(_COLOURS)] for number, part in enumerate(parts)
        }

    def opening(self, topology: str, broker: str, folder: str, remarks: Sequence[str]) -> None:
        """What is about to be started."""
        self._print(
            Text.assemble(
                ("OrderEats", "bold"), f"  topology {topology} · events by {broker} · in {folder}"
            )
        )
        for remark in remarks:
            self._print(Text(remark, "yellow"))

    def ready(self, part: str, seconds: float) -> None:
        """A part works."""
        self.event(part, f"ready after {seconds:.1f} s", "green")

    def event(self, part: str, what: str, style: str = "") -> None:
        """Something happened to a part."""
        self._print(Text.assemble(self._name(part), (what, style)))

    def up(self, address: str, seconds: float, logs: str) -> None:
        """All of it works: where it is, and what to try first."""
        first = (
            f"curl -i {address}/users -H 'content-type: application/json' "
            """-d '{"name": "Hieu", "email": "hieu@test.com"}'"""
        )
        self._print(
            Text.assemble(
                (f"\nReady after {seconds:.1f} s: ", "bold"),
                (address, "bold underline"),
                f"\nLogs are in {logs}; warnings and errors appear here too. Ctrl-C stops it all.",
                "\n\nTry it:\n  ",
                (first, "cyan"),
                "\n",
            )
        )

    def told(self, told: Told) -> None:
        """Something that a part logged."""
        level = _LEVELS.get(told.level, "red")
        self._print(
            Text.assemble(
                self._name(told.part),
                f"{told.time} ",
                (told.level.upper(), level),
                f" {told.event} ",
                (told.fields, "dim"),
            )
        )

    def failed(self, reason: str) -> None:
        """It can't go on: one sentence, and perhaps the end of a log."""
        self._print(Text(reason, "red"))

    def log_end(self, part: str, log: Path) -> None:
        """The last lines of a part's log, read by a person."""
        try:
            lines = log.read_bytes()[-8192:].splitlines()[-6:]
        except FileNotFoundError:
            return
        for line in lines:
            told = understood(part, line)
            text = (
                f"{told.time} {told.level} {told.event} {told.fields}"
                if told
                else line.decode(errors="replace")
            )
            self.event(part, text, "dim")

    def say(self, line: str) -> None:
        """Something about the whole."""
        self._print(Text(line))

    def _print(self, text: Text) -> None:
        """Say it if anyone listens: a closed terminal or a full disk must stop nothing."""
        with suppress(OSError):
            self._terminal.print(text)

    def _name(self, part: str) -> tuple[str, str]:
        return f"{part:<{self._width}}  ", self._colours.get(part, "")
