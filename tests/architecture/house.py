"""The repository as the rules see it: its files, and a copy in which a violation is planted."""

import ast
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

CODE = ("src", "tests", "bench", "chaos")


@dataclass(frozen=True)
class House:
    """A tree of files, read from the disk; never imported."""

    root: Path

    @property
    def package(self) -> Path:
        return self.root / "src" / "ordereats"

    @property
    def contracts(self) -> list[Path]:
        return sorted((self.package / "contracts").glob("*.py"))

    @cached_property
    def services(self) -> list[Path]:
        """The folder of each service."""
        return sorted(each.parent for each in self.package.glob("services/*/service.py"))

    def code(self, *suffixes: str) -> Iterator[Path]:
        """Every file of the code with one of these suffixes."""
        for folder in CODE:
            for inside, folders, files in os.walk(self.root / folder):
                folders[:] = sorted(set(folders) - self.ignored)
                for name in sorted(files):
                    if Path(name).suffix in suffixes:
                        yield Path(inside, name)

    @cached_property
    def documents(self) -> list[Path]:
        """What people read."""
        nested = [*self.root.glob("docs/**/*.md"), *self.package.rglob("*.md")]
        return sorted([*self.root.glob("*.md"), *nested])

    @cached_property
    def ignored(self) -> frozenset[str]:
        """What git does not keep, by name."""
        lines = (self.root / ".gitignore").read_text(encoding="utf-8").split()
        return frozenset({".git", *(line.rstrip("/") for line in lines)})

    def name(self, file: Path) -> str:
        """The file's path, as a message shows it."""
        return file.relative_to(self.root).as_posix()

    def plant(self, path: str, text: str) -> None:
        """Add text to the end of a file, which need not be there yet."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as planted:
            planted.write(text)

    def copy(self, to: Path) -> "House":
        """All of it that git keeps, elsewhere."""
        ignore = shutil.ignore_patterns(*self.ignored)
        return House(Path(shutil.copytree(self.root, to, ignore=ignore)))


HERE = House(Path(__file__).resolve().parents[2])
"""The repository that these tests stand in."""


def tree(file: Path) -> ast.Module:
    """A module, parsed."""
    return _parsed(file.read_text(encoding="utf-8"))


def called(module: ast.Module) -> Iterator[str]:
    """The plain names that a module calls: `OrderPlaced(…)` gives `OrderPlaced`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


@cache  # most files of most copies are the same
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)
