"""What is deployed to see the platform, read from its files: alerts, dashboards, who is asked."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml  # type: ignore[import-untyped]  # it comes without types

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
GRAFANA = FOLDER / "grafana"
Document = dict[str, Any]


def document(path: Path) -> Document:
    """One YAML file."""
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict), path
    return loaded


OVERLAY = document(ROOT / "compose.observability.yaml")
PARTS: Mapping[str, Document] = OVERLAY["services"]
COLLECTOR = document(FOLDER / "collector" / "collector.yaml")
PROMETHEUS = document(FOLDER / "prometheus" / "prometheus.yaml")
LOKI = document(FOLDER / "loki" / "loki.yaml")
SOURCES: list[Document] = document(GRAFANA / "provisioning" / "datasources" / "ordereats.yaml")[
    "datasources"
]


def rules() -> list[Document]:
    """Every rule that Prometheus is told to load."""
    files = [document(FOLDER / "prometheus" / name) for name in PROMETHEUS["rule_files"]]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def alerts() -> list[Document]:
    return [rule for rule in rules() if "alert" in rule]


def dashboards() -> dict[str, Document]:
    """Each by its file."""
    files = sorted((GRAFANA / "dashboards").glob("*.json"))
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}


def panels(dashboard: Document) -> list[Document]:
    """Those that show something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of PromQL.

    Attributes:
        where: who asks it.
    """

    where: str
    text: str


def queries() -> Iterator[Query]:
    """All that is asked of Prometheus: by rules, panels and the choices of dashboards."""
    for rule in rules():
        yield Query(rule.get("alert") or rule["record"], rule["expr"])
    for name, dashboard in dashboards().items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                if target["datasource"]["type"] == "prometheus":
                    where = f"{name}: {panel['title']}"
                    yield Query(where, target["expr"].replace("$__rate_interval", "1m"))
        for variable in dashboard["templating"]["list"]:
            asked = variable["query"]["query"].removeprefix("label_values(").rpartition(",")[0]
            yield Query(f"{name}: {variable['name']}", asked)


@dataclass(frozen=True, slots=True)
class Selected:
    """What an expression reads.

    Attributes:
        labels: by which it chooses, with the values that it writes out.
    """

    name: str
    labels: Mapping[str, tuple[str, ...]]


def selected(query: Query) -> list[Selected]:
    """Each series that a query reads."""
    found = []
    for node in _nodes(query):
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name, query
            labels = {each.name: _written(each) for each in node.matchers.matchers}
            found.append(Selected(node.name, labels))
    return found


def grouped(query: Query) -> set[str]:
    """The labels by which a query groups or joins."""
    labels: set[str] = set()
    for node in _nodes(query):
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql_parser.AggregateExpr) and modifier:
            labels.update(modifier.labels)
        if isinstance(node, promql_parser.BinaryExpr) and modifier and modifier.matching:
            labels.update(modifier.matching.labels)
    return labels


def added_up(query: Query) -> set[str]:
    """The series that a query adds up as they are."""
    return {
        node.expr.name or ""
        for node in _nodes(query)
        if isinstance(node, promql_parser.AggregateExpr)
        and isinstance(node.expr, promql_parser.VectorSelector)
        and node.prettify().startswith("sum")
    }


def _nodes(query: Query) -> list[object]:
    nodes: list[object] = []
    promql_parser.walk(promql_parser.parse(query.text), nodes.append)
    return nodes


def _written(matcher: promql_parser.Matcher) -> tuple[str, ...]:
    """The values that a matcher names; none where it is a pattern or a choice of the dashboard."""
    values = tuple(matcher.value.split("|"))
    is_pattern = any(character in matcher.value for character in "$.*+[(")
    return () if is_pattern else values
