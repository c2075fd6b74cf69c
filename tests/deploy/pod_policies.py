"""Rules for pods, whoever owns them. Each gives its violations as text."""

import re
from collections.abc import Iterator, Sequence

from deploy.network import selects
from deploy.rendering import Object, image, named, of_kind, pods, settings

USER = 10001
"""Whom the images name as theirs."""
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
LIVE = {"service": "/health/live", "gateway": "/health"}
READY = {"service": "/health/ready", "gateway": "/health"}
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
ADDED = {"gateway": ["NET_BIND_SERVICE"]}
"""Capabilities that a container may add; Pod Security allows no other to anyone."""


def pods_are_restricted(objects: Sequence[Object]) -> Iterator[str]:
    """As Pod Security's `restricted` asks, and without a token of Kubernetes."""
    for each in pods(objects):
        context = each.spec.get("securityContext", {})
        if context != RESTRICTED:
            yield f"{each.name}: its securityContext is {context}"
        for key in ("automountServiceAccountToken", "enableServiceLinks"):
            if each.spec.get(key) is not False:
                yield f"{each.name}: {key} should be false"
        for key in ("hostNetwork", "hostPID", "hostIPC", "serviceAccountName"):
            if key in each.spec:
                yield f"{each.name}: {key} should not be there"


def containers_are_restricted(objects: Sequence[Object]) -> Iterator[str]:
    """No more may be done than by whoever started it, and nothing written."""
    for each in pods(objects):
        for container in each.containers:
            capabilities: dict[str, list[str]] = {"drop": ["ALL"]}
            if added := ADDED.get(image(container)):
                capabilities["add"] = added
            context = container.get("securityContext", {})
            if context != {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": capabilities,
            }:
                yield f"{each.name}, {container['name']}: its securityContext is {context}"


def volumes_hold_no_host(objects: Sequence[Object]) -> Iterator[str]:
    """Volumes are secrets and bounded scratch; every one is mounted, and every mount has one."""
    for each in pods(objects):
        volumes = {volume["name"]: volume for volume in each.spec.get("volumes", ())}
        mounted = {
            mount["name"] for one in each.containers for mount in one.get("volumeMounts", ())
        }
        for name in sorted(mounted ^ set(volumes)):
            what = "is mounted nowhere" if name in volumes else "is not there"
            yield f"{each.name}: the volume {name} {what}"
        for name, volume in volumes.items():
            (kind,) = set(volume) - {"name"}
            if kind not in {"secret", "projected", "emptyDir"}:
                yield f"{each.name}: the volume {name} is a {kind}"
            if kind == "emptyDir" and "sizeLimit" not in volume["emptyDir"]:
                yield f"{each.name}: the volume {name} has no limit"
            if kind in {"secret", "projected"} and volume[kind].get("defaultMode") != 0o440:
                yield f"{each.name}: the volume {name} may be read by everyone"


def images_are_pinned(objects: Sequence[Object]) -> Iterator[str]:
    """A registry, a name, and a version that is one: `latest` is another program tomorrow."""
    used = [(each.name, one["image"]) for each in pods(objects) for one in each.containers]
    used += [(named(each), each["spec"]["imageName"]) for each in of_kind(objects, "Cluster")]
    used += [(named(each), each["spec"]["image"]) for each in of_kind(objects, "RabbitmqCluster")]
    for who, reference in used:
        host, _, rest = reference.partition("/")
        _, _, tag = rest.rpartition(":")
        if not rest or not ("." in host or host == "localhost"):
            yield f"{who}: {reference} names no registry"
        if ":" not in rest or tag in {"", "latest", "main", "edge"}:
            yield f"{who}: {reference} names no version"


def containers_have_bounds(objects: Sequence[Object]) -> Iterator[str]:
    """Requests and limits of both; memory that is promised is never more than may be used."""
    for each in pods(objects):
        for container in each.containers:
            resources = container.get("resources", {})
            wanted, most = resources.get("requests", {}), resources.get("limits", {})
            if set(wanted) != {"cpu", "memory"} or set(most) != {"cpu", "memory"}:
                yield f"{each.name}, {container['name']}: requests {wanted}, limits {most}"
            elif _bytes(wanted["memory"]) > _bytes(most["memory"]):
                yield f"{each.name}, {container['name']}: its limit is below what it requests"


def probes_ask_the_right_thing(objects: Sequence[Object]) -> Iterator[str]:
    """Alive asks nothing of others, ready asks all that answers need; the first one waits longest.

    A process that is stuck is not restarted before a slow start could have ended.
    """
    for each in pods(objects, "Deployment"):
        for container in each.spec["containers"]:
            what, who = image(container), f"{each.name}, {container['name']}"
            paths = {
                "startupProbe": LIVE[what],
                "livenessProbe": LIVE[what],
                "readinessProbe": READY[what],
            }
            for name, path in paths.items():
                asked = container.get(name, {}).get("httpGet")
                if asked != {"path": path, "port": "http"}:
                    yield f"{who}: {name} asks {asked}, and should ask {path}"
            starting = container.get("startupProbe", {})
            patience = starting.get("periodSeconds", 10) * starting.get("failureThreshold", 3)
            if what == "service" and patience < 60:  # `serve` itself waits 30 s for its database
                yield f"{who}: it is given up {patience} s after its start"


def roll_outs_lose_nobody(objects: Sequence[Object]) -> Iterator[str]:
    """A new pod is ready before an old one is told to go, and there is one to go back to."""
    for each in pods(objects, "Deployment"):
        strategy = each.owner["spec"].get("strategy", {})
        if strategy != {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}:
            yield f"{each.name}: its strategy is {strategy}"
        if each.owner["spec"].get("revisionHistoryLimit", 10) < 1:
            yield f"{each.name}: there is nothing to roll back to"


def pods_have_time_to_stop(objects: Sequence[Object]) -> Iterator[str]:
    """It answers while anyone may still know its address, and is not killed while it finishes.

    It is known until enough probes have failed, CoreDNS forgets (5 s) and the gateway asks (1 s).
    """
    for each in pods(objects, "Deployment"):
        container = each.spec["containers"][0]
        drain, stop = _time_to_stop(objects, container)
        probe = container.get("readinessProbe", {})
        failing = probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
        known = failing + probe.get("timeoutSeconds", 1) + 6
        if drain < known:
            yield f"{each.name}: it drains for {drain} s, and is known for {known} s"
        grace = each.spec.get("terminationGracePeriodSeconds", 30)
        if stop < drain + 5 or grace < stop + 5:
            yield f"{each.name}: drain {drain} s, stop {stop} s, grace {grace} s leave no time"


def pods_are_spread(objects: Sequence[Object]) -> Iterator[str]:
    """Over zones and over machines, by a selector that means these pods."""
    for each in pods(objects, "Deployment"):
        spread = each.spec.get("topologySpreadConstraints", ())
        over = {one["topologyKey"] for one in spread if selects(one["labelSelector"], each.labels)}
        for key in sorted({"topology.kubernetes.io/zone", "kubernetes.io/hostname"} - over):
            yield f"{each.name}: is not spread over {key}"


def deployments_have_a_budget(objects: Sequence[Object]) -> Iterator[str]:
    """Exactly one, which lets a node be drained also where there is one pod."""
    budgets = list(of_kind(objects, "PodDisruptionBudget"))
    for each in pods(objects, "Deployment"):
        its = [one for one in budgets if selects(one["spec"]["selector"], each.labels)]
        if [one["spec"].get("maxUnavailable") for one in its] != [1]:
            yield f"{each.name}: its budgets are {[one['spec'] for one in its]}"


def selectors_mean_one_deployment(objects: Sequence[Object]) -> Iterator[str]:
    """A Service's or a Deployment's selector means the pods of one Deployment, and no Job's."""
    everyone = list(pods(objects))
    for each in of_kind(objects, "Service", "Deployment"):
        selector = each["spec"]["selector"]
        labels = selector if each["kind"] == "Service" else selector["matchLabels"]
        meant = [one.name for one in everyone if selects({"matchLabels": labels}, one.labels)]
        if meant != [f"Deployment {each['metadata']['name']}"]:
            yield f"{named(each)}: its selector means {meant}"


def _time_to_stop(objects: Sequence[Object], container: Object) -> tuple[int, int]:
    """For how long it answers after it was told to go, and after how long it has ended."""
    if image(container) == "gateway":
        drain = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        return drain, drain + 5  # the Caddyfile's grace_period
    told = settings(objects, container)
    return int(told.get("DRAIN_SECONDS", "0")), int(told.get("STOP_SECONDS", "10"))


def _bytes(quantity: str) -> int:
    found = re.fullmatch(r"(\d+)(Ki|Mi|Gi)", quantity)
    assert found, f"a unit of memory that is not known here: {quantity}"
    return int(found[1]) * UNITS[found[2]]


POLICIES = [
    pods_are_restricted,
    containers_are_restricted,
    volumes_hold_no_host,
    images_are_pinned,
    containers_have_bounds,
    probes_ask_the_right_thing,
    roll_outs_lose_nobody,
    pods_have_time_to_stop,
    pods_are_spread,
    deployments_have_a_budget,
    selectors_mean_one_deployment,
]
