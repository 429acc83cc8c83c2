"""Which language a message is in, and whether two say the same: measured on sentences and pairs.

`python -m bench.languages` measures on tests/quality/language.*.jsonl and tests/quality/same.*.jsonl; `--folder F` adds
a folder of word lists, `F/<kind>/<language>.txt`, a text a line. `--details` shows the mistakes of the dev files.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.city import NOWHERE
from cases.same import is_same, says
from classifiers.language import Language
from core.message import Message

QUALITY = Path("tests/quality")
SPLITS = ("dev", "test")
_OURS = frozenset({"ko", "en", "zh", "ja", "vi", "mn"})
_NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A text and the language that is right for it."""

    text: str
    label: str
    style: str = ""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two messages of one author: `label` is "same" when they are one matter said twice, else "other"."""

    text: str
    again: str
    label: str


def said(split: str, folder: Path = QUALITY) -> list[Said]:
    return [msgspec.json.decode(line, type=Said) for line in _lines(folder / f"language.{split}.jsonl")]


def pairs(split: str, folder: Path = QUALITY) -> list[Pair]:
    return [msgspec.json.decode(line, type=Pair) for line in _lines(folder / f"same.{split}.jsonl")]


def languages(texts: Iterable[str]) -> list[str]:
    """Returns the language of each text as the classifier alone finds it."""
    messages = [
        Message(id=str(n), channel="sms", account="120", native_id=str(n), received_at=_NOON, text=text)
        for n, text in enumerate(texts)
    ]
    return [found[0].value for found in Language(NOWHERE).classify(messages)]


def is_joined(pair: Pair) -> bool:
    return is_same(says(pair.text), says(pair.again))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.languages", description=__doc__)
    parser.add_argument("--folder", type=Path, help="word lists by kind and language")
    parser.add_argument("--details", action="store_true", help="the mistakes of the dev files")
    given = parser.parse_args()
    console = Console(width=140, highlight=False)
    for name, rows in _sets(given.folder):
        _show(console, name, rows, details=given.details and not name.startswith("test"))
    for split in SPLITS:
        _show_pairs(console, split, details=given.details and split == "dev")


def _sets(folder: Path | None) -> Iterator[tuple[str, list[Said]]]:
    for split in SPLITS:
        yield f"{split} sentences", said(split)
    for path in sorted(folder.glob("*/*.txt")) if folder else ():
        label = path.stem if path.stem in _OURS else "other"
        yield f"{path.parent.name} {path.stem}", [Said(text=line, label=label) for line in _lines(path)]


def _show(console: Console, name: str, rows: list[Said], *, details: bool) -> None:
    begun = time.perf_counter()
    found = languages(row.text for row in rows)
    rate = len(rows) / (time.perf_counter() - begun)
    table = Table(
        "language", "texts", "right", "taken for", title=f"{name}, {rate:,.0f} a second", title_justify="left"
    )
    for label in sorted({row.label for row in rows}):
        mine = [value for row, value in zip(rows, found, strict=True) if row.label == label]
        others = Counter(value for value in mine if value != label)
        taken = " ".join(f"{value} {count}" for value, count in others.most_common())
        table.add_row(label, f"{len(mine):,}", f"{mine.count(label) / len(mine):.1%}", taken)
    console.print(table)
    if details:
        for row, value in zip(rows, found, strict=True):
            if value != row.label:
                console.print(f"  {row.label} → {value}  {row.text[:100]}", markup=False)


def _show_pairs(console: Console, split: str, *, details: bool) -> None:
    rows = pairs(split)
    table = Table("pairs", "of", "right", title=f"{split}: the same again", title_justify="left")
    for label, joined in (("same", True), ("other", False)):
        mine = [pair for pair in rows if pair.label == label]
        right = sum(is_joined(pair) is joined for pair in mine)
        table.add_row(label, f"{len(mine)}", f"{right / len(mine):.1%}")
    console.print(table)
    for pair in rows if details else ():
        if is_joined(pair) is not (pair.label == "same"):
            console.print(f"  {pair.label}: {pair.text} | {pair.again}", markup=False)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
