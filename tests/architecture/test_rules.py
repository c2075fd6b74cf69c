"""The rules of the house hold, and each of them bites: a planted violation is caught."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from architecture import documents, sql, tidy
from architecture.house import HERE, House

Rule = Callable[[House], Iterator[str]]

RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in [
        tidy.functions_are_short,
        tidy.files_are_short,
        tidy.unfinished_work_has_an_issue,
        tidy.excuses_have_a_code_and_a_reason,
        sql.sql_stands_in_the_store,
        sql.sql_names_only_own_tables,
        sql.tables_have_one_owner,
        documents.paths_in_documents_exist,
        documents.services_have_a_readme_with_its_headings,
        documents.readmes_say_what_the_code_does,
        documents.events_are_published_by_their_service,
        documents.failpoints_have_a_line_in_the_manual,
        documents.settings_are_known_and_explained,
    ]
}


@dataclass(frozen=True, slots=True)
class Plant:
    """One violation.

    Attributes:
        breaks: the rule that has to catch it, and no other.
        path: the file to which `text` is added.
        says: what the rule's message has to name.
    """

    breaks: Rule
    path: str
    text: str
    says: str


ORDERS, USERS = "src/ordereats/services/orders", "src/ordereats/services/users"
LONG = "\n\ndef long() -> None:\n" + "    int()\n" * 60
PLANTS = [
    Plant(tidy.functions_are_short, f"{USERS}/use_cases.py", LONG, "long has 61 lines"),
    Plant(tidy.files_are_short, f"{USERS}/store.py", "\n" * 400, "store.py: 4"),
    Plant(
        tidy.unfinished_work_has_an_issue,
        f"{USERS}/jobs.py",
        '"""Time in."""\n# TO' + "DO: sweep\n",
        "jobs.py:2: # TODO: sweep",
    ),
    Plant(
        tidy.unfinished_work_has_an_issue,
        f"{ORDERS}/migrations/0001_orders.sql",
        "-- FIX" + "ME\n",
        "0001_orders.sql",
    ),
    Plant(
        tidy.excuses_have_a_code_and_a_reason,
        f"{ORDERS}/domain.py",
        "x = 1  # no" + "qa: E501\n",
        "domain.py",
    ),
    Plant(
        tidy.excuses_have_a_code_and_a_reason,
        "tests/architecture/house.py",
        "x = 1  # type: " + "ignore  # it is so\n",
        "house.py",
    ),
    Plant(
        sql.sql_stands_in_the_store,
        f"{ORDERS}/use_cases.py",
        '_ALL = "select id from orders"\n',
        "use_cases.py",
    ),
    Plant(
        sql.sql_names_only_own_tables,
        f"{ORDERS}/store.py",
        'WHO = f"select {_COLUMNS} from orders join users on users.id = user_id"\n',
        "orders names users",
    ),
    Plant(
        sql.sql_names_only_own_tables,
        f"{ORDERS}/store.py",
        "WHO = \"SELECT nextval('payments_id_seq')\"\n",
        "orders names payments",
    ),
    Plant(
        sql.sql_names_only_own_tables,
        f"{ORDERS}/migrations/0002_known.sql",
        "alter table orders add constraint known foreign key (user_id) references users (id);\n",
        "orders names users",
    ),
    Plant(
        sql.sql_names_only_own_tables,
        "src/ordereats/chassis/messaging/outbox.py",
        '_OLD = "delete from orders where version = 1"\n',
        "chassis names orders",
    ),
    Plant(
        documents.paths_in_documents_exist,
        "README.md",
        "\nSee `src/ordereats/chassis/magic.py`.\n",
        "README.md: src/ordereats/chassis/magic.py",
    ),
    Plant(
        documents.paths_in_documents_exist,
        "docs/adding-an-event.md",
        "\n`tests/architecture/test_rules.py::test_of_nothing`\n",
        "::test_of_nothing does not exist",
    ),
    Plant(
        documents.paths_in_documents_exist,
        "docs/adding-a-service.md",
        "\n[there](no/such/page.md)\n",
        "no/such/page.md does not exist",
    ),
    Plant(
        documents.services_have_a_readme_with_its_headings,
        f"{ORDERS}/README.md",
        "\n## Miscellaneous\n",
        "orders: the headings",
    ),
    Plant(
        documents.readmes_say_what_the_code_does,
        "src/ordereats/services/payments/handlers.py",
        "from ordereats.contracts.users import UserCreated\neffect(UserCreated, print)\n",
        "Consumes: user.created is missing",
    ),
    Plant(
        documents.events_are_published_by_their_service,
        "src/ordereats/contracts/kitchen.py",
        'class TicketBurnt(Event, frozen=True, tag="ordereats.ticket.burnt.v1"):\n    pass\n',
        "TicketBurnt is an event that nobody publishes",
    ),
    Plant(
        documents.failpoints_have_a_line_in_the_manual,
        "src/ordereats/chassis/messaging/outbox.py",
        'STATED = Failpoint("outbox.stated", "A fact stands there.")\n',
        "outbox.stated has no line",
    ),
    Plant(
        documents.settings_are_known_and_explained,
        f"{ORDERS}/settings.py",
        '\n_TIP = Environment().whole("TIP_MOST_MINOR", 0, least=0, most=9)\n',
        "TIP_MOST_MINOR is not known",
    ),
    Plant(
        documents.settings_are_known_and_explained,
        "src/ordereats/topology/settings.py",
        '\n_OWN = [f"{name.upper()}_REGION" for name in catalog.SERVICES]\n',
        "<SERVICE>_REGION is not explained",
    ),
    Plant(
        documents.settings_are_known_and_explained,
        "src/ordereats/topology/known_settings.py",
        '\nOF_A_SERVICE = ("REGION",)\n',
        "<SERVICE>_REGION is not read",
    ),
]


@pytest.fixture(scope="module")
def before() -> dict[str, set[str]]:
    """What each rule says of the house as it stands: nothing, if all is well."""
    return {name: set(rule(HERE)) for name, rule in RULES.items()}


@pytest.fixture
def copy(tmp_path: Path) -> House:
    return HERE.copy(tmp_path / "house")


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule: str, before: dict[str, set[str]]) -> None:
    assert sorted(before[rule]) == []


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.breaks.__name__}-{plant.path}")
def test_a_planted_violation_breaks_its_rule_and_no_other(
    plant: Plant, copy: House, before: dict[str, set[str]]
) -> None:
    copy.plant(plant.path, plant.text)

    broken = {name: set(rule(copy)) - before[name] for name, rule in RULES.items()}
    [name] = [name for name, violations in broken.items() if violations]
    assert name == plant.breaks.__name__
    assert any(plant.says in violation for violation in broken[name])


def test_two_services_with_a_table_of_the_same_name_are_caught(copy: House) -> None:
    copy.plant(f"{ORDERS}/migrations/0002_users.sql", "create table users (id bigint);\n")

    assert list(sql.tables_have_one_owner(copy)) == ["users is created by orders and by users"]


def test_an_event_of_another_service_is_not_published(copy: House) -> None:
    copy.plant(f"{ORDERS}/domain.py", "FALSE = UserCreated(UserId(1), 'Hieu', 'hieu@test.com')\n")

    [violation] = documents.events_are_published_by_their_service(copy)

    assert violation == "orders makes UserCreated, which users alone may say"


def test_every_rule_has_a_planted_violation() -> None:
    alone = {"tables_have_one_owner"}  # it can't be broken without breaking another: see above

    assert {plant.breaks.__name__ for plant in PLANTS} | alone == set(RULES)
