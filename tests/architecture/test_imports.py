"""Imports point one way: `.importlinter` holds, and each of its contracts bites."""

import configparser
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from architecture.house import HERE, House

# import-linter reads code and imports none of it, so that one process does for all trees.
LINT = """
import sys
from importlinter.cli import use_cases

for root in sys.argv[1:]:
    print("TREE", root, flush=True)
    sys.path.insert(0, root + "/src")
    use_cases.lint_imports(root + "/.importlinter", cache_dir=None, no_logo=True)
    del sys.path[0]
"""

HOUSE = "The layers of the house"
INDEPENDENCE = "No service knows another"
ROOMS = "The rooms of a service"
DOORS = "Only use cases reach the store and other services"
SETTINGS = "Settings are read where a service is put together"
CALLERS = "Calls do not know the front door"
PURE = "Rules and contracts do no I/O and know no clock and no chance"


@dataclass(frozen=True, slots=True)
class Plant:
    """One violation: `text` is added to a file of the package, and breaks that contract alone."""

    breaks: str
    path: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.path}: {self.text.split()[-1]}"


PLANTS = [
    Plant(HOUSE, "chassis/http/app.py", "from ordereats.services.users import service"),
    Plant(HOUSE, "chassis/clock.py", "import ordereats.topology.catalog"),
    Plant(HOUSE, "contracts/events.py", "import ordereats.sandbox.cards"),
    Plant(HOUSE, "services/users/service.py", "from ordereats.topology import catalog"),
    Plant(HOUSE, "services/payments/clients.py", "from ordereats.sandbox import cards"),
    Plant(HOUSE, "sandbox/cards.py", "from ordereats.services.payments import domain"),
    Plant(HOUSE, "topology/catalog.py", "def late() -> None:\n    import ordereats.cli"),
    Plant(HOUSE, "utils.py", '"""Whatever."""'),
    Plant(
        INDEPENDENCE, "services/orders/use_cases.py", "from ordereats.services.users import store"
    ),
    Plant(INDEPENDENCE, "services/users/service.py", "import ordereats.services.orders.domain"),
    Plant(ROOMS, "services/orders/helpers.py", '"""Whatever."""'),
    Plant(ROOMS, "services/orders/store.py", "from ordereats.services.orders import use_cases"),
    Plant(ROOMS, "services/orders/use_cases.py", "import ordereats.services.orders.routes"),
    Plant(ROOMS, "services/orders/routes.py", "import ordereats.services.orders.handlers"),
    Plant(ROOMS, "services/users/use_cases.py", "import ordereats.services.users.service"),
    Plant(DOORS, "services/orders/routes.py", "from ordereats.services.orders import store"),
    Plant(DOORS, "services/payments/jobs.py", "import ordereats.services.payments.clients"),
    Plant(SETTINGS, "services/payments/routes.py", "import ordereats.services.payments.settings"),
    Plant(CALLERS, "chassis/calls/http.py", "from ordereats.chassis.http import shedding"),
    Plant(CALLERS, "chassis/slots.py", "import ordereats.chassis.http.gradient"),
    Plant(PURE, "services/orders/domain.py", "import asyncpg"),
    Plant(PURE, "services/orders/domain.py", "from ordereats.chassis.db.pool import Database"),
    Plant(PURE, "services/payments/domain.py", "import random"),
    Plant(PURE, "services/notifications/domain.py", "from ordereats.chassis.clock import Clock"),
    Plant(PURE, "contracts/wire.py", "def later() -> None:\n    import time"),
    Plant(PURE, "chassis/errors.py", "import asyncpg"),
]

ADDED_LATER = {
    "service.py": "from ordereats.services.kitchen.routes import NOTHING\n",
    "routes.py": "from ordereats.services.kitchen.store import NOTHING\n",
    "store.py": "from ordereats.services.orders.domain import MOVES as NOTHING\n",
    "domain.py": "import time\n",
    "misc.py": "",
    "__init__.py": "",
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The contracts that are broken here, and in each copy with its violation."""
    copies = tmp_path_factory.mktemp("copies")
    trees = {"here": HERE, "later": _copy(copies / "later")}
    for name, text in ADDED_LATER.items():
        trees["later"].plant(f"src/ordereats/services/kitchen/{name}", text)
    for plant in PLANTS:
        trees[plant.name] = tree = _copy(copies / str(PLANTS.index(plant)))
        tree.plant(f"src/ordereats/{plant.path}", f"\n{plant.text}\n")
    return dict(zip(trees, _lint(list(trees.values())), strict=True))


def test_imports_point_one_way(broken: dict[str, set[str]]) -> None:
    assert broken["here"] == set()


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_violation_breaks_its_contract_and_no_other(
    plant: Plant, broken: dict[str, set[str]]
) -> None:
    assert broken[plant.name] == {plant.breaks} | broken["here"]


def test_a_service_that_is_added_later_is_covered(broken: dict[str, set[str]]) -> None:
    assert broken["later"] >= {INDEPENDENCE, ROOMS, DOORS, PURE}


def test_every_contract_has_a_planted_violation() -> None:
    config = configparser.ConfigParser()
    config.read(HERE.root / ".importlinter")
    contracts = {each["name"] for each in config.values() if "name" in each}

    assert {plant.breaks for plant in PLANTS} == contracts


def _copy(to: Path) -> House:
    """Only what import-linter reads."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE.package, to / "src" / "ordereats", ignore=ignore)
    shutil.copy(HERE.root / ".importlinter", to)
    return House(to)


def _lint(trees: Sequence[House]) -> list[set[str]]:
    """The names of the broken contracts of each tree."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, *(str(tree.root) for tree in trees)],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "200"},
    )
    _, *reports = done.stdout.split("TREE ")
    for report in reports:
        assert re.search(r"^Contracts: \d+ kept, \d+ broken\.$", report, re.MULTILINE), report
    return [set(re.findall(r"^(.+) BROKEN\b", report, re.MULTILINE)) for report in reports]
