"""`ordereats restart`: says what it means for this part, waits, says what came of it."""

import sys

from ordereats.topology.local import control
from ordereats.topology.local.home import Home

INTERRUPTED = 130
"""The exit status of what Ctrl-C has ended, as shells have it."""


def run(home: Home, name: str) -> int:
    """Restart a part; returns the exit status.

    Raises:
        CannotStart: there is no such part, it is not there to be restarted, or nothing runs.
    """
    is_rolling = control.is_rolling(home, name)
    if not is_rolling:
        print(f"{name} is down until it is ready again; what needs it waits or is refused.")
    try:
        seconds = control.restart(home, name)
    except control.NotRestartedError as reason:
        goes_on = f"{name} goes on as before. " if is_rolling else ""
        print(f"{name} was not restarted. {goes_on}{reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"The restart of {name} goes on: see `ordereats ps`.", file=sys.stderr)
        return INTERRUPTED
    how = ", without a gap" if is_rolling else ""
    print(f"{name} was restarted in {seconds:.1f} s{how}.")
    return 0
