"""`eungdapso evaluate`: how good a running classifier, or one learned from a file, is on labelled texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import ConfigError
from pipeline.cli import CONFIG, DEFAULT, show, told
from pipeline.evaluate import Figures

# The classifiers, and the decision as a whole. Written out: to ask for the names would load all of them.
PARTS = ("abuse", "auto", "demand", "district", "faq", "kind", "language", "rating", "topic", "urgent", "route")


def evaluate(
    file: Annotated[Path, typer.Argument(help='Labelled texts, {"text": …, "label": …} a line.', metavar="FILE")],
    part: Annotated[
        str, typer.Option(help=f"Which part is asked: {', '.join(PARTS)}; left out: the one whose labels these are.")
    ] = "",
    train: Annotated[
        Path | None, typer.Option(help="Learn from this file of labelled texts first, and ask what came of it.")
    ] = None,
    validation: Annotated[
        Path | None, typer.Option(help="With --train: where confidence and threshold are set.")
    ] = None,
    half_life: Annotated[
        float, typer.Option("--half-life", help='With --train: days after which a text with "at" counts half; 0: none.')
    ] = 240.0,
    seed: Annotated[int, typer.Option(help="With --train: the seed.")] = 20_261_101,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for machines.")] = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Say how good a classifier is on labelled texts: accuracy, macro F1, coverage at 95 % precision, confusions.

    The label "none" (or "oos") means: none of the others. Acts on nothing.
    """
    with told():
        if train is None and validation is not None:
            raise ConfigError(
                "--validation says where a model's threshold is set: name the texts to learn from, --train"
            )
        if train is not None and part:
            raise ConfigError(f"--part {part} asks what runs, --train what is learned from a file: say one of them")
        found = _learned(file, train, validation, half_life, seed) if train else _running(file, part, config)
        if as_json:
            show(found)
        else:
            tell(found)


def _running(file: Path, part: str, config: Path) -> Figures:
    from pipeline.build import plan
    from pipeline.evaluate import figures
    from pipeline.evaluate_lines import read_lines
    from pipeline.evaluate_parts import SURE, part_of, said_by_part

    lines = read_lines(file)
    planned = plan(config)
    classifiers = planned.classifiers()
    asked = part_of(part, classifiers, planned.city, lines)
    return figures(asked, said_by_part(asked, planned.router(), classifiers, lines), SURE.get(asked))


def _learned(file: Path, train: Path, validation: Path | None, half_life: float, seed: int) -> Figures:
    from pipeline.evaluate import figures
    from pipeline.evaluate_lines import read_lines
    from pipeline.evaluate_parts import said_by_model
    from pipeline.train_examples import examples_of
    from pipeline.train_fit import Options, fit

    lines = read_lines(file)
    rest = examples_of(read_lines(validation), 0.0) if validation else ()
    model = fit(examples_of(read_lines(train), half_life), Options(name=train.stem, seed=seed), rest)
    return figures(f"learned from {train.name}", said_by_model(model, lines), model.threshold)


def tell(found: Figures) -> None:
    """Writes the figures as tables for people."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from pipeline.cli_table import put

    console = Console()
    table = Table(box=box.SIMPLE, show_header=False, title=f"{found.part}: {found.texts} texts", title_justify="left")
    for name, value in _rows(found):
        table.add_row(name, value)
    put(table, console)
    if found.curve:
        _print(console, "The curve", ("refused outside", "right in scope", "threshold"), _curve(found))
    if found.confusions:
        rows = [(each.label, each.found, str(each.texts)) for each in found.confusions]
        _print(console, "What was taken for what", ("label", "found", "texts"), rows)


def _print(console: Any, title: str, names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich import box
    from rich.table import Table

    from pipeline.cli_table import put

    table = Table(*names, box=box.SIMPLE, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    put(table, console)


def _rows(found: Figures) -> list[tuple[str, str]]:
    rows = [
        ("accuracy", _percent(found.accuracy)),
        ("macro F1", _percent(found.macro_f1)),
        (f"coverage at {found.precision:.0%} precision", _percent(found.coverage)),
        ("best guess right", f"{_percent(found.best_guess)} of {found.in_scope} in scope"),
    ]
    if found.outside_recall is not None:
        rows.append(("in scope, at the threshold", _percent(found.in_scope_accuracy)))
        rows.append(("outside refused", f"{_percent(found.outside_recall)} of {found.outside}"))
    return rows


def _curve(found: Figures) -> list[tuple[str, ...]]:
    return [
        (_percent(each.outside_recall), _percent(each.in_scope_accuracy), f"{each.threshold:.4f}")
        for each in found.curve
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
