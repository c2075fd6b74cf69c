"""Takes out of an image what its services don't need: `python slice.py ENVIRONMENT NAME…`.

Gone are the other services, the sandbox, and each library that only these import, with what only
that library needs. What stays is the contracts, the chassis, the services that are named, and the
program that serves them. `all` takes nothing out.
"""

import ast
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

DISTRIBUTION = re.compile(r"[A-Za-z0-9._-]+")


def main(environment: Path, names: list[str]) -> None:
    """Take them out."""
    if names == ["all"]:
        return
    (site,) = environment.glob("lib/python3*/site-packages")
    package = site / "ordereats"
    services = {
        folder.name: folder for folder in (package / "services").iterdir() if folder.is_dir()
    }
    if not names or (unknown := {*names} - {*services}):
        sys.exit(f"There is no service {', '.join(sorted(unknown)) or '…'}.")
    others = [folder for name, folder in services.items() if name not in names]
    gone = [*others, package / "sandbox"]
    lost = {module for folder in gone for module in imports(folder)}
    for folder in gone:
        shutil.rmtree(folder)
    for library in unneeded(site, lost - set(imports(package))):
        remove(library)


def imports(folder: Path) -> Iterator[str]:
    """The first part of the name of each module that is imported somewhere in a folder."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def unneeded(site: Path, modules: set[str]) -> list[Distribution]:
    """The libraries of these modules, and what nobody else needs."""
    installed = {normal(each.name): each for each in distributions(path=[str(site)])}
    of_modules = {name for name, each in installed.items() if modules & top_level(each)}
    needed: set[str] = set()
    waiting = [name for name in needs(installed["ordereats"]) if name not in of_modules]
    while waiting:
        name = waiting.pop()
        if name in installed and name not in needed:
            needed.add(name)
            waiting += needs(installed[name])
    return [each for name, each in installed.items() if name not in needed | {"ordereats"}]


def needs(library: Distribution) -> list[str]:
    """What it says that it needs; extras too, of which only what is installed counts."""
    found = (DISTRIBUTION.match(each) for each in library.requires or ())
    return [normal(match[0]) for match in found if match]


def top_level(library: Distribution) -> set[str]:
    """The modules that it brings."""
    return {Path(str(file)).parts[0].partition(".")[0] for file in library.files or ()}


def remove(library: Distribution) -> None:
    """Delete its files, and the folders that are empty then."""
    for file in library.files or ():
        path = Path(str(library.locate_file(file)))
        path.unlink(missing_ok=True)
        while (path := path.parent).is_dir() and not any(path.iterdir()):
            path.rmdir()


def normal(name: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
