"""How cost grows: `python -m bench.scale measure`, `plan 1000 100000`, `limits`, `simulate 1000`, `check`.

`measure` starts servers of its own, takes a quarter of an hour, and writes what it found to bench/results/scale-….json;
the others reckon with the newest of these files, or with bench/scale.json where there is none. `check` plays what was
measured and says how far off that is.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench._scale_flow import play
from bench._scale_model import Assumed, Costs, cell_rate, costs, hottest_share, limits, newest, plan
from bench._scale_scenes import drained, line, scenes

_COUNT = 2_500
_RATES = (1_000.0, 100_000.0, 1_000_000.0)
_ROWS: Mapping[str, str] = {
    "cells": "installations side by side (cells)",
    "intake": "`intake`",
    "router": "`router`",
    "sinks": "`sinks`",
    "web": "`web`",
    "cores": "cores of these",
    "memory_gb": "memory of these, GB",
    "partitions": "partitions of a topic (of a cell)",
    "lag_limit": "`lag_limit` (of a cell)",
    "brokers": "brokers",
    "broker_gb": "on their disks, GB",
    "primaries": "PostgreSQL primaries, each with a standby",
    "primary_cores": "cores of the primaries",
    "wal_mb_a_second": "their log, MB/s",
    "cases_gb_a_day": "cases, GB a day",
    "nodes": "Elasticsearch nodes",
    "node_cores": "cores for indexing",
    "index_gb_a_day": "index with its copy, GB a day",
    "shards": "shards of a year's index (of a cell)",
    "archive_gb_a_day": "payloads in S3, GB a day",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "plan", "limits", "simulate", "check"))
    parser.add_argument("rates", nargs="*", type=float, help="messages a second (1000 100000 1000000)")
    parser.add_argument("--count", type=int, default=_COUNT, help=f"messages a measured run ({_COUNT})")
    given = parser.parse_args()
    if given.what == "measure":
        print(f"written to {_measured(given.count)}")
        return
    cost, assumed = costs(), Assumed()
    show = {"plan": _plans, "limits": _limits, "simulate": _played, "check": _checked}[given.what]
    # As wide as its cells: the tables are taken over into docs/scale.md.
    Console(width=200).print(show(cost, assumed, given.rates or _RATES))


def _measured(count: int) -> Path:
    from bench._scale_measure import measure

    path = Path(__file__).resolve().parent / "results" / f"scale-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(measure(count), indent=1) + "\n", encoding="utf-8")
    return path


def _plans(cost: Costs, assumed: Assumed, rates: Sequence[float]) -> Table:
    table = Table(
        "messages a second", title=f"at {assumed.share:.0%} of everything, one of {assumed.zones} zones may go"
    )
    made = [plan(rate, cost, assumed) for rate in rates]
    for one in made:
        table.add_column(f"{one.rate:,.0f}", justify="right")
    for name, label in _ROWS.items():
        table.add_row(label, *(_number(getattr(one, name)) for one in made))
    share = [f"{hottest_share(one.rate / one.cells, cost.sinks_us, assumed):.1%}" for one in made]
    table.add_row("one conversation's share (of a cell)", *share)
    return table


def _limits(cost: Costs, assumed: Assumed, _rates: Sequence[float]) -> Table:
    table = Table("what", title=f"one installation ends at {cell_rate(cost, assumed):,.0f} messages a second")
    table.add_column("messages a second", justify="right")
    for name in ("ends it", "source", "what then"):
        table.add_column(name)
    for limit in limits(cost, assumed):
        table.add_row(limit.what, f"{limit.rate:,.0f}", "yes" if limit.is_end else "", limit.source, limit.then)
    return table


def _played(cost: Costs, assumed: Assumed, rates: Sequence[float]) -> Table:
    table = Table("messages a second and cell", "what happens")
    for name in ("median", "99th", "most waiting", "refused"):
        table.add_column(name, justify="right")
    table.add_column("waiting, over time")
    for rate in rates:
        planned = plan(rate, cost, assumed)
        for name, scene in scenes(planned, cost, assumed):
            done = play(scene)
            figures = f"{done.p50:.1f} s", f"{done.p99:.1f} s", f"{done.longest_lag:,.0f}", f"{done.refused_share:.1%}"
            table.add_row(f"{planned.rate / planned.cells:,.0f}", name, *figures, line(done))
    return table


def _checked(_cost: Costs, _assumed: Assumed, _rates: Sequence[float]) -> Table:
    table = Table("role", "workers", title="a preloaded topic is worked off")
    for name in ("measured", "played", "off by", "at the price of one worker", "off by"):
        table.add_column(name, justify="right")
    read = newest()
    for role in ("router", "sinks"):
        for row in read[role]:
            seen, cells = row["wall_s"], list[str]()
            for price in (row, read[role][0]):
                ours = drained(read, row, role, price)
                cells += [f"{ours:.1f} s", f"{ours / seen - 1:+.0%}"]
            table.add_row(role, f"{row['workers']}", f"{seen:.1f} s", *cells)
    return table


def _number(value: Any) -> str:
    return f"{value:,.1f}" if isinstance(value, float) and value < 100 else f"{value:,.0f}"


if __name__ == "__main__":
    main()
