"""Looks at the environment itself: names, secrets, the files that hold them. It asks nobody."""

import stat
from collections.abc import Sequence
from pathlib import Path

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.topology.default_secrets import default_secrets
from ordereats.topology.doctor.finding import Finding, ok, warn, wrong
from ordereats.topology.known_settings import KNOWN, strangers
from ordereats.topology.settings import Settings


def names(environment: Environment) -> list[Finding]:
    """Whether all that is meant for us is known here."""
    said = strangers(environment.given)
    if not said:
        return [ok("settings", "Each name that is meant for OrderEats is one that there is.")]
    return [wrong("settings", each, "Correct it, or take it away.") for each in said]


def values(environment: Environment, services: Sequence[str]) -> tuple[Settings | None, Finding]:
    """What `serve` would read, or nothing; and whether it would."""
    try:
        settings = Settings.read(environment, services)
    except Misconfigured as error:
        return None, wrong("settings", str(error), "Correct it.")
    return settings, ok("settings", f"They are enough for {', '.join(services)}.")


def secrets(environment: Environment, settings: Settings) -> list[Finding]:
    """Whether one is known to everyone."""
    said = default_secrets(environment, settings)
    if not said:
        return [ok("secrets", "None is known to everyone, or they don't leave this machine.")]
    return [wrong("secrets", each, "") for each in said]


def files(environment: Environment) -> list[Finding]:
    """Whether those that hold secrets can be read, and not by everyone."""
    given = environment.given
    held = [name for name in sorted(given) if name.removesuffix("_FILE") in KNOWN - {name}]
    return [_file(name, Path(given[name])) for name in held]


def _file(name: str, path: Path) -> Finding:
    try:
        mode = path.stat().st_mode
        path.read_bytes()
    except OSError as error:
        return wrong("secrets", f"{name} can't be read: {error.strerror}.", "Correct its path.")
    if mode & stat.S_IROTH:
        said = f"The file of {name} can be read by everyone on this machine."
        return warn("secrets", said, "chmod o-r, and give it to the user that serves.")
    return ok("secrets", f"The file of {name} can be read by us, and not by everyone.")
