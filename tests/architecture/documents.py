"""Rules of documents: what they say of the code is so. Each gives its violations as text."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from architecture.house import House, called, tree
from architecture.sql import tables_of

HEADINGS = ["Owns", "Publishes", "Consumes", "Calls", "Invariants", "When it breaks"]
"""Of a service's README, in this order."""

_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"[\w.<>*-]+(?:/[\w.<>*…-]*)*(?:::\w+)?")
_KINDS = frozenset({".py", ".md", ".sql", ".toml", ".yml", ".yaml", ".json", ".lock", ".sh"})
_ITEM = re.compile(r"^- `([^`]+)`", re.MULTILINE)
_NAMED = re.compile(r"`([a-z_]+\.[a-z_]+)`")
_SETTING = re.compile(r"[A-Z]+(_[A-Z]+)*")
_READERS = frozenset({"text", "optional", "whole", "seconds", "share", "choice", "url", "amount"})
"""What reads a setting, by its name: `Environment`'s, and the one that a service has made of it."""
_SHORT = re.compile(r"ordereats\.(\w+\.\w+?)(?:\.v1)?")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a service does, read from its code.

    Attributes:
        owns: tables, by its migrations.
        publishes: the short names of the events that it makes.
        consumes: the short names of the events that it has an effect for.
        calls: the services that its clients ask.
    """

    owns: frozenset[str]
    publishes: frozenset[str]
    consumes: frozenset[str]
    calls: frozenset[str]


def paths_in_documents_exist(house: House) -> Iterator[str]:
    """A path in backticks, a link, and `tests/…/test_x.py::test_name` lead somewhere."""
    names = {file.name for file in house.code(*_KINDS)}
    for document in house.documents:
        text = _FENCED.sub("", document.read_text(encoding="utf-8"))
        quoted = [each for each in _QUOTED.findall(text) if _is_path(house, document, each)]
        links = [each for each in _LINK.findall(text) if not re.match(r"[a-z]+:|#", each)]
        for path in [*quoted, *links]:
            if not (_leads_somewhere(house, document, path) or path in names):
                yield f"{house.name(document)}: {path} does not exist"


def services_have_a_readme_with_its_headings(house: House) -> Iterator[str]:
    """The six, in their order."""
    for service in house.services:
        if list(_sections(service)) != HEADINGS:
            yield f"{service.name}: the headings of README.md should be {', '.join(HEADINGS)}"


def readmes_say_what_the_code_does(house: House) -> Iterator[str]:
    """Tables, events and calls: each begins a line of the README, ``- `order.placed` …``."""
    facts = read_facts(house)
    for service in house.services:
        sections = _sections(service)
        its = facts[service.name]
        for heading, true in zip_longest(
            HEADINGS[:4], [its.owns, its.publishes, its.consumes, its.calls]
        ):
            said = set(_ITEM.findall(sections.get(heading, "")))
            for name in sorted(said ^ true):
                what = "is not so" if name in said else "is missing"
                yield f"{service.name}: README.md, {heading}: {name} {what}"


def events_are_published_by_their_service(house: House) -> Iterator[str]:
    """Only orders says `order.…`, and it does say each: an event that nobody makes is a rumour."""
    events = _events(house)
    made = {
        (service.name, name)
        for service in house.services
        for file in service.rglob("*.py")
        for name in called(tree(file))
        if name in events
    }
    for service, name in sorted(made):
        if events[name].owner != service:
            yield f"{service} makes {name}, which {events[name].owner} alone may say"
    for name in sorted(set(events) - {name for _, name in made}):
        yield f"{name} is an event that nobody publishes"


def failpoints_have_a_line_in_the_manual(house: House) -> Iterator[str]:
    """Each place where a process can be told to crash, and no line for one that is not there."""
    made = {name for file in house.package.rglob("*.py") for name in _failpoints(tree(file))}
    text = (house.root / "docs" / "running.md").read_text(encoding="utf-8")
    table = text.partition("| place | when |")[2].partition("\n\n")[0]
    places = [line.partition(" | ")[0] for line in table.splitlines()]
    explained = {name for place in places for name in _NAMED.findall(place)}
    for name in sorted(made ^ explained):
        what = "has no line" if name in made else "is not there"
        yield f"docs/running.md: the failpoint {name} {what}"


def settings_are_known_and_explained(house: House) -> Iterator[str]:
    """What the code reads of the environment is in the list, and has a line in the manual."""
    read = {name for file in house.package.rglob("*.py") for name in _settings_read(tree(file))}
    known = set(_settings_listed(tree(house.package / "topology" / "known_settings.py")))
    text = (house.root / "docs" / "running.md").read_text(encoding="utf-8")
    table = text.partition("| variable | default |")[2].partition("\n\n")[0]
    named = [line.split(" | ")[0] for line in table.splitlines()]
    explained = {name for names in named for name in _QUOTED.findall(names)}
    for name in sorted(read | known | explained):
        for what, names in (("read", read), ("known", known), ("explained", explained)):
            if name not in names:
                yield f"the setting {name} is not {what}"


def read_facts(house: House) -> dict[str, Facts]:
    """What each service does, by its name."""
    events, callees = _events(house), _callees(house)
    facts = {}
    for service in house.services:
        modules = [tree(file) for file in sorted(service.rglob("*.py"))]
        effects = [name for module in modules for name in _effects(module)]
        facts[service.name] = Facts(
            owns=frozenset(tables_of(service)),
            publishes=frozenset(
                events[name].short
                for module in modules
                for name in called(module)
                if name in events
            ),
            consumes=frozenset(events[name].short for name in effects if name in events),
            calls=frozenset(
                callees[node.id]
                for module in modules
                for node in ast.walk(module)
                if isinstance(node, ast.Name) and node.id in callees
            )
            - {service.name},
        )
    return facts


@dataclass(frozen=True, slots=True)
class _Event:
    short: str
    owner: str


def _events(house: House) -> dict[str, _Event]:
    """The events of the contracts, by the name of their class; a module's are its service's."""
    found = {}
    for file in house.contracts:
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.ClassDef):
                tags = [each.value for each in node.keywords if each.arg == "tag"]
                for tag in tags:
                    wire = tag.value if isinstance(tag, ast.Constant) else ""
                    short = _SHORT.fullmatch(str(wire))
                    found[node.name] = _Event(short[1] if short else str(wire), file.stem)
    return found


def _callees(house: House) -> dict[str, str]:
    """The service that answers each `Call` of the contracts, by the name of the constant."""
    found = {}
    for file in house.contracts:
        for node in tree(file).body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and getattr(node.value.func, "id", "") == "Call"
                and isinstance(node.targets[0], ast.Name)
                and isinstance(node.value.args[0], ast.Constant)
            ):
                found[node.targets[0].id] = str(node.value.args[0].value)
    return found


def _effects(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"effect", "versioned"}:
            yield from (each.id for each in node.args[:1] if isinstance(each, ast.Name))


def _failpoints(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Failpoint":
            yield from (str(each.value) for each in node.args[:1] if isinstance(each, ast.Constant))


def _settings_read(module: ast.Module) -> Iterator[str]:
    """The names that are read, in whatever way: `environment.url("X", …)`, `envvar="X"`, f"…_X"."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            asked = node.args[:1] if name in _READERS else []
            asked += [each.value for each in node.keywords if each.arg == "envvar"]
            said = [str(each.value) for each in asked if isinstance(each, ast.Constant)]
            yield from (each for each in said if _SETTING.fullmatch(each))
        if isinstance(node, ast.JoinedStr):
            yield from _settings_of_services(node)


def _settings_of_services(text: ast.JoinedStr) -> Iterator[str]:
    """Of `f"{name.upper()}_URL"`: `<SERVICE>_URL`."""
    name, *ends = text.values
    is_loud = isinstance(name, ast.FormattedValue) and ast.unparse(name.value).endswith(".upper()")
    for end in ends if is_loud else ():
        if isinstance(end, ast.Constant) and _SETTING.fullmatch(str(end.value)[1:]):
            yield f"<SERVICE>{end.value!s}"


def _settings_listed(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            before = {"ALONE": "", "OF_A_SERVICE": "<SERVICE>_"}.get(node.targets[0].id)
            for each in ast.walk(node.value) if before is not None else ():
                if isinstance(each, ast.Constant):
                    yield f"{before}{each.value!s}"


def _sections(service: Path) -> dict[str, str]:
    """The text under each heading of a service's README."""
    file = service / "README.md"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    _, *parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _is_path(house: House, document: Path, text: str) -> bool:
    """Whether it is meant as a path of the repository: not a route, a name or a command."""
    first, _, _ = text.partition("/")
    if not _PATH.fullmatch(text) or first in house.ignored:
        return False
    if Path(text.partition("::")[0]).suffix in _KINDS:
        return True
    return "/" in text and any((base / first).is_dir() for base in _bases(house, document))


def _leads_somewhere(house: House, document: Path, text: str) -> bool:
    path, _, test = text.partition("#")[0].partition("::")
    pattern = re.sub(r"<[^>]*>|…", "*", path).rstrip("/")
    for base in _bases(house, document):
        for found in base.glob(pattern):
            if not test or f"def {test}(" in found.read_text(encoding="utf-8"):
                return True
    return (document.parent / path).exists() and not test


def _bases(house: House, document: Path) -> list[Path]:
    return [document.parent, house.root, house.package]
