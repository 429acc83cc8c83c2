"""The metrics of several processes as one page: what is counted is added, of what is measured the highest holds."""

from collections.abc import Callable, Iterable
from operator import add

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One value of one process."""

    name: str
    labels: dict[str, str]
    value: float

    @property
    def key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        return self.name, tuple(sorted(self.labels.items()))


def snapshot() -> list[Sample]:
    """Returns what this process counted; when a series began is each process's own matter."""
    families = (family for family in REGISTRY.collect() if family.name.startswith("eungdapso_"))
    return [Sample(s.name, s.labels, s.value) for f in families for s in f.samples if not s.name.endswith("_created")]


class _Merged(Collector):
    def __init__(self, others: Iterable[Sample]) -> None:
        self._others = list(others)

    def collect(self) -> Iterable[Metric]:
        rest: dict[str, dict[object, Sample]] = {}
        for sample in self._others:
            rest.setdefault(sample.name, {})[sample.key] = sample
        for family in REGISTRY.collect():
            yield _with(family, rest)


def _with(family: Metric, rest: dict[str, dict[object, Sample]]) -> Metric:
    merged = Metric(family.name, family.documentation, family.type)
    # Two processes that know the same sum do not have twice as much.
    join: Callable[[float, float], float] = max if family.type == "gauge" else add
    names = {f"{family.name}{suffix}" for suffix in ("", "_total", "_sum", "_count", "_bucket")}
    others = {key: sample for name in names for key, sample in rest.get(name, {}).items()}
    for own in family.samples:
        other = others.pop((own.name, tuple(sorted(own.labels.items()))), None)
        merged.add_sample(own.name, own.labels, join(own.value, other.value) if other else own.value)
    for sample in others.values():
        merged.add_sample(sample.name, sample.labels, sample.value)
    return merged


def page(others: Iterable[Sample]) -> bytes:
    """Returns the exposition of this process's metrics with the others' added."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Merged(others))
    return generate_latest(registry)
