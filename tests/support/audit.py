"""`ordereats audit` as a test asks for it: at once, but for what is still on its way."""

import asyncio
from time import monotonic

from support.platform import Platform


async def audited(platform: Platform, *, within_s: float = 30) -> None:
    """See that all holds, as soon as nothing is on its way any more."""
    deadline = monotonic() + within_s
    while True:
        try:
            await platform.run("audit", "--grace", "0")
        except AssertionError:
            if monotonic() > deadline:
                raise
            await asyncio.sleep(1)
        else:
            return
