"""What the audit found, as a value that programs and people can be shown."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from ordereats.topology.audit.checks import CHECKS, Finding
from ordereats.topology.audit.rows import Snapshot

NO_LEDGER = "the provider shows no ledger"


class Checked(Struct, frozen=True, rename="camel"):
    """What came of one check.

    Attributes:
        claim: what must hold, as a sentence.
        examined: how many things were looked at.
        skipped: why it could not be made.
    """

    claim: str
    examined: int
    findings: Annotated[tuple[Finding, ...], Meta(description="Where it does not hold.")]
    skipped: str | None = None


class Report(Struct, frozen=True, rename="camel"):
    """What came of all checks.

    Attributes:
        holds: nothing was found.
        grace_s: what was younger was taken to be under way.
    """

    holds: bool
    grace_s: float
    checks: Sequence[Checked]


def check(snapshot: Snapshot, *, grace_s: float) -> Report:
    """Make every check."""
    checks = []
    for each in CHECKS:
        if each.needs_provider and snapshot.entries is None:
            checks.append(Checked(each.claim, 0, (), NO_LEDGER))
        else:
            findings = tuple(each.find(snapshot, grace_s))
            checks.append(Checked(each.claim, each.examined(snapshot), findings))
    return Report(not any(each.findings for each in checks), grace_s, checks)
