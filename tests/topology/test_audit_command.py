"""`ordereats audit`: where it reads, what it shows, and how it ends."""

import asyncio
import json
from pathlib import Path

import pytest

from ordereats.chassis.errors import Misconfigured
from ordereats.cli import audit
from ordereats.topology.audit.checks import CHECKS, Finding
from ordereats.topology.audit.report import NO_LEDGER, Checked, Report
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Process
from topology.audit_city import ANSWERED, city


def test_where_nothing_runs_and_nothing_is_named_it_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with pytest.raises(Misconfigured, match=r"set DATABASE_URL .* or run `ordereats up`"):
        audit.run(Home(tmp_path), as_json=False, grace_s=60)


async def test_it_ends_with_0_when_all_holds_and_with_1_and_a_list_when_not(
    postgres_server: Process,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = Home(tmp_path / "home")
    async with city(postgres_server, tmp_path / "sandbox", has_one_database=True) as it:
        monkeypatch.setenv("DATABASE_URL", it.databases["orders"])
        monkeypatch.setenv("STRIPE_API_BASE", it.ledger)

        assert await asyncio.to_thread(audit.run, home, as_json=False, grace_s=60) == 0
        shown = capsys.readouterr().out
        await it.sql("orders", ANSWERED, 99)
        assert await asyncio.to_thread(audit.run, home, as_json=True, grace_s=60) == 1
        printed = capsys.readouterr().out

    # Among the sandbox's log, which may come before it and after it.
    report, _ = json.JSONDecoder().raw_decode(printed, printed.index("{\n"))
    assert shown.count("holds") == len(CHECKS)
    assert report["holds"] is False
    assert [each["findings"] for each in report["checks"] if each["findings"]] == [
        [{"subject": "order/99", "message": "was answered to key-of-99 and is lost"}]
    ]


def test_a_table_names_what_was_skipped_and_shows_the_first_of_what_is_off() -> None:
    findings = tuple(Finding(f"order/{n}", "is [red]lost[/]") for n in range(audit.SHOWN + 5))
    report = Report(
        holds=False,
        grace_s=60,
        checks=[Checked("every 201 is an order", 1234, findings), Checked("b", 0, (), NO_LEDGER)],
    )

    shown = audit.as_table(report)

    assert "1,234" in shown
    assert f"{audit.SHOWN + 5} off" in shown
    assert "order/0 is [red]lost[/]" in shown
    assert "and 5 more: --json shows all" in shown
    assert f"skipped: {NO_LEDGER}" in shown
