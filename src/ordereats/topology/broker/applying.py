"""Gives RabbitMQ what it must have. It adds and mends, and takes nothing away.

What an older version had beside it stays, for that version may still run. A queue that does not
work stays, too: nothing here can tell for sure that no message is in it.
"""

from ordereats.chassis.errors import Misconfigured
from ordereats.topology.broker.checking import Flaw, differences
from ordereats.topology.broker.definitions import Definitions, Kind, Thing
from ordereats.topology.broker.management import Management

_DONE = {Flaw.MISSING: "was missing: made", Flaw.DIFFERENT: "was different: mended"}


async def apply(management: Management, wanted: Definitions) -> list[str]:
    """Make what is missing, and bring what is different to what is said.

    Returns:
        What was done, a line each.

    Raises:
        Misconfigured: it does not answer, or refuses.
    """
    done = []
    for finding in await differences(management, wanted):
        await _make(management, finding.thing)
        done.append(f"{finding.thing.name} {_DONE[finding.flaw]}")
    return done


async def _make(management: Management, thing: Thing) -> None:
    if thing.kind is Kind.BINDING:
        body = {"routing_key": thing.key["routing_key"], **thing.body}
        await management.post(thing.path, body)
        return
    try:
        await management.put(thing.path, thing.body)
    except Misconfigured as error:
        if thing.kind in {Kind.QUEUE, Kind.EXCHANGE}:
            raise Misconfigured(
                f"{thing.name} is of another kind, which can't be changed: let it run empty, delete"
                f" it by hand, and apply again. ({error})"
            ) from error
        raise
