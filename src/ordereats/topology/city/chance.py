"""Chance that comes out the same way each time: for each name, dice of its own."""

from random import Random


def dice(*name: object) -> Random:
    """Dice that always fall the same way for the same name, whoever else has thrown before."""
    return Random("/".join(map(str, name)))  # noqa: S311  # a city is no secret
