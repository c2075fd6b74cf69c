"""What a docstring says of a struct, in the words of the wire: for the descriptions of the API."""

import re
from inspect import cleandoc

from msgspec import Struct
from msgspec.structs import fields


def told(kind: type[Struct]) -> tuple[str, dict[str, str]]:
    """What a struct's own docstring says of it, and of its attributes by their wire names."""
    wire_names = {each.name: each.encode_name for each in fields(kind)}
    text = re.sub(r"`[^`]+`", lambda code: _on_the_wire(code[0], wire_names), _own(kind))
    about, _, attributes = text.partition("\n\nAttributes:\n")
    said = re.findall(r"^    (\w+): (.+(?:\n {5,}.+)*)", attributes, re.MULTILINE)
    return about, {wire_names[name]: _null(" ".join(meaning.split())) for name, meaning in said}


def _own(kind: type[Struct]) -> str:
    """Not what it has from its base: that is about something else."""
    return cleandoc(kind.__doc__ or "")


def _null(meaning: str) -> str:
    return re.sub(r"\bNone\b", "`null`", meaning)


def _on_the_wire(code: str, wire_names: dict[str, str]) -> str:
    return re.sub(r"\w+", lambda word: wire_names.get(word[0], word[0]), code)
