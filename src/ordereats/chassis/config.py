"""The environment, read once at the start. Nothing else reads it."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ordereats.chassis.errors import Misconfigured


class Environment:
    """Settings by name, each checked where it is read.

    An empty value counts as absent, as Compose files and shells mean it. A secret may stand in a
    file, as orchestrators mount them: `BROKER_URL_FILE` names the one that holds `BROKER_URL`.

    Every reader raises `Misconfigured`, naming the variable, what it has to be and what it is.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        given = os.environ if variables is None else variables  # noqa: TID251  # here it is read
        self._variables = {name: value for name, value in given.items() if value}

    @property
    def given(self) -> Mapping[str, str]:
        """All that is there, also what is nobody's here: for looking at names."""
        return self._variables

    def text(self, name: str, default: str) -> str:
        """A value as it stands."""
        given = self.optional(name)
        return default if given is None else given

    def optional(self, name: str) -> str | None:
        """A value as it stands, or None."""
        given, file = self._variables.get(name), self._variables.get(f"{name}_FILE")
        if file is None:
            return given
        if given is not None:
            raise Misconfigured(f"{name} and {name}_FILE are both set: which one holds?")
        try:
            return Path(file).read_text(encoding="utf-8").removesuffix("\n") or None
        except (OSError, ValueError) as error:
            raise Misconfigured(f"{name}_FILE can't be read: {error}.") from None

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds, both included."""
        given = self.optional(name)
        if given is None:
            return default
        is_whole = given.isascii() and given.isdecimal() and len(given) <= 18
        if not is_whole or not least <= int(given) <= most:
            raise Misconfigured(
                f"{name} must be a whole number from {least} to {most}, not {given!r}."
            )
        return int(given)

    def seconds(self, name: str, default: float, *, least: float, most: float) -> float:
        """A duration in seconds within bounds, both included."""
        what = f"a number of seconds from {least:g} to {most:g}"
        return self._number(name, default, least=least, most=most, what=what)

    def share(self, name: str, default: float) -> float:
        """A part of the whole: from 0, none of it, to 1, all."""
        what = "a share from 0 to 1, such as 0.1"
        return self._number(name, default, least=0, most=1, what=what)

    def choice(self, name: str, default: str, among: tuple[str, ...]) -> str:
        """One of a few words."""
        given = self.text(name, default)
        if given not in among:
            raise Misconfigured(f"{name} must be one of {', '.join(among)}, not {given!r}.")
        return given

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str | None:
        """An address with one of the schemes and a host. The message never shows a password."""
        given = self.optional(name) or default
        if given is None:
            return None
        try:
            parts = urlsplit(given)
            fine = parts.scheme in schemes and bool(parts.hostname)
            _ = parts.port
        except ValueError:
            fine = False
        if not fine:
            expected = " or ".join(f"{scheme}://…" for scheme in schemes)
            raise Misconfigured(f"{name} must be an address such as {expected}.")
        return given

    def _number(self, name: str, default: float, *, least: float, most: float, what: str) -> float:
        given = self.optional(name)
        if given is None:
            return default
        try:
            value = float(given)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise Misconfigured(f"{name} must be {what}, not {given!r}.")
        return value
