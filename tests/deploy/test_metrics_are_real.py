"""Every metric, label and value that an alert or a dashboard names is one that is really there."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from deploy.observability import ROOT, Query, Selected, added_up, grouped, queries, rules, selected
from ordereats.chassis.telemetry.log_events import LogEvents
from ordereats.chassis.telemetry.metrics import Metrics
from ordereats.topology.local.part import Process
from support.builders import (
    Client,
    a_restaurant,
    a_user,
    an_order,
    fresh_database,
    running,
    until_true,
)

LINE = re.compile(r"^\| `(?P<names>[^|]+)\|(?P<labels>[^|]*)\|(?P<sum>[^|]*)\|", re.MULTILINE)
NAMES = re.compile("([a-z_]+)`")
PAGE = ROOT / "docs" / "observability.md"
TARGET = {"job", "instance", "service"}
"""Labels that Prometheus adds to all that a service says."""
OF_OTHERS: Mapping[str, set[str]] = {
    "up": {"job", "instance", "service"},
    "ALERTS": {"alertname", "alertstate", "severity"},
    # By its documentation; without suffixes, as the collector is told.
    "httpcheck_status": {"http_url", "http_method", "http_status_code", "http_status_class"},
    # As the plugin of RabbitMQ 3.10 and its documentation say.
    "rabbitmq_detailed_queue_messages": {"vhost", "queue"},
    "rabbitmq_detailed_queue_consumers": {"vhost", "queue"},
    "rabbitmq_disk_space_available_bytes": set(),
    "rabbitmq_disk_space_available_limit_bytes": set(),
    "rabbitmq_process_resident_memory_bytes": set(),
    "rabbitmq_resident_memory_limit_bytes": set(),
    "rabbitmq_alarms_memory_used_watermark": set(),
    "rabbitmq_alarms_free_disk_space_watermark": set(),
}
NOT_MADE_HERE = {
    ("ordereats_http_requests_total", "status"): {"5xx"},
    ("ordereats_order_status_seconds_bucket", "next"): {
        "paid",
        "accepted",
        "ready",
        "picked_up",
        "delivered",
    },
    ("ordereats_log_events_total", "event"): set[str](),  # see test_observability.py
}
"""Values that a walk of one order does not make."""


@dataclass
class Shown:
    """What all services show.

    Attributes:
        kinds: counter, gauge or histogram, by the name of the family.
        labels: of the family, without a histogram's `le`.
        values: of each label of each series.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    labels: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    values: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    series: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def read(self, page: str) -> None:
        for family in parsed(page):
            self.kinds[family.name] = family.type
            self.labels[family.name] |= set()
            for sample in family.samples:
                self.labels[family.name] |= set(sample.labels) - {"le"}
                self.series[sample.name] |= set(sample.labels)
                for label, value in sample.labels.items():
                    self.values[sample.name, label].add(value)


@pytest.fixture(scope="module")
async def shown(postgres_server: Process) -> Shown:
    """All services in one process, after one order was placed, cancelled and heard of."""
    shown = Shown()
    async with fresh_database(postgres_server) as url, running(["all"], url) as city:
        await walk(city.client)

        async def was_heard() -> bool:
            page = (await city.client.get("/metrics")).body.decode()
            return 'event_effect_seconds_count{consumer="payments.order"}' in page

        await until_true(was_heard)
        shown.read((await city.client.get("/metrics")).body.decode())
    events = LogEvents()
    events.processor(None, "error", {"level": "error", "event": "request_failed"})
    shown.read((await Metrics([events.families]).written()).decode())
    return shown


def table() -> Iterator[re.Match[str]]:
    """The lines of the manual's table of metrics."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Metrics")[2].partition("\n## ")[0]
    return LINE.finditer(section)


async def walk(client: Client) -> None:
    assert (await client.post("/users", a_user())).status == 201
    assert (await client.post("/restaurants", a_restaurant())).status == 201
    order = (await client.post("/orders", an_order())).json()
    assert (await client.post(f"/orders/{order['id']}/cancel", {"by": "customer"})).status == 200
    assert (await client.get("/orders/999")).status == 404


def test_there_is_something_to_check(shown: Shown) -> None:
    asked = list(queries())

    assert len(asked) > 100
    assert {each.name for query in asked for each in selected(query)} > set(OF_OTHERS)
    assert len([name for name in shown.kinds if name.startswith("ordereats_")]) > 40


def test_a_query_reads_what_is_there(shown: Shown) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}

    for query in queries():
        for each in selected(query):
            known = shown.series.get(each.name, set()) | TARGET
            if each.name in OF_OTHERS:
                known = OF_OTHERS[each.name] | TARGET
            elif each.name not in recorded:
                assert each.name in shown.series, query
            assert set(each.labels) <= known, query
            assert unknown_values(shown, each) == {}, query


def test_a_query_groups_by_what_is_there(shown: Shown) -> None:
    for query in queries():
        there = set(TARGET)
        for each in selected(query):
            there |= shown.series.get(each.name, set()) | OF_OTHERS.get(each.name, set())
        assert grouped(query) <= there | {"alertname"}, query


def test_what_every_process_says_alike_is_never_added_up() -> None:
    alike = {
        f"ordereats_{name}"
        for line in table()
        if line["sum"].strip() != "sum"
        for name in NAMES.findall(line["names"])
    }

    assert "ordereats_orders_open" in alike
    for query in queries():
        assert not alike & added_up(query), query
    assert added_up(Query("planted", "sum(ordereats_orders_open)")) & alike


@pytest.mark.parametrize(
    "text",
    [
        'rate(ordereats_http_request_total{status="5xx"}[5m])',
        'rate(ordereats_http_requests_total{state="5xx"}[5m])',
        'rate(ordereats_http_requests_total{status="500"}[5m])',
        'ordereats_inbox_messages{state="park"}',
        "sum by (route) (ordereats_orders_open)",
    ],
)
def test_a_query_that_reads_what_is_not_there_is_caught(shown: Shown, text: str) -> None:
    query = Query("planted", text)

    (each,) = selected(query)
    is_right = (
        each.name in shown.series
        and set(each.labels) | grouped(query) <= shown.series[each.name] | TARGET
        and not unknown_values(shown, each)
    )
    assert not is_right


def unknown_values(shown: Shown, each: Selected) -> dict[str, set[str]]:
    """What is written out of a metric of ours and is none of its values."""
    unknown = {}
    for label, values in each.labels.items():
        if not each.name.startswith("ordereats_") or label in TARGET or label == "event":
            continue
        known = shown.values[each.name, label] | NOT_MADE_HERE.get((each.name, label), set())
        if rest := set(values) - known:
            unknown[label] = rest
    return unknown


def test_the_manual_has_a_line_for_every_metric_with_its_labels_and_how_to_add_it_up(
    shown: Shown,
) -> None:
    explained = {}
    for line in table():
        labels = frozenset(re.findall("`([a-z_]+)`", line["labels"]))
        for name in NAMES.findall(line["names"]):
            explained[f"ordereats_{name}"] = (labels, line["sum"].strip())

    there = {}
    for name, kind in shown.kinds.items():
        if name.startswith("ordereats_"):
            written = f"{name}_total" if kind == "counter" else name
            there[written] = (frozenset(shown.labels[name]), kind)
    assert set(explained) == set(there)
    for name, (labels, kind) in there.items():
        said, adds_up = explained[name]
        assert said == labels, name
        assert adds_up in (
            {"sum"} if kind in {"counter", "histogram"} else {"sum", "max", "min"}
        ), name
