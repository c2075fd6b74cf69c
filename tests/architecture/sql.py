"""Rules of SQL: whose tables it names, and where it stands. Each gives its violations as text."""

import ast
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from architecture.house import House, tree

_STATEMENT = re.compile(
    r"\s*(?:select|insert into|update|delete from|with \w+ as|merge into|truncate|lock table"
    r"|create (?:table|index|unique index)|alter table|drop)\s",
    re.IGNORECASE,
)
_CREATE_TABLE = re.compile(r"\bcreate (?:unlogged )?table (?:if not exists )?(\w+)", re.IGNORECASE)
_SAID = re.compile(r"--.*|\bcomment on .*? is '(?:[^']|'')*'", re.DOTALL | re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*")


def sql_stands_in_the_store(house: House) -> Iterator[str]:
    """Every other file of a service calls a function of its store."""
    for service in house.services:
        for file in _modules(service):
            if not _is_store(file, service):
                for line, _ in _statements(file):
                    yield f"{house.name(file)}:{line}: SQL belongs into store.py"


def sql_names_only_own_tables(house: House) -> Iterator[str]:
    """A service that reads another's table runs in one topology and in no other."""
    owners = _owners(house)
    for owner, folder in _folders(house).items():
        foreign = {table for table, its in owners if its != owner}
        for where, statement in _all_sql(house, folder):
            for table in sorted(_words(statement) & foreign):
                yield f"{where}: {owner} names {table}, which is not its own"


def tables_have_one_owner(house: House) -> Iterator[str]:
    """Names differ, because the monolith puts all tables side by side."""
    for (table, one), (other_table, other) in combinations(_owners(house), 2):
        if table == other_table:
            yield f"{table} is created by {one} and by {other}"


def tables_of(folder: Path) -> list[str]:
    """The tables that the SQL files in a folder create."""
    return [
        str(table)
        for file in sorted(folder.rglob("*.sql"))
        for table in _CREATE_TABLE.findall(_COMMENT.sub("", file.read_text(encoding="utf-8")))
    ]


def _folders(house: House) -> dict[str, Path]:
    own = {service.name: service for service in house.services}
    return {"chassis": house.package / "chassis", **own}


def _owners(house: House) -> list[tuple[str, str]]:
    return [
        (table, owner) for owner, folder in _folders(house).items() for table in tables_of(folder)
    ]


def _all_sql(house: House, folder: Path) -> Iterator[tuple[str, str]]:
    for file in _modules(folder):
        for line, statement in _statements(file):
            yield f"{house.name(file)}:{line}", statement
    for file in sorted(folder.rglob("*.sql")):
        yield house.name(file), _SAID.sub("", file.read_text(encoding="utf-8"))


def _modules(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.rglob("*.py"))


def _is_store(file: Path, service: Path) -> bool:
    return file.relative_to(service).parts[0] in {"store.py", "store"}


def _statements(file: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module that are SQL; what an f-string puts in is one word of it."""
    module = tree(file)
    parts = {
        id(part)
        for node in ast.walk(module)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else " x " for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = "" if id(node) in parts else node.value
        else:
            continue
        if _STATEMENT.match(text) and not text.split()[0].istitle():  # "Select" begins a sentence
            yield node.lineno, text


def _words(statement: str) -> set[str]:
    words = re.findall(r"\w+", statement.lower())
    return {*words, *(word.removesuffix("_id_seq") for word in words)}
