"""Migrations: numbered without gaps, and safe to run beside older versions of the program."""

import subprocess
import sys
from pathlib import Path

import pytest

from architecture.house import HERE
from ordereats.chassis.db.migrations import read
from ordereats.topology import catalog, loading

SETS = loading.migrations(catalog.SERVICES)
FILES = sorted(HERE.package.rglob("*.sql"))


@pytest.mark.parametrize("owner", [each.owner for each in SETS])
def test_migrations_are_numbered_without_gaps(owner: str) -> None:
    [folder] = [each.folder for each in SETS if each.owner == owner]

    assert read(folder)


@pytest.mark.parametrize("file", FILES, ids=HERE.name)
def test_squawk_finds_nothing(file: Path) -> None:
    assert _squawk(file) == ""


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("alter table orders drop column status;", "ban-drop-column"),
        ("alter table orders rename column status to state;", "renaming-column"),
        ("alter table orders add column tip_minor bigint not null;", "adding-required-field"),
        ("create index orders_status on orders (status);", "require-concurrent-index-creation"),
        ("create table tips (order_id bigint primary key, amount varchar(9));", "prefer-text"),
    ],
)
def test_squawk_finds_what_would_break_the_version_that_still_runs(
    statement: str, rule: str, tmp_path: Path
) -> None:
    step = tmp_path / "0002_worse.sql"
    step.write_text(statement)

    assert rule in _squawk(step)


def _squawk(file: Path) -> str:
    """What it finds, or nothing."""
    done = subprocess.run(
        [Path(sys.executable).with_name("squawk"), "--reporter", "gcc", file],
        cwd=HERE.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout
