"""Who may reach whom by the network policies of a set of objects, as Kubernetes reads them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from deploy.rendering import Object, of_kind, pods

NAMESPACE = "ordereats"
INTERNET = "internet"
ANYWHERE = "anywhere"


@dataclass(frozen=True, slots=True)
class Party:
    """Pods that are alike, or a namespace of others.

    Attributes:
        labels: of the pods.
        namespace: the labels of theirs.
        ports: on which they listen.
    """

    name: str
    labels: Mapping[str, str]
    namespace: Mapping[str, str]
    ports: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """That one may connect to a port of the other."""

    source: str
    target: str
    port: int

    def __str__(self) -> str:
        return f"{self.source} → {self.target}:{self.port}"


HERE = {"kubernetes.io/metadata.name": NAMESPACE}
OUTSIDERS = [
    Party("keda", {}, {"kubernetes.io/metadata.name": "keda"}),
    Party("cnpg-system", {}, {"kubernetes.io/metadata.name": "cnpg-system"}),
    Party("scraper", {}, {"ordereats/scrapes": "yes"}),
    Party("entrance", {}, {"ordereats/enters": "yes"}),
    Party("stranger", {}, {"kubernetes.io/metadata.name": "default"}),
    Party(
        "dns",
        {"k8s-app": "kube-dns"},
        {"kubernetes.io/metadata.name": "kube-system"},
        frozenset({53}),
    ),
]
"""Those beside us in a cluster. Nobody may come from a stranger's namespace, or go there."""


def parties(objects: Sequence[Object]) -> list[Party]:
    """Everyone whom these objects bring, whose pods an operator makes included."""
    found = []
    for each in pods(objects):
        ports = [port["containerPort"] for one in each.containers for port in one.get("ports", ())]
        name = each.owner["metadata"]["name"]
        found.append(Party(name, each.labels, HERE, frozenset(ports)))
    for cluster in of_kind(objects, "Cluster"):
        name = cluster["metadata"]["name"]
        listens = frozenset({5432, 8000, 9187})
        found.append(Party(name, {"cnpg.io/cluster": name}, HERE, listens))
    for broker in of_kind(objects, "RabbitmqCluster"):
        name = broker["metadata"]["name"]
        labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "rabbitmq"}
        labels["app.kubernetes.io/part-of"] = "rabbitmq"
        listens = frozenset({4369, 5672, 15672, 15692, 25672, 35672})
        found.append(Party(name, labels, HERE, listens))
    return found


def edges(objects: Sequence[Object]) -> set[Edge]:
    """All connections that may be made: the one end may begin it, and the other takes it."""
    return {edge for edge, goes, comes in _pairs(objects) if goes and comes}


def half_open(objects: Sequence[Object]) -> set[Edge]:
    """Those which one end allows and the other does not. Policies of others' are not known."""
    ours = {each.name for each in parties(objects)}
    return {
        edge
        for edge, goes, comes in _pairs(objects)
        if goes != comes and {edge.source, edge.target} <= ours
    }


def ways_out(objects: Sequence[Object]) -> set[Edge]:
    """To the outside of the cluster: to public addresses, or to any address at all."""
    found = set()
    for party in parties(objects):
        for rule in _rules(objects, party, "Egress"):
            blocks = [each["ipBlock"] for each in rule.get("to", ()) if "ipBlock" in each]
            where = INTERNET if all(_is_public(block) for block in blocks) else ANYWHERE
            if blocks or "to" not in rule:
                named = where if blocks else ANYWHERE
                ports = rule.get("ports", [{"port": 0}])
                found |= {Edge(party.name, named, port["port"]) for port in ports}
    return found


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector means what has these labels; an empty one means everything."""
    matches = all(
        labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()
    )
    return matches and all(_holds(each, labels) for each in selector.get("matchExpressions", ()))


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", ())
    answers = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return answers[expression["operator"]]


def _pairs(objects: Sequence[Object]) -> Iterator[tuple[Edge, bool, bool]]:
    """Each edge that could be, whether its source may begin it, and whether its target takes it."""
    ours = parties(objects)
    both = [*product(ours, [*ours, *OUTSIDERS]), *product(OUTSIDERS, ours)]
    for source, target in both:
        for port in target.ports:
            edge = Edge(source.name, target.name, port)
            goes = _allows(objects, source, target, port, "Egress")
            yield edge, goes, _allows(objects, target, source, port, "Ingress")


def _allows(objects: Sequence[Object], mine: Party, other: Party, port: int, way: str) -> bool:
    """Whether the policies of one end allow the other; where none is about it, all is allowed."""
    if not any(way in _ways(each) for each in _policies(objects, mine)):
        return True
    rules = _rules(objects, mine, way)
    return any(_is_meant(rule, other, way) and _on_port(rule, port) for rule in rules)


def _policies(objects: Sequence[Object], party: Party) -> Iterator[Object]:
    for each in of_kind(objects, "NetworkPolicy"):
        if party.namespace is HERE and selects(each["spec"]["podSelector"], party.labels):
            yield each


def _ways(policy: Object) -> list[str]:
    ways: list[str] = policy["spec"]["policyTypes"]
    return ways


def _rules(objects: Sequence[Object], party: Party, way: str) -> Iterator[Object]:
    for each in _policies(objects, party):
        if way in _ways(each):
            yield from each["spec"].get(way.lower(), ())


def _is_meant(rule: Object, other: Party, way: str) -> bool:
    peers = rule.get("to" if way == "Egress" else "from")
    return peers is None or any(_is_peer(each, other) for each in peers)


def _is_peer(peer: Object, other: Party) -> bool:
    if "ipBlock" in peer:  # addresses of pods are private: no block here holds them
        return not _is_public(peer["ipBlock"])
    near = selects(peer.get("podSelector", {}), other.labels)
    if "namespaceSelector" in peer:
        return near and selects(peer["namespaceSelector"], other.namespace)
    return near and other.namespace is HERE


def _on_port(rule: Object, port: int) -> bool:
    ports = rule.get("ports")
    return ports is None or any(
        each["port"] <= port <= each.get("endPort", each["port"]) for each in ports
    )


def _is_public(block: Object) -> bool:
    """Whether it leaves out what is inside of clusters and clouds."""
    private = {"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}
    return private <= set(block.get("except", ()))
