"""Figures over labelled texts, and the lines that they are read from."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import ConfigError
from pipeline.cli import app
from pipeline.cli_evaluate import evaluate
from pipeline.evaluate import Figures, Point, Said, coverage, figures
from pipeline.evaluate_lines import label_of, read_lines

if not any(command.name == "evaluate" or command.callback is evaluate for command in app.registered_commands):
    app.command()(evaluate)

ROWS = (
    Said("taxi", "taxi", 0.9),
    Said("taxi", "bus", 0.6),
    Said("bus", "bus", 0.8),
    Said("bus", "bus", 0.3, is_sure=False),
    Said("none", "bus", 0.4, is_sure=False),
    Said("none", "none", 1.0),
)


def lines_of(folder: Path, *lines: str) -> Path:
    path = folder / "labelled.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def found() -> Figures:
    return figures("topic", ROWS, 0.5)


def test_accuracy_counts_what_is_rightly_left_unsaid(found: Figures) -> None:
    """What belongs to nothing is right when nothing is said, and what is not sure enough counts as unsaid."""
    assert round(4 / 6, 4) == found.accuracy


def test_best_guess_asks_only_for_the_first(found: Figures) -> None:
    """However unsure, the first place counts for texts that have a label."""
    assert 0.75 == found.best_guess


def test_in_scope_and_outside_are_taken_at_the_same_threshold(found: Figures) -> None:
    """Both figures hold for what is sure enough."""
    assert (0.5, 1.0) == (found.in_scope_accuracy, found.outside_recall)


def test_macro_f1_is_the_mean_over_labels() -> None:
    """Each label weighs the same, however many texts it has."""
    rows = (Said("a", "a", 1), Said("a", "a", 1), Said("a", "b", 1), Said("b", "b", 1))

    assert round((0.8 + 2 / 3) / 2, 4) == figures("topic", rows).macro_f1


def test_coverage_says_how_much_can_be_said_at_a_precision() -> None:
    """The surest are said until too much of it would be wrong."""
    rows = [Said("a", "a", 0.9 - place / 1000) for place in range(40)] + [
        Said("a", "b", 0.5 - place / 1000) for place in range(10)
    ]

    assert (0.84, 0.8) == (coverage(rows, 0.95), coverage(rows, 1.0))


def test_equally_sure_is_said_together() -> None:
    """Nobody could draw a line between texts of the same confidence."""
    rows = [Said("a", "a", 0.7), Said("a", "b", 0.7)]

    assert 0.0 == coverage(rows, 0.95)


def test_the_curve_shows_what_refusing_costs() -> None:
    """For each share of what is outside: the share of the rest that is still said rightly."""
    rows = [Said("a", "a", place / 10) for place in range(1, 11)]
    rows += [Said("none", "a", 0.25), Said("none", "a", 0.55)]
    points = figures("topic", rows).curve

    assert Point(threshold=0.55, outside_recall=0.5, in_scope_accuracy=0.5) == points[0]


def test_without_anything_outside_the_best_guess_is_said() -> None:
    """A file that has no "none" asks which of its labels, not whether."""
    rows = (Said("a", "a", 0.1, is_sure=False), Said("b", "b", 0.9))

    assert 1.0 == figures("topic", rows).accuracy


def test_confusions_are_counted(found: Figures) -> None:
    """Each pair of what it is and what was found, the most frequent first."""
    assert [("bus", "none", 1), ("taxi", "bus", 1)] == [(c.label, c.found, c.texts) for c in found.confusions]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("taxi", "taxi"),
        ("oos", "none"),
        ("none", "none"),
        ("", "none"),
        (None, "none"),
        ([], "none"),
        (["mapo", "gangnam"], "gangnam+mapo"),
        ({"action": "dispatch", "queue": "mapo"}, "dispatch mapo"),
        ({"action": "hold", "queue": None}, "hold"),
    ],
)
def test_labels(label: object, expected: str) -> None:
    """Several labels are one in their order; what is outside has one name."""
    assert expected == label_of(label)


def test_every_wrong_line_is_told_with_its_number(tmp_path: Path) -> None:
    """Whoever wrote the file can find each mistake."""
    path = lines_of(
        tmp_path,
        '{"text": "택시가 안 잡혀요", "label": "taxi"}',
        "no JSON",
        '{"label": "taxi"}',
        "",
        '{"text": 5, "label": "taxi"}',
        '["text"]',
        '{"text": "가", "label": "taxi", "at": "gestern"}',
        '{"text": "가", "label": "taxi", "weight": -1}',
    )

    with pytest.raises(ConfigError) as error:
        read_lines(path)

    assert [2, 3, 5, 6, 7, 8] == [int(each.split(":")[1]) for each in error.value.mistakes]


def test_bytes_that_are_no_utf8_are_told(tmp_path: Path) -> None:
    """A file of another encoding is named, not guessed."""
    path = tmp_path / "old.jsonl"
    path.write_bytes('{"text": "가로등", "label": "light"}'.encode("cp949"))

    with pytest.raises(ConfigError, match=r"old\.jsonl:1"):
        read_lines(path)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_a_mistake(tmp_path: Path, content: bytes) -> None:
    """Figures over nothing would say nothing."""
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match="no line in it"):
        read_lines(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The name that was given is told."""
    with pytest.raises(ConfigError, match="nowhere"):
        read_lines(tmp_path / "nowhere.jsonl")


def test_the_part_follows_from_the_labels(tmp_path: Path) -> None:
    """Labels that are districts ask the classifier of districts; the figures come as JSON."""
    path = lines_of(
        tmp_path,
        '{"text": "강남구 역삼동 가로등이 꺼졌어요", "label": "gangnam"}',
        '{"text": "마포구 서교동입니다", "label": ["mapo"]}',
    )
    done = CliRunner().invoke(app, ["evaluate", str(path), "--json"])

    assert (0, True, True) == (done.exit_code, '"part": "district"' in done.stdout, '"accuracy": 1.0' in done.stdout)


def test_unknown_part_has_a_suggestion(tmp_path: Path) -> None:
    """A typing error in --part is answered with what was meant."""
    path = lines_of(tmp_path, '{"text": "가로등", "label": "street-light"}')
    done = CliRunner().invoke(app, ["evaluate", str(path), "--part", "topik"])

    assert (2, True) == (done.exit_code, "Did you mean topic?" in done.output)


def test_labels_of_no_part_are_told(tmp_path: Path) -> None:
    """Without a part that knows the labels, somebody has to say which is meant."""
    path = lines_of(tmp_path, '{"text": "가로등", "label": "lamp"}', '{"text": "버스", "label": "omnibus"}')
    done = CliRunner().invoke(app, ["evaluate", str(path)])

    assert (2, True) == (done.exit_code, "--part" in done.output)
