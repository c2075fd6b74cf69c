"""Metrics as a scrape has them: every value by its name and its labels."""

from collections.abc import Iterable, Mapping

from prometheus_client.metrics_core import Metric

from ordereats.chassis.telemetry.metrics import Source

Values = Mapping[tuple[str, tuple[str, ...]], float]


async def scraped(sources: Iterable[Source]) -> Values:
    """What these say now, without the buckets: by name and values of labels, in their order."""
    return dict(_values([family for source in sources for family in await source()]))


def _values(families: Iterable[Metric]) -> Iterable[tuple[tuple[str, tuple[str, ...]], float]]:
    for family in families:
        for sample in family.samples:
            if not sample.name.endswith("_bucket"):
                name = sample.name.removeprefix("ordereats_")
                yield (name, tuple(sample.labels.values())), sample.value


def counted(values: Values, name: str) -> dict[tuple[str, ...], float]:
    """What is not 0 of one metric, by the values of its labels."""
    return {labels: value for (of, labels), value in values.items() if of == name and value}
