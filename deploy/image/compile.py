"""Loads what the program loads, so that just this is there compiled, and says what is missing.

The image can't compile at run time: its file system is read-only. All of it compiled would take
twice the room, since most of what is installed is never loaded.
"""

import sys
from importlib import import_module
from importlib.util import find_spec

from ordereats.topology import catalog

PROGRAMS = [
    "ordereats.cli.main",
    "ordereats.cli.audit",
    "ordereats.topology.serve",
    "ordereats.topology.brokers",
    "ordereats.chassis.messaging.rabbitmq",
    "ordereats.chassis.messaging.postgres",
    "ordereats.sandbox.program",
    "opentelemetry.sdk.trace",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
]


def here(module: str) -> bool:
    """Whether a module is in this image: a slice has less."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


services = [f"ordereats.services.{name}.service" for name in catalog.SERVICES]
for module in filter(here, [*PROGRAMS, *services]):
    import_module(module)
sys.stdout.write(f"{len(sys.modules)} modules load.\n")
