"""Loads what a group of services consists of: how each is built, and what their database has."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import cast

from ordereats.chassis.db.migrations import MigrationSet
from ordereats.chassis.service import CHASSIS_TABLES, Ports, Service


def builder(name: str) -> Callable[[Ports], Service]:
    """How to build a service. Only those that run in this process are imported."""
    build = import_module(f"ordereats.services.{name}.service").build
    return cast("Callable[[Ports], Service]", build)


def migrations(names: Sequence[str]) -> list[MigrationSet]:
    """What a database has to have for these services; foreign keys where they share one."""
    sets = [CHASSIS_TABLES]
    sets += [MigrationSet(name, _folder(f"ordereats.services.{name}")) for name in names]
    if {"users", "restaurants", "orders"} <= set(names):
        shared = Path(str(files("ordereats.topology"))) / "shared_tables"
        sets.append(MigrationSet("shared", shared))
    return sets


def _folder(package: str) -> Path:
    return Path(str(files(package))) / "migrations"
