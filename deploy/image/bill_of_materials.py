"""Writes down what is in an image: `python bill_of_materials.py ENVIRONMENT FILE`.

A CycloneDX 1.6 document, read from what is installed and not from what should be: our libraries,
Python, and the packages of the base's distribution. The same image gets the same document.
"""

import json
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

DPKG = Path("/var/lib/dpkg/status")
RELEASE = Path("/etc/os-release")


def main(environment: Path, target: Path) -> None:
    """Write it."""
    (site,) = environment.glob("lib/python3*/site-packages")
    installed = sorted(distributions(path=[str(site)]), key=lambda each: each.name.lower())
    (ours,) = [each for each in installed if each.name == "ordereats"]
    others = [each for each in installed if each is not ours]
    components = [*map(library, others), interpreter(), *packages()]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**library(ours), "type": "application"}},
        "components": components,
        "dependencies": [
            {"ref": purl(each), "dependsOn": sorted(needed(each, installed))} for each in installed
        ],
    }
    name = f"https://cyclonedx.org/{json.dumps(document, sort_keys=True)}"
    document["serialNumber"] = f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"
    target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def library(found: Distribution) -> dict[str, Any]:
    """A library of Python's."""
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl(found),
        "name": found.name,
        "version": found.version,
        "purl": purl(found),
    }
    if license_ := found.metadata.get("License-Expression"):
        component["licenses"] = [{"expression": license_}]
    return component


def interpreter() -> dict[str, Any]:
    """Python itself, by which this runs and the image will."""
    version = platform.python_version()
    of = f"pkg:generic/python@{version}"
    return {"type": "platform", "bom-ref": of, "name": "python", "version": version, "purl": of}


def packages() -> Iterator[dict[str, Any]]:
    """What the base has from its distribution."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)', RELEASE.read_text(), re.MULTILINE))
    for paragraph in DPKG.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^(\S+): (.*)", paragraph, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            name, version = fields["Package"], fields["Version"]
            of = f"pkg:deb/{release['ID']}/{name}@{version}?arch={fields['Architecture']}"
            of = of.replace("+", "%2B").replace("~", "%7E")
            yield {"type": "library", "bom-ref": of, "name": name, "version": version, "purl": of}


def needed(by: Distribution, installed: list[Distribution]) -> Iterator[str]:
    """Which of those that are installed it asks for."""
    named = {normal(re.split(r"[^\w.-]", each, maxsplit=1)[0]) for each in by.requires or ()}
    return (purl(each) for each in installed if normal(each.name) in named)


def purl(found: Distribution) -> str:
    """Its name for tools."""
    return f"pkg:pypi/{normal(found.name)}@{found.version}"


def normal(name: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
