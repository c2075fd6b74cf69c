"""The manifests, rendered once for all tests."""

from collections.abc import Callable, Mapping
from typing import NoReturn

import pytest

from deploy.rendering import OVERLAYS, Object, kubectl, render


@pytest.fixture(scope="session")
def overlays(missing: Callable[[str], NoReturn]) -> Mapping[str, list[Object]]:
    """Give all objects of each overlay. They are shared: nobody changes them."""
    program = kubectl()
    if program is None:
        missing("kubectl, which renders deploy/kubernetes")
    return {name: render(program, name) for name in OVERLAYS}


@pytest.fixture
def production(overlays: Mapping[str, list[Object]]) -> list[Object]:
    """Give the objects of production."""
    return overlays["production"]
