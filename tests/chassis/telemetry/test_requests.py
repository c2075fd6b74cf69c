"""Requests are counted by route, how they ended and how long they took."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric

from ordereats.chassis.telemetry.requests import BOUNDS_S, Requests

SECONDS = st.one_of(st.floats(0, 60), st.sampled_from(BOUNDS_S))


def samples(family: Metric, suffix: str, label: str) -> dict[str, float]:
    """The values of a family with one series, by one of its labels."""
    return {
        each.labels.get(label, ""): each.value
        for each in family.samples
        if each.name == family.name + suffix
    }


@given(st.lists(st.tuples(st.integers(100, 599), SECONDS), min_size=1))
async def test_each_is_counted_once_in_its_class_and_in_every_bucket_that_it_fits(
    noted: list[tuple[int, float]],
) -> None:
    requests = Requests()

    for status, seconds in noted:
        requests.note("GET", "/users/{user_id}", status, seconds)

    counted, durations = await requests.families()
    classes = Counter(f"{status // 100}xx" for status, _ in noted)
    assert samples(counted, "_total", "status") == classes
    buckets = samples(durations, "_bucket", "le")
    for bound in BOUNDS_S:
        assert buckets[str(bound)] == sum(seconds <= bound for _, seconds in noted)
    assert buckets["+Inf"] == samples(durations, "_count", "")[""] == len(noted)
    assert samples(durations, "_sum", "")[""] == sum(seconds for _, seconds in noted)


async def test_a_method_that_a_client_made_up_gets_no_label_of_its_own() -> None:
    requests = Requests()

    for method in ("BREW", "GET A", "x" * 9999):
        requests.note(method, "(none)", 405, 0.001)

    counted, _ = await requests.families()
    (sample,) = counted.samples
    assert sample.labels == {"method": "other", "route": "(none)", "status": "4xx"}
    assert sample.value == 3
