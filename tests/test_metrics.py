"""Several processes have one page of metrics."""

from prometheus_client import Counter, Gauge

from pipeline.metrics import Sample, page

_COUNTED = Counter("test_letters", "Counted in each process.", ["channel"])
_MEASURED = Gauge("test_budget", "The same for all processes.", ["channel"])


def test_what_is_counted_is_added_and_what_is_measured_is_not() -> None:
    """A budget that two processes know is not twice as much; letters that each sent are."""
    _COUNTED.labels("x").inc(2)
    _MEASURED.labels("x").set(500)
    others = [Sample("test_letters_total", {"channel": "x"}, 3), Sample("test_budget", {"channel": "x"}, 500)]
    lines = page(others).decode().splitlines()

    assert 'test_letters_total{channel="x"} 5.0' in lines
    assert 'test_budget{channel="x"} 500.0' in lines
