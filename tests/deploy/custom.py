"""The form of objects: Kubernetes' own kinds by its schemas, those of operators by what is here.

Operators publish their schemas with each release, and no package brings them. So these are the
fields that the manifests use, written down from the operators' references; what is not among them
is refused, which finds what is misspelt or stands on the wrong level.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import msgspec
from msgspec import Struct

from deploy.rendering import Object

OLDEST = "1.33"
"""Kubernetes as docs/kubernetes.md asks for it: what it does not know, it would drop unseen."""


class Field(Struct, forbid_unknown_fields=True, rename="camel"):
    """Part of an object, of which every field is known."""


class Name(Field):
    """Of another object."""

    name: str


class Key(Field):
    """Of a secret."""

    name: str
    key: str


class Resources(Field):
    """What a container is promised, and what it may use."""

    requests: dict[str, str]
    limits: dict[str, str]


class Storage(Field):
    """A volume of an instance."""

    size: str


class InitDb(Field):
    """The first database of a cluster, and whose it is."""

    database: str
    owner: str


class Bootstrap(Field):
    """How a cluster begins."""

    initdb: InitDb


class Synchronous(Field, rename="camel"):
    """For how many standbys a commit waits."""

    method: Literal["any", "first"]
    number: int
    data_durability: Literal["required", "preferred"]


class Postgresql(Field):
    """PostgreSQL's own settings; all are text."""

    parameters: dict[str, str]
    synchronous: Synchronous | None = None


class ClusterAffinity(Field, rename="camel"):
    """Where instances go."""

    pod_anti_affinity_type: Literal["preferred", "required"]
    topology_key: str


class Plugin(Struct, forbid_unknown_fields=True):
    """Of CloudNativePG. (Of its names, this one alone is not spelt as others are.)"""

    name: str
    is_wal_archiver: bool = msgspec.field(name="isWALArchiver")
    parameters: dict[str, str]


class Cluster(Field, rename="camel"):
    """`postgresql.cnpg.io/v1`, of CloudNativePG."""

    instances: int
    image_name: str
    bootstrap: Bootstrap
    postgresql: Postgresql
    affinity: ClusterAffinity
    storage: Storage
    resources: Resources
    plugins: list[Plugin] = []


class ScheduledBackup(Field, rename="camel"):
    """`postgresql.cnpg.io/v1`, of CloudNativePG."""

    schedule: str
    immediate: bool
    backup_owner_reference: Literal["none", "self", "cluster"]
    cluster: Name
    method: Literal["plugin"]
    plugin_configuration: Name


class Compression(Field):
    """Of what goes into the store."""

    compression: Literal["bzip2", "gzip", "lz4", "snappy", "xz", "zstd"]


class S3Credentials(Field, rename="camel"):
    """Where the keys are."""

    access_key_id: Key
    secret_access_key: Key


class Store(Struct, forbid_unknown_fields=True):
    """Where, and by whose leave."""

    destination_path: str = msgspec.field(name="destinationPath")
    s3_credentials: S3Credentials = msgspec.field(name="s3Credentials")
    wal: Compression
    data: Compression


class ObjectStore(Field, rename="camel"):
    """`barmancloud.cnpg.io/v1`, of CloudNativePG's plugin for Barman."""

    configuration: Store
    retention_policy: str


class RabbitmqStorage(Field):
    """A volume of a node."""

    storage: str


class Rabbitmq(Field, rename="camel"):
    """Lines of `rabbitmq.conf`."""

    additional_config: str


class Override(Field, rename="camel"):
    """What is laid over the StatefulSet that the operator makes."""

    stateful_set: dict[Literal["spec"], dict[Literal["template"], Any]]


class RabbitmqCluster(Field):
    """`rabbitmq.com/v1beta1`, of RabbitMQ's cluster operator."""

    replicas: int
    image: str
    persistence: RabbitmqStorage
    resources: Resources
    rabbitmq: Rabbitmq
    affinity: dict[str, Any]
    override: Override


class Trigger(Field, rename="camel"):
    """What KEDA measures; all that it is told is text."""

    type: Literal["cpu", "rabbitmq"]
    metadata: dict[str, str]
    metric_type: Literal["Utilization", "AverageValue"] | None = None
    authentication_ref: Name | None = None


class Advanced(Field, rename="camel"):
    """What goes on to the HorizontalPodAutoscaler."""

    horizontal_pod_autoscaler_config: dict[Literal["behavior"], dict[str, Any]]


class ScaledObject(Field, rename="camel"):
    """`keda.sh/v1alpha1`, of KEDA."""

    scale_target_ref: Name
    min_replica_count: int
    max_replica_count: int
    polling_interval: int
    advanced: Advanced
    triggers: list[Trigger]


class Target(Field):
    """Which parameter of a trigger is in which secret."""

    parameter: str
    name: str
    key: str


class TriggerAuthentication(Field, rename="camel"):
    """`keda.sh/v1alpha1`, of KEDA."""

    secret_target_ref: list[Target]


FORMS: dict[str, dict[str, type[Struct]]] = {
    "postgresql.cnpg.io/v1": {"Cluster": Cluster, "ScheduledBackup": ScheduledBackup},
    "barmancloud.cnpg.io/v1": {"ObjectStore": ObjectStore},
    "rabbitmq.com/v1beta1": {"RabbitmqCluster": RabbitmqCluster},
    "keda.sh/v1alpha1": {
        "ScaledObject": ScaledObject,
        "TriggerAuthentication": TriggerAuthentication,
    },
}


def schema_errors(thing: Object, *, version: str = OLDEST) -> Iterator[str]:
    """What of an object does not fit the schema of its kind, in a version of Kubernetes."""
    forms = FORMS.get(thing["apiVersion"])
    if forms is None:
        yield from _kubernetes_errors(json.dumps(thing, sort_keys=True), version)
    elif thing["kind"] not in forms:
        yield f"there is no form of {thing['apiVersion']} {thing['kind']} here"
    else:
        try:
            msgspec.convert(thing["spec"], forms[thing["kind"]])
        except msgspec.ValidationError as error:
            yield str(error)


@cache  # an answer takes 70 ms, and most objects of two overlays are the same
def _kubernetes_errors(written: str, version: str) -> tuple[str, ...]:
    try:
        kubernetes_validate.validate(json.loads(written), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        where = ".".join(str(each) for each in error.path)
        return (f"{where}: {error.message}",)
    except kubernetes_validate.SchemaNotFoundError as error:
        return (str(error.message),)
    return ()
