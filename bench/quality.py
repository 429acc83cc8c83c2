"""How well messages are understood: the real classifiers and the router on sentences that they have not seen.

`python -m bench.quality` measures on tests/quality/<part>.dev.jsonl and shows every mistake;
`--split test` measures on the sentences that nobody tunes on, and prints totals only.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench import _measure as measure
from bench._judge import Judge, Row
from bench._measure import Figures, Outcome
from bench._parts import PARTS

FOLDER = Path("tests/quality")


class Report(msgspec.Struct, frozen=True):
    """The figures of one part, and the sentences they come from."""

    part: str
    figures: Figures
    outcomes: list[Outcome]


def measured(judge: Judge, part: str, split: str, folder: Path = FOLDER) -> Report:
    """Returns the figures of one part on one of its two files."""
    lines = (folder / f"{part}.{split}.jsonl").read_text(encoding="utf-8").splitlines()
    rows: Sequence[Row] = [msgspec.json.decode(line, type=Row) for line in lines if line.strip()]
    figures, outcomes = PARTS[part](judge, rows)
    return Report(part, figures, outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--part", action="append", choices=list(PARTS), help="which to measure; all when left out")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--details", action=argparse.BooleanOptionalAction, help="every mistake; on for dev only")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    given = parser.parse_args()
    judge = Judge()
    reports = [measured(judge, part, given.split) for part in given.part or PARTS]
    if given.json:
        figures = {report.part: {name: round(it, 4) for name, it in report.figures.items()} for report in reports}
        print(json.dumps(figures, ensure_ascii=False, indent=1))
        return
    details = given.split == "dev" if given.details is None else given.details
    for report in reports:
        _show(report, given.split, details=details)


def _show(report: Report, split: str, *, details: bool) -> None:
    console = Console(width=160, highlight=False)
    table = Table("figure", "value", title=f"{report.part} · {split}", title_justify="left")
    for name, value in report.figures.items():
        table.add_row(name, f"{value:.1%}" if isinstance(value, float) else f"{value:,}")
    console.print(table)
    if not details:
        return
    for one in sorted(report.outcomes, key=lambda one: (one.right, one.found)):
        if not one.is_right:
            console.print(f"  {one.right} → {one.found} ({one.sure:.2f})  {one.text}", markup=False)
    for right, found, count in measure.confusions(report.outcomes)[:20]:
        console.print(f"  {count:3} × {right} → {found}", markup=False)


if __name__ == "__main__":
    main()
