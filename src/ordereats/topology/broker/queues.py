"""The queues of all services and the events that go into each, as the written description has it.

Building the services to ask them costs half a second and 40 MB, each time that a platform starts.
The description is what they say: `tests/topology/test_broker.py` compares.
"""

from collections import defaultdict
from importlib.resources import files

import msgspec

from ordereats.chassis.messaging.bus import Queue


class _Channel(msgspec.Struct):
    ref: str = msgspec.field(name="$ref")


class _Operation(msgspec.Struct):
    channel: _Channel
    queue: str | None = msgspec.field(name="x-queue", default=None)


class _Document(msgspec.Struct):
    operations: dict[str, _Operation]


def queues() -> list[Queue]:
    """All of them, by name."""
    written = files("ordereats.topology") / "documents" / "asyncapi.json"
    document = msgspec.json.decode(written.read_bytes(), type=_Document)
    types = defaultdict[str, list[str]](list)
    for operation in document.operations.values():
        if operation.queue:
            types[operation.queue].append(operation.channel.ref.rpartition("/")[2])
    return [Queue(name, tuple(sorted(types[name]))) for name in sorted(types)]
