"""The whole path at a fixed offered rate: acknowledgements, lag at the end, memory, the second start."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from bench.instance import TOKEN, Instance
from bench.ledger import compare
from bench.load import Report, offer, request
from bench.texts import texts

Row = dict[str, Any]
_WARM_SECONDS = 6.0


def rows(*, rates: tuple[int, ...] = (1_000, 2_000, 3_000), seconds: int = 15) -> list[Row]:
    """Returns the rows of each rate, each with a fresh instance."""
    # Nothing is deleted before the end: some file systems create files slowly for minutes after many were deleted.
    with tempfile.TemporaryDirectory(prefix="eungdapso-bench-") as folder:
        measured = [row for rate in rates for row in _at(Path(folder) / str(rate), rate, seconds)]
        return [*measured, _memory(Path(folder) / "memory")]


def _memory(folder: Path, *, rate: int = 1_000, count: int = 100_000) -> Row:
    """Memory after so many messages, and after as many again: it does not grow."""
    instance = Instance(folder)
    instance.start()
    time.sleep(_WARM_SECONDS)
    seen = []
    for begin in (0, count):
        uvloop.run(offer(instance.http, _requests(instance, count, begin), per_second=rate))
        instance.drain()
        seen.append(instance.memory_bytes() / 1e6)
    instance.stop()
    return _row(f"memory after {2 * count:,} messages", seen[1], 700, "MB, all processes", f"{seen[0]:.0f} MB at half")


def _at(folder: Path, rate: int, seconds: int) -> list[Row]:
    instance = Instance(folder)
    first = instance.start()
    # The models load beside the first messages; what is measured is the steady state.
    time.sleep(_WARM_SECONDS)
    requests = _requests(instance, rate * seconds)
    before = instance.memory_bytes()
    report, took = _offered(instance, requests, rate)
    lag = _lag(instance)
    drained = instance.drain()
    after = instance.memory_bytes()
    instance.stop()
    second = instance.start()
    instance.stop()
    verdict = compare(instance.cases_url, instance.var / "outbox", report.acknowledged)
    name = f"whole path, {rate}/s offered for {seconds} s"
    acknowledged = len(report.seconds)
    return [
        _row(name, acknowledged / took, rate, "acknowledged/s", f"refused {report.refused}; {verdict}"),
        _row(
            name,
            report.percentile(0.99) * 1000,
            50,
            "ms, 99th percentile of acknowledgement",
            f"median {report.percentile(0.5) * 1000:.1f} ms",
        ),
        _row(name, lag, rate, "records behind at the end", f"empty {drained:.1f} s later"),
        _row(name, after / 1e6, 700, "MB, all processes", f"{before / 1e6:.0f} MB before"),
        _row(name, second, 5, "s until ready, second start", f"first {first:.1f} s"),
    ]


def _row(what: str, ours: float, limit: float, unit: str, note: str) -> Row:
    return {"what": what, "ours": ours, "peer": None, "limit": limit, "unit": unit, "ratio": ours / limit, "note": note}


def _requests(instance: Instance, count: int, begin: int = 0) -> list[tuple[str, bytes]]:
    words = texts(1000)
    return [
        (sid := f"SM{number:032d}", request(instance.base, TOKEN, sid, f"+8210{number:08d}", words[number % 1000]))
        for number in range(begin, begin + count)
    ]


def _offered(instance: Instance, requests: list[tuple[str, bytes]], rate: int) -> tuple[Report, float]:
    begun = time.perf_counter()
    report = uvloop.run(offer(instance.http, requests, per_second=rate))
    return report, time.perf_counter() - begun


def _lag(instance: Instance) -> int:
    lag = instance.readiness()["lag"]
    assert isinstance(lag, dict)
    return int(max(lag.values(), default=0))


if __name__ == "__main__":
    for row in rows(rates=tuple(int(rate) for rate in sys.argv[1:]) or (1_000, 2_000, 3_000)):
        print(f"{row['what']:45} {row['ours']:10.1f} of {row['limit']:8.0f} {row['unit']:40} {row['note']}")
