"""The manifests are what Kubernetes takes and what we ask of them, and each policy bites."""

import re
from collections.abc import Mapping
from copy import deepcopy

import pytest

from deploy import plants, pod_plants
from deploy.custom import FORMS, schema_errors
from deploy.planting import Plant
from deploy.policies import OF_PRODUCTION, POLICIES
from deploy.rendering import OVERLAYS, Object, named

NEWEST = "1.37"
"""Whose schemas are here."""
PLANTS = [*plants.PLANTS, *pod_plants.PLANTS]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("rule", POLICIES)
def test_a_policy_holds(rule: str, overlay: str, overlays: Mapping[str, list[Object]]) -> None:
    assert list(POLICIES[rule](overlays[overlay])) == []


@pytest.mark.parametrize("rule", OF_PRODUCTION)
def test_a_policy_of_production_holds(rule: str, production: list[Object]) -> None:
    assert list(OF_PRODUCTION[rule](production)) == []


@pytest.mark.parametrize(
    "plant", PLANTS, ids=lambda plant: f"{plant.breaks.__name__}: {plant.says}"
)
def test_a_planted_violation_is_caught(plant: Plant, production: list[Object]) -> None:
    (whole,) = [each for each in production if named(each) == plant.where]
    planted = deepcopy(whole)
    plant.change(planted)

    found = list(plant.breaks([planted if each is whole else each for each in production]))

    assert any(plant.says in violation for violation in found), found


def test_every_policy_has_a_planted_violation() -> None:
    assert {plant.breaks.__name__ for plant in PLANTS} == {*POLICIES, *OF_PRODUCTION}


def test_each_kind_is_still_there_in_the_newest_kubernetes(production: list[Object]) -> None:
    one_of_each = {each["kind"]: each for each in production}.values()

    errors = [error for each in one_of_each for error in schema_errors(each, version=NEWEST)]

    assert errors == []


def test_every_form_of_an_operators_object_is_used(production: list[Object]) -> None:
    forms = {(version, kind) for version, kinds in FORMS.items() for kind in kinds}

    assert forms <= {(each["apiVersion"], each["kind"]) for each in production}


def test_a_change_of_a_setting_is_a_new_roll_out(production: list[Object]) -> None:
    maps = [each["metadata"]["name"] for each in production if each["kind"] == "ConfigMap"]

    assert all(re.fullmatch(r"[a-z]+-[a-z0-9]{10}", name) for name in maps)
