"""What `kubectl apply -k` would send: manifests as kustomize renders them. It judges nothing."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml  # type: ignore[import-untyped]  # its stubs are another package

Object: TypeAlias = dict[str, Any]

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("local", "production")
IMAGES = {"ordereats": "service", "ordereats-gateway": "gateway"}
"""Those that are built here, and what is in them."""


@dataclass(frozen=True, slots=True)
class Pods:
    """Those of one object, whoever makes them.

    Attributes:
        owner: the Deployment or the Job.
        template: their labels and their `spec`.
    """

    owner: Object
    template: Object

    @property
    def name(self) -> str:
        """As a message shows it."""
        return named(self.owner)

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.template["metadata"]["labels"]
        return labels

    @property
    def spec(self) -> Object:
        spec: Object = self.template["spec"]
        return spec

    @property
    def containers(self) -> list[Object]:
        """All of them, also those that run beside or before the first."""
        return [*self.spec["containers"], *self.spec.get("initContainers", ())]


def kubectl() -> str | None:
    """The program, or None if it is nowhere to be found. It brings kustomize along."""
    beside_python = Path(sys.executable).parent / "kubectl"
    return str(beside_python) if beside_python.exists() else shutil.which("kubectl")


def render(program: str, overlay: str) -> list[Object]:
    """All objects of an overlay. No cluster is asked."""
    command = [program, "kustomize", str(MANIFESTS / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, f"kustomize warns: {done.stderr}"
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


def named(thing: Object) -> str:
    """An object as a message shows it: `Deployment orders`."""
    return f"{thing['kind']} {thing['metadata']['name']}"


def of_kind(objects: Sequence[Object], *kinds: str) -> Iterator[Object]:
    """The objects of these kinds."""
    return (each for each in objects if each["kind"] in kinds)


def pods(objects: Sequence[Object], *kinds: str) -> Iterator[Pods]:
    """The pods of all Deployments and Jobs, or of one kind of them."""
    for each in of_kind(objects, *(kinds or ("Deployment", "Job"))):
        yield Pods(each, each["spec"]["template"])


def image(container: Object) -> str:
    """What is in a container's image, if it is ours: `service` or `gateway`; else nothing."""
    name = container["image"].partition("@")[0].rpartition(":")[0].rpartition("/")[2]
    return IMAGES.get(name, "")


def settings(objects: Sequence[Object], container: Object) -> dict[str, str]:
    """The environment that a container is given, as far as it is text and known."""
    found: dict[str, str] = {}
    maps = {each["metadata"]["name"]: each["data"] for each in of_kind(objects, "ConfigMap")}
    for source in container.get("envFrom", ()):
        found |= maps.get(source.get("configMapRef", {}).get("name"), {})
    return found | {each["name"]: each.get("value", "") for each in container.get("env", ())}
