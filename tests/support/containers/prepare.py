"""Makes the images that tests of containers need, so that they are there when their turn comes.

What fails here is tried again by the first of those tests, which says why.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from support.containers.stack import GATEWAY, OURS, Stack


async def prepare(folder: Path) -> None:
    """Make all of them, in an engine that is ended then."""
    stack = Stack(folder / "docker", sys.exit)
    try:
        for name in (OURS, GATEWAY):
            await stack.image(name)
    finally:
        await stack.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ordereats-test-") as temporary:
        asyncio.run(prepare(Path(temporary)))
