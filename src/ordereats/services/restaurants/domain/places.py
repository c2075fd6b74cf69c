"""How places and words are found. Pure."""

import math
import re
import unicodedata

from ordereats.contracts.places import EARTH_M


def chord_m(ground_m: float) -> float:
    """The straight line through the earth that belongs to a way over the ground."""
    return 2 * EARTH_M * math.sin(min(ground_m / (2 * EARTH_M), math.pi / 2))


def words(*texts: str | None) -> list[str]:
    """What text is found by: its words, without case and accents: `Phở` is found by `pho`."""
    whole = unicodedata.normalize("NFKD", " ".join(text for text in texts if text))
    bare = "".join(each for each in whole if not unicodedata.combining(each))
    return sorted(set(re.findall(r"[^\W_]+", bare.casefold().replace("đ", "d"))))


def query(text: str) -> str:
    """For PostgreSQL's text search: every word of the text, or its beginning; empty: no word."""
    return " & ".join(f"'{word}':*" for word in words(text))
