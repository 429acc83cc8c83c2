"""`make bench`: one table for people, one JSON file for machines."""

import argparse
import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.engines import ELASTICSEARCH

SUITES: tuple[str, ...] = ("append", "hook", "smtp", "decision", "understanding", "whole")
# What needs a server: measured on the one that the environment names.
if ELASTICSEARCH in os.environ:
    SUITES += ("bulk",)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("suites", nargs="*", help=f"which to run; all when left out: {', '.join(SUITES)}")
    parser.add_argument("--out", type=Path, default=Path("bench/results"), help="folder for the JSON file")
    given = parser.parse_args()
    unknown = sorted(set(given.suites) - set(SUITES))
    if unknown:
        parser.error(f"there is no suite {', '.join(unknown)}; there are {', '.join(SUITES)}")
    rows: list[dict[str, Any]] = []
    for suite in given.suites or SUITES:
        print(f"measuring {suite} …", file=sys.stderr)
        rows += importlib.import_module(f"bench.{suite}").rows()
    Console(width=180).print(_table(rows))
    print(f"written to {_written(rows, given.out)}")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table("what", "unit", title="ours beside the peer or the limit, measured in this run")
    for name in ("ours", "peer", "limit", "ratio"):
        table.add_column(name, justify="right")
    table.add_column("note")
    for row in rows:
        numbers = (_number(row.get(name)) for name in ("ours", "peer", "limit", "ratio"))
        table.add_row(row["what"], row["unit"], *numbers, row.get("note", ""))
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _written(rows: list[dict[str, Any]], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    path.write_text(json.dumps({"machine": machine, "rows": rows}, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
