"""Rules for a whole set of objects, held against what the code says. Each gives its violations."""

import re
from collections.abc import Callable, Iterator, Sequence
from inspect import getsource

import typer

from deploy import documents, pod_policies
from deploy.custom import schema_errors
from deploy.network import INTERNET, NAMESPACE, Edge, edges, half_open, ways_out
from deploy.rendering import Object, Pods, image, named, of_kind, pods, settings
from ordereats.cli.main import app
from ordereats.topology import assembly, catalog
from ordereats.topology.broker.queues import queues

Policy = Callable[[Sequence[Object]], Iterator[str]]

STAGES = {"data", "migrate", "serve"}
PORT = 3000
NOT_HERE = {"FAILPOINTS", "STRICT_CALLS", "BREAKERS", "SHEDDING", "DATABASE_URL", "BROKER_URL"}
"""Settings that a manifest has no reason to name: for trials, or secrets that belong into files."""
_SECRET = re.compile(r"(KEY|SECRET|PASSWORD|TOKEN)$|CREDENTIAL")
_PASSWORD = re.compile(r"://[^/\s]*:[^/\s]+@")
_OPERATORS = 20
"""Connections that are left for a migration, for CloudNativePG and for people."""


def objects_have_their_form(objects: Sequence[Object]) -> Iterator[str]:
    """Each fits the schema of its kind, and nobody has two of a name."""
    seen = set()
    for each in objects:
        yield from (f"{named(each)}: {error}" for error in schema_errors(each))
        if named(each) in seen:
            yield f"{named(each)} is there twice"
        seen.add(named(each))


def objects_have_a_place_and_a_stage(objects: Sequence[Object]) -> Iterator[str]:
    """All are in our namespace, which is restricted, and in one of the steps of a roll-out."""
    for each in objects:
        metadata = each["metadata"]
        if each["kind"] != "Namespace" and metadata.get("namespace") != NAMESPACE:
            yield f"{named(each)}: its namespace is {metadata.get('namespace')}"
        if each["kind"] == "Namespace":
            enforced = metadata.get("labels", {}).get("pod-security.kubernetes.io/enforce")
            if (metadata["name"], enforced) != (NAMESPACE, "restricted"):
                yield f"{named(each)}: Pod Security is {enforced}"
        stage = metadata.get("labels", {}).get("ordereats/stage")
        if stage not in STAGES:
            yield f"{named(each)}: its stage is {stage}"


def secrets_are_only_named(objects: Sequence[Object]) -> Iterator[str]:
    """No object holds one, no environment shows one: processes read them from files."""
    yield from (f"{named(each)}: holds a secret" for each in of_kind(objects, "Secret"))
    for each in pods(objects):
        for container in each.containers:
            given = settings(objects, container).items()
            for name, value in given:
                if value and (_SECRET.search(name) or _PASSWORD.search(value)):
                    yield f"{each.name}: {name} shows a secret"
            for source in [*container.get("env", ()), *container.get("envFrom", ())]:
                if "secretKeyRef" in source.get("valueFrom", {}) or "secretRef" in source:
                    yield f"{each.name}: {source.get('name')} puts a secret into the environment"


def secrets_are_explained(objects: Sequence[Object]) -> Iterator[str]:
    """Each that is used is in the manual's table, or made by CloudNativePG."""
    made = {(f"{each['metadata']['name']}-app", "uri") for each in of_kind(objects, "Cluster")}
    used = {(name, key) for each in pods(objects) for name, key, _ in _secret_files(each)}
    for each in of_kind(objects, "TriggerAuthentication"):
        used |= {(one["name"], one["key"]) for one in each["spec"]["secretTargetRef"]}
    for each in of_kind(objects, "ObjectStore"):
        keys = each["spec"]["configuration"]["s3Credentials"].values()
        used |= {(one["name"], one["key"]) for one in keys}
    for name, key in sorted(used - made - documents.known_secrets()):
        yield f"docs/kubernetes.md: the secret {name} with its key {key} is not explained"


def settings_are_known(objects: Sequence[Object]) -> Iterator[str]:
    """Each is one of the manual, said once, and the file that it names is mounted where it says."""
    for each, container in _of_our_program(objects):
        names = [*_names_of_settings(objects, container)]
        for name in sorted({*names}):
            if name not in documents.known_settings() - NOT_HERE:
                yield f"{each.name}: {name} is no setting for here"
            if names.count(name) > 1:
                yield f"{each.name}: {name} is set twice"
        mounted = _mounted_files(each, container)
        for name, value in settings(objects, container).items():
            if name.endswith("_FILE") and value not in mounted:
                yield f"{each.name}: {name} is {value}, which nothing brings"


def maps_are_there(objects: Sequence[Object]) -> Iterator[str]:
    """A container that takes its settings from a ConfigMap finds it, and none is left over."""
    made = {each["metadata"]["name"] for each in of_kind(objects, "ConfigMap")}
    used = {
        source["configMapRef"]["name"]
        for _, container in _of_our_program(objects)
        for source in container.get("envFrom", ())
        if "configMapRef" in source
    }
    for name in sorted(made ^ used):
        yield f"ConfigMap {name} " + ("is used by nobody" if name in made else "is not there")


def commands_are_the_programs(objects: Sequence[Object]) -> Iterator[str]:
    """What a container is to run is something that `ordereats` can."""
    for each, container in _of_our_program(objects):
        arguments = container.get("args", [])
        if not _is_command(arguments):
            yield f"{each.name}: ordereats {' '.join(arguments)} is no command"


def every_service_is_there(objects: Sequence[Object]) -> Iterator[str]:
    """With its process, its name, its database and its migration; and no other is."""
    here = {named(each) for each in objects}
    served = {
        each.owner["metadata"]["name"]: container["args"]
        for each, container in _of_our_program(objects)
        if each.owner["kind"] == "Deployment" and container in each.spec["containers"]
    }
    for name, command in served.items():
        if command != ["serve", name]:
            yield f"{name}: it runs {command}"
    for name in sorted(_SERVICES ^ {*served}):
        yield f"{name}: " + ("has no Deployment" if name in _SERVICES else "is no service")
    for name in catalog.SERVICES:
        wanted = {f"Service {name}", f"Cluster {name}-database", f"Job {name}-migrate"}
        yield from (f"{name}: there is no {each}" for each in sorted(wanted - here))


def each_knows_whom_it_asks(objects: Sequence[Object]) -> Iterator[str]:
    """The addresses of those that it calls, and of no others."""
    for each, container in _of_our_program(objects):
        if each.owner["kind"] == "Deployment" and container in each.spec["containers"]:
            callees = catalog.CALLS.get(each.owner["metadata"]["name"], ())
            asked = {f"{one.upper()}_URL": f"http://{one}:{PORT}" for one in callees}
            given = settings(objects, container).items()
            told = {name: value for name, value in given if name in _ADDRESSES}
            if told != asked:
                yield f"{each.name}: it is told of {told}, and asks {asked}"


def who_reaches_whom_is_as_the_code_says(objects: Sequence[Object]) -> Iterator[str]:
    """No edge more, no edge less, each named at both ends; what nobody names is forbidden."""
    if not any(_forbids_everything(each["spec"]) for each in of_kind(objects, "NetworkPolicy")):
        yield "what no policy names is allowed"
    allowed, wanted = edges(objects), set(_wanted_edges())
    for edge in sorted(allowed - wanted):
        yield f"{edge} is allowed, and nobody needs it"
    for edge in sorted(wanted - allowed):
        yield f"{edge} is needed, and not allowed"
    for edge in sorted(half_open(objects)):
        yield f"{edge} is allowed at one end only"
    outside = {f"{name}-database" for name in catalog.SERVICES} | {"broker"}
    for edge in sorted(ways_out(objects)):
        to_api = edge.source in outside and edge.port in {443, 6443}
        to_world = (edge.source, edge.port) in _WORLD and edge.target == INTERNET
        if not (to_api or to_world):
            yield f"{edge} leads out of the cluster"


def requests_come_in_by_the_gateway(objects: Sequence[Object]) -> Iterator[str]:
    """Each entrance leads there, encrypted, and no Service is open to the world by itself."""
    for each in of_kind(objects, "Ingress"):
        hosts = {host for tls in each["spec"].get("tls", ()) for host in tls["hosts"]}
        for rule in each["spec"]["rules"]:
            if rule.get("host") not in hosts:
                yield f"{named(each)}: {rule.get('host')} has no TLS"
            for path in rule["http"]["paths"]:
                leads = path["backend"]["service"]["name"], path["path"], path["pathType"]
                if leads != ("gateway", "/", "Prefix"):
                    yield f"{named(each)}: {path['path']} leads to {leads[0]}"
    for each in of_kind(objects, "Service"):
        if each["spec"].get("type", "ClusterIP") != "ClusterIP":
            yield f"{named(each)}: is a {each['spec']['type']}"


def scalers_fit_what_they_scale(objects: Sequence[Object]) -> Iterator[str]:
    """Each scales one Deployment, which is there and has no number of its own; all or none."""
    scalers = of_kind(objects, "ScaledObject", "HorizontalPodAutoscaler")
    targets = [each["spec"]["scaleTargetRef"]["name"] for each in scalers]
    deployments = {each["metadata"]["name"]: each for each in of_kind(objects, "Deployment")}
    for name in sorted({*targets} - {*deployments}):
        yield f"{name} is to be scaled, and is not there"
    for name, deployment in deployments.items():
        if targets and targets.count(name) != 1:
            yield f"{name}: {targets.count(name)} scalers"
        if "replicas" in deployment["spec"]:
            yield f"{name}: a number of replicas, which each apply would set again"


def services_scale_by_cpu_and_their_queues(objects: Sequence[Object]) -> Iterator[str]:
    """By each queue that the service consumes, and by no other's."""
    for each in of_kind(objects, "ScaledObject"):
        name, triggers = each["metadata"]["name"], each["spec"]["triggers"]
        mine = {queue.name for queue in queues() if queue.name.startswith(f"{name}.")}
        measured = {one["metadata"].get("queueName") for one in triggers} - {None}
        if measured != mine:
            yield f"{named(each)}: scales by {sorted(measured)}"
        if [one["type"] for one in triggers].count("cpu") != 1:
            yield f"{named(each)}: does not scale by CPU"


def databases_have_room_for_every_pool(objects: Sequence[Object]) -> Iterator[str]:
    """The most processes, one more while rolling, each with all of its pool."""
    most = {each["metadata"]["name"]: 1 for each in of_kind(objects, "Deployment")}
    for each in of_kind(objects, "ScaledObject"):
        most[each["spec"]["scaleTargetRef"]["name"]] = each["spec"]["maxReplicaCount"]
    for each in of_kind(objects, "Cluster"):
        name = each["spec"]["bootstrap"]["initdb"]["database"]
        if each["spec"]["bootstrap"]["initdb"]["owner"] != name:
            yield f"{named(each)}: its owner is not {name}"
        needed = (most.get(name, 0) + 1) * pool_size() + _OPERATORS
        has = int(each["spec"]["postgresql"]["parameters"]["max_connections"])
        if needed > has:
            yield f"{named(each)}: {needed} connections are needed, and {has} allowed"


def it_outlives_a_machine(objects: Sequence[Object]) -> Iterator[str]:
    """Every process is there twice, every commit on two machines, every queue on three."""
    scalers = of_kind(objects, "ScaledObject", "HorizontalPodAutoscaler")
    for each in scalers:
        if each["spec"].get("minReplicaCount", each["spec"].get("minReplicas", 1)) < 2:
            yield f"{named(each)}: one process may be all"
    for each in of_kind(objects, "Cluster"):
        commit = each["spec"]["postgresql"].get("synchronous", {})
        if each["spec"]["instances"] < 3 or commit.get("dataDurability") != "required":
            yield f"{named(each)}: a commit may be lost with a machine"
    for each in of_kind(objects, "RabbitmqCluster"):
        if each["spec"]["replicas"] < 3 or each["spec"]["replicas"] % 2 == 0:
            yield f"{named(each)}: {each['spec']['replicas']} nodes have no better quorum"


def databases_are_backed_up(objects: Sequence[Object]) -> Iterator[str]:
    """Each change as it is written, and a whole copy regularly, to a store that is there."""
    stores = {each["metadata"]["name"] for each in of_kind(objects, "ObjectStore")}
    copied = {each["spec"]["cluster"]["name"] for each in of_kind(objects, "ScheduledBackup")}
    for each in of_kind(objects, "Cluster"):
        archives = [
            one["parameters"]["barmanObjectName"]
            for one in each["spec"].get("plugins", ())
            if one["isWALArchiver"]
        ]
        if len(archives) != 1 or not {*archives} <= stores:
            yield f"{named(each)}: its changes go to {archives}"
        if each["metadata"]["name"] not in copied:
            yield f"{named(each)}: is never copied"


def pool_size() -> int:
    """How many connections a process may have to its database, as the code has it."""
    (size,) = re.findall(r"Database\.open\([^)]*\), size=(\d+)\)", getsource(assembly))
    return int(size)


_ADDRESSES = {f"{name.upper()}_URL" for name in catalog.SERVICES}
_WORLD = {("payments", 443), ("notifications", 465), ("notifications", 587)}
_SERVICES = set(catalog.SERVICES)


def _wanted_edges() -> Iterator[Edge]:
    for name in catalog.SERVICES:
        database = f"{name}-database"
        yield from (Edge(who, name, PORT) for who in ("gateway", "scraper"))
        yield from (Edge(name, callee, PORT) for callee in catalog.CALLS.get(name, ()))
        yield from (Edge(who, database, 5432) for who in (name, f"{name}-migrate"))
        yield from (Edge(who, database, at) for who in (database, "cnpg-system") for at in _PGS)
        yield Edge("scraper", database, 9187)
        yield Edge(name, "broker", 5672)
        yield from (Edge(who, "dns", 53) for who in (name, f"{name}-migrate", database))
    yield from (Edge(who, "dns", 53) for who in ("gateway", "broker", "broker-apply"))
    yield from (Edge("broker", "broker", at) for at in (4369, 25672, 35672))
    yield Edge("broker-apply", "broker", 15672)
    yield Edge("keda", "broker", 5672)
    yield Edge("scraper", "broker", 15692)
    yield Edge("entrance", "gateway", PORT)


_PGS = (5432, 8000)


def _forbids_everything(spec: Object) -> bool:
    both_ways = sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    return spec["podSelector"] == {} and both_ways and not {"ingress", "egress"} & {*spec}


def _of_our_program(objects: Sequence[Object]) -> Iterator[tuple[Pods, Object]]:
    """Each container that runs `ordereats`, and its pod."""
    for each in pods(objects):
        yield from ((each, one) for one in each.containers if image(one) == "service")


def _names_of_settings(objects: Sequence[Object], container: Object) -> Iterator[str]:
    """As often as they are said."""
    yield from (one["name"] for one in container.get("env", ()))
    maps = {each["metadata"]["name"]: each["data"] for each in of_kind(objects, "ConfigMap")}
    for source in container.get("envFrom", ()):
        yield from maps.get(source.get("configMapRef", {}).get("name"), ())


def _secret_files(each: Pods) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Each secret that is mounted: its name, its key, and the volume and file that it becomes."""
    for volume in each.spec.get("volumes", ()):
        sources = [one["secret"] for one in volume.get("projected", {}).get("sources", ())]
        sources += [volume["secret"]] if "secret" in volume else []
        for source in sources:
            name = source.get("secretName") or source["name"]
            for item in source["items"]:
                yield name, item["key"], (volume["name"], item["path"])


def _mounted_files(each: Pods, container: Object) -> set[str]:
    files = [where for _, _, where in _secret_files(each)]
    return {
        f"{mount['mountPath']}/{path}"
        for mount in container.get("volumeMounts", ())
        for volume, path in files
        if volume == mount["name"]
    }


def _is_command(arguments: Sequence[str]) -> bool:
    groups = {each.name: each.typer_instance for each in app.registered_groups}
    name, *rest = arguments or [""]
    if name in groups:
        return bool(rest) and rest[0] in _commands(groups[name])
    if name in {"serve", "migrate"}:
        return bool(rest) and {*rest} <= _SERVICES
    return name in _commands(app)


def _commands(program: typer.Typer | None) -> set[str]:
    known = program.registered_commands if program else ()
    named_by = [each.name or getattr(each.callback, "__name__", "") for each in known]
    return {name.replace("_", "-") for name in named_by}


POLICIES: dict[str, Policy] = {
    policy.__name__: policy
    for policy in [
        objects_have_their_form,
        objects_have_a_place_and_a_stage,
        secrets_are_only_named,
        secrets_are_explained,
        settings_are_known,
        maps_are_there,
        commands_are_the_programs,
        every_service_is_there,
        each_knows_whom_it_asks,
        who_reaches_whom_is_as_the_code_says,
        requests_come_in_by_the_gateway,
        scalers_fit_what_they_scale,
        services_scale_by_cpu_and_their_queues,
        databases_have_room_for_every_pool,
        *pod_policies.POLICIES,
    ]
}
OF_PRODUCTION: dict[str, Policy] = {
    policy.__name__: policy for policy in [it_outlives_a_machine, databases_are_backed_up]
}
"""What nobody asks of a trial on one machine."""
