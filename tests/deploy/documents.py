"""What the manual says of settings and secrets, as the policies compare with it."""

import re
from functools import cache

from deploy.rendering import ROOT
from ordereats.topology import catalog

_ROW = re.compile(r"^\| (.+?) \|", re.MULTILINE)
_NAME = re.compile(r"`([A-Z<][A-Z_<>]+)`")
_SECRET = re.compile(r"^\| `([a-z<>-]+)` \| (.+?) \|", re.MULTILINE)
_KEY = re.compile(r"`([a-z-]+)`")


@cache
def known_settings() -> frozenset[str]:
    """Every name in the table of settings, and the name of a file that holds it."""
    text = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    table = text.partition("\n## Settings\n")[2].partition("\n## ")[0]
    names = {name for row in _ROW.findall(table) for name in _NAME.findall(row)}
    told = {
        name.replace("<SERVICE>", service.upper()) for name in names for service in catalog.SERVICES
    }
    return frozenset(told | {f"{name}_FILE" for name in told})


@cache
def known_secrets() -> frozenset[tuple[str, str]]:
    """Every secret that somebody has to bring, by its name and the name of a key in it."""
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    table = text.partition("\n## Secrets\n")[2].partition("\n## ")[0]
    return frozenset(
        (name.replace("<service>", service), key)
        for name, keys in _SECRET.findall(table)
        for service in catalog.SERVICES
        for key in _KEY.findall(keys)
    )
