"""Rules of tidiness: sizes, and what a comment may excuse. Each gives its violations as text."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache

from architecture.house import House

MOST_LINES_OF_FUNCTION = 60
MOST_LINES_OF_FILE = 400

_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b(?! ?\(?#\d)")
_COMMENT = re.compile(r"(?:--|#).*")
_EXCUSE = re.compile(r"noqa|type: ignore|pragma: no cover|mypy: |ruff: |fmt: ")
_FULL_EXCUSE = re.compile(
    r"#\s(?:(?:ruff: )?noqa: [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)*"
    r"|type: ignore\[[a-z-]+(?:, [a-z-]+)*\])\s\s(?=#\s\S)"
)


def functions_are_short(house: House) -> Iterator[str]:
    """60 lines at most."""
    for file in house.code(".py"):
        for name, first, lines in _functions(file.read_text(encoding="utf-8")):
            if lines > MOST_LINES_OF_FUNCTION:
                yield f"{house.name(file)}:{first}: {name} has {lines} lines"


def files_are_short(house: House) -> Iterator[str]:
    """400 lines at most."""
    for file in house.code(".py", ".sql"):
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES_OF_FILE:
            yield f"{house.name(file)}: {lines} lines"


def unfinished_work_has_an_issue(house: House) -> Iterator[str]:
    """`TODO(#12)` can be found again; a bare one is forgotten."""
    for where, comment in _comments(house):
        if _UNFINISHED.search(comment):
            yield f"{where}: {comment} (which issue?)"


def excuses_have_a_code_and_a_reason(house: House) -> Iterator[str]:
    """`# noqa: S608  # a constant`: what is excused, and why that is right here."""
    for where, comment in _python_comments(house):
        if _EXCUSE.search(comment) and _EXCUSE.search(_FULL_EXCUSE.sub("", comment)):
            yield f"{where}: {comment} (which code, and why?)"


def _comments(house: House) -> Iterator[tuple[str, str]]:
    yield from _python_comments(house)
    for file in house.code(".sql", ".toml", ".yml", ".yaml", ".sh"):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            for comment in _COMMENT.findall(line):
                yield f"{house.name(file)}:{number}", comment


def _python_comments(house: House) -> Iterator[tuple[str, str]]:
    for file in house.code(".py"):
        for line, comment in _comments_of(file.read_text(encoding="utf-8")):
            yield f"{house.name(file)}:{line}", comment


@cache  # most files of most copies are the same
def _functions(source: str) -> list[tuple[str, int, int]]:
    """Of each function: its name, its first line, how many it has."""
    return [
        (node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@cache
def _comments_of(source: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [(each.start[0], each.string) for each in tokens if each.type == tokenize.COMMENT]
