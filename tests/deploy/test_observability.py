"""What is deployed to see the platform fits together, and each alert has its page in the runbook.

None of its images is here, so nothing of it is started. What can be said without that is said here.
"""

import re
from collections import Counter
from ipaddress import ip_network
from itertools import combinations
from urllib.parse import urlsplit

import pytest

from deploy.observability import (
    COLLECTOR,
    FOLDER,
    GRAFANA,
    LOKI,
    OVERLAY,
    PARTS,
    PROMETHEUS,
    ROOT,
    SOURCES,
    alerts,
    dashboards,
    document,
    panels,
    rules,
)
from ordereats.topology import catalog

RUNBOOK = ROOT / "docs" / "runbook.md"
OWN = ("collector", "prometheus", "jaeger", "loki", "grafana")
"""What the overlay adds; all else in it is named by `compose.yaml`."""
JAEGER_PORTS = {16686, 4317}
RABBITMQ_PORTS = {15692}


def ports_of(part: str) -> set[int]:
    """On which a part of the overlay listens, by its own configuration."""
    scrape = COLLECTOR["exporters"]["prometheus"]["endpoint"]
    readers = COLLECTOR["service"]["telemetry"]["metrics"]["readers"]
    collector = {
        COLLECTOR["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2],
        COLLECTOR["receivers"]["fluentforward"]["endpoint"].rpartition(":")[2],
        scrape.rpartition(":")[2],
        *(each["pull"]["exporter"]["prometheus"]["port"] for each in readers),
    }
    return {
        "collector": {int(port) for port in collector},
        "prometheus": {9090},
        "localhost": {9090},
        "jaeger": JAEGER_PORTS,
        "loki": {LOKI["server"]["http_listen_port"]},
        "grafana": {3000},
        "rabbitmq": RABBITMQ_PORTS,
        "gateway": {3000},
    }[part]


def listens(address: str) -> bool:
    """Whether somebody does at `host:port`, or at such a URL."""
    host, _, port = (urlsplit(address).netloc or address).rpartition(":")
    return int(port) in ports_of(host)


def meet(one: str, other: str) -> bool:
    """Whether two parts have a network in common."""
    return bool(set(PARTS[one]["networks"]) & set(PARTS[other]["networks"]))


# The overlay.


def test_every_service_is_seen_and_the_overlay_names_no_other() -> None:
    assert set(PARTS) == {*catalog.SERVICES, "gateway", "rabbitmq", *OWN}
    for name in catalog.SERVICES:
        endpoint = PARTS[name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
        assert listens(endpoint)
        assert meet(name, "collector")
        assert meet(name, "prometheus")
    assert PROMETHEUS["scrape_configs"][0]["dns_sd_configs"][0]["names"] == list(catalog.SERVICES)


@pytest.mark.parametrize("name", OWN)
def test_a_part_is_pinned_limited_and_may_do_nothing_that_it_need_not(name: str) -> None:
    part = PARTS[name]

    assert re.fullmatch(r"[a-z]+/[a-z-]+:v?\d+\.\d+\.\d+", part["image"])
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit", "restart"} <= set(part)
    assert "privileged" not in part
    for each in part.get("ports", ()):
        assert each.startswith("127.0.0.1:")
        assert int(each.rpartition(":")[2]) in ports_of(name)


def test_a_mounted_file_is_there_and_read_only_and_nothing_of_the_host_is_seen() -> None:
    for part in PARTS.values():
        for volume in part.get("volumes", ()):
            source, _, rest = volume.partition(":")
            if source.startswith("."):
                assert (ROOT / source).is_dir(), source
                assert rest.endswith(":ro")
            else:
                assert source in OVERLAY["volumes"], source


def test_what_is_seen_gets_no_way_out_by_that_and_none_to_one_another() -> None:
    seen = sorted(set(PARTS) - set(OWN))
    for name in seen:
        (network,) = PARTS[name]["networks"]
        assert OVERLAY["networks"][network]["internal"] is True
    assert not any(meet(*two) for two in combinations(seen, 2))
    subnets = [
        ip_network(
            each["ipam"]["config"][0]["subnet"].replace("${TELEMETRY_SUBNETS:-10.214}", "10.9")
        )
        for each in OVERLAY["networks"].values()
        if "ipam" in each
    ]
    assert len(subnets) == len(seen)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))
    for name in OWN:
        if "ports" in PARTS[name]:
            assert "telemetry-pages" in PARTS[name]["networks"]


def test_docker_hands_what_is_printed_to_the_collector_and_waits_for_nobody() -> None:
    published = [each.rpartition(":")[0] for each in PARTS["collector"]["ports"]]
    for name in (*catalog.SERVICES, "gateway"):
        logging = PARTS[name]["logging"]
        assert logging["driver"] == "fluentd"
        assert logging["options"]["fluentd-address"] in published
        assert logging["options"]["fluentd-async"] == "true"


# The collector, Prometheus, Loki.


def test_a_pipeline_has_only_what_is_set_up_and_all_of_that_is_used() -> None:
    used: dict[str, set[str]] = {"receivers": set(), "processors": set(), "exporters": set()}
    for pipeline in COLLECTOR["service"]["pipelines"].values():
        for kind, names in used.items():
            names.update(pipeline[kind])
        assert pipeline["processors"][0] == "memory_limiter"

    assert {kind: set(COLLECTOR[kind]) for kind in used} == used


def test_whoever_is_asked_or_told_listens_there_and_is_met() -> None:
    told = [each["endpoint"] for each in COLLECTOR["exporters"].values()]
    asked = [each["endpoint"] for each in COLLECTOR["receivers"]["httpcheck"]["targets"]]
    for address in (each for each in (*told, *asked) if not each.startswith("0.0.0.0")):
        assert listens(address), address
        host = (urlsplit(address).netloc or address).partition(":")[0]
        assert meet("collector", host)

    for job in PROMETHEUS["scrape_configs"]:
        for target in (
            each for group in job.get("static_configs", ()) for each in group["targets"]
        ):
            assert listens(target), target
            host = target.partition(":")[0]
            assert host == "localhost" or meet("prometheus", host)


def test_loki_keeps_its_data_where_its_volume_is() -> None:
    (mounted,) = [each for each in PARTS["loki"]["volumes"] if each.startswith("loki:")]
    where = mounted.partition(":")[2]

    assert LOKI["common"]["path_prefix"] == where
    for path in LOKI["common"]["storage"]["filesystem"].values():
        assert path.startswith(f"{where}/")
    assert LOKI["limits_config"]["allow_structured_metadata"] is True  # what OTLP needs
    assert LOKI["compactor"]["retention_enabled"] is True


# Grafana.


def test_each_source_of_data_is_there() -> None:
    known = {each["uid"] for each in SOURCES}

    assert len(known) == len(SOURCES)
    for source in SOURCES:
        assert listens(source["url"])
        assert meet("grafana", urlsplit(source["url"]).hostname or "")
        for field in source["jsonData"].get("derivedFields", ()):
            assert field["datasourceUid"] in known
        if "tracesToLogsV2" in source["jsonData"]:
            assert source["jsonData"]["tracesToLogsV2"]["datasourceUid"] in known


def test_dashboards_are_where_grafana_looks_and_each_is_its_own() -> None:
    provider = document(GRAFANA / "provisioning" / "dashboards" / "ordereats.yaml")["providers"][0]
    mounts = [each.split(":")[1] for each in PARTS["grafana"]["volumes"]]
    home = PARTS["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert provider["options"]["path"] in mounts
    assert home.rpartition("/")[0] == provider["options"]["path"]
    assert home.rpartition("/")[2] in dashboards()
    for what in ("uid", "title"):
        assert max(Counter(each[what] for each in dashboards().values()).values()) == 1


@pytest.mark.parametrize("name", dashboards())
def test_a_panel_has_a_place_of_its_own_and_asks_a_source_that_is_there(name: str) -> None:
    dashboard = dashboards()[name]
    types = {each["uid"]: each["type"] for each in SOURCES}

    assert max(Counter(panel["id"] for panel in dashboard["panels"]).values()) == 1
    for panel in panels(dashboard):
        assert panel["targets"]
        for asked in (panel, *panel["targets"]):
            assert types[asked["datasource"]["uid"]] == asked["datasource"]["type"]
        assert all(target["expr"] for target in panel["targets"])
    for one, other in combinations([panel["gridPos"] for panel in dashboard["panels"]], 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)


# Alerts.


def test_an_alert_says_how_urgent_it_is_what_is_wrong_and_what_to_read() -> None:
    names = [alert["alert"] for alert in alerts()]

    assert len(set(names)) == len(names)
    for alert in alerts():
        assert alert["labels"] in ({"severity": "page"}, {"severity": "ticket"})
        assert alert["annotations"]["summary"]
        page = alert["annotations"]["runbook_url"]
        assert page == f"docs/runbook.md#{alert['alert'].lower()}"


def test_the_runbook_has_a_section_for_each_alert_and_for_no_other() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)$\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))

    assert list(sections) == [alert["alert"] for alert in alerts()]
    for name, section in sections.items():
        for part in ("**It means**", "**Look**", "**Do**", "**Escalate**"):
            assert part in section, (name, part)


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet() -> None:
    cases = document(FOLDER / "alerts_test.yaml")

    expected = [f"{each['alert']} {what}" for each in alerts() for what in ("fires", "is quiet")]
    assert sorted(case["name"] for case in cases["tests"]) == sorted(expected)
    assert [f"prometheus/{name}" for name in PROMETHEUS["rule_files"]] == cases["rule_files"]
    for case in cases["tests"]:
        (check,) = case["promql_expr_test"]
        name, _, what = case["name"].partition(" ")
        assert f'alertname="{name}"' in check["expr"]
        assert bool(check["exp_samples"]) == (what == "fires")


def test_an_alert_on_an_event_of_the_log_names_one_that_the_code_logs() -> None:
    code = "\n".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "src" / "ordereats").rglob("*.py")
    )
    events = {
        event
        for rule in rules()
        for names in re.findall(r'event=~?"([^"]+)"', rule["expr"])
        for event in names.split("|")
    }

    assert len(events) == 4
    for event in events:
        assert f'"{event}"' in code
