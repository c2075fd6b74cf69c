"""Where log lines go out: a stream that loses lines while it must, and never fails for it."""

from collections.abc import Callable
from typing import TextIO


class Outlet:
    """A stream that takes what it can.

    A disk that is full, or a reader who has hung up, must end no request: a line that can't be
    written is lost, and when one can be again, it is said how many were.
    """

    def __init__(self, stream: TextIO, *, told: Callable[[int, str], str]) -> None:
        """Write to a stream.

        Args:
            stream: each line is out before `write` returns.
            told: the line that says how many lines were lost, and why.
        """
        self._stream = stream
        self._told = told
        self._lost = 0
        self._why = ""

    def write(self, text: str) -> int:
        """Write a line, or lose it."""
        # What came out of a line that was cut short is ended before.
        before = f"\n{self._told(self._lost, self._why)}\n" if self._lost else ""
        try:
            self._stream.write(before + text)
            self._stream.flush()
        except OSError as error:
            self._lost += 1
            self._why = str(error.strerror)
        else:
            self._lost = 0
        return len(text)

    def flush(self) -> None:
        """Each line is out already."""
