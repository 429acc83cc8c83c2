"""Learning: the same model from the same examples, an honest comparison, and files that cannot mislead."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cases.model import By
from cases.store import CaseStore
from classifiers._linear import MAGIC, Linear, Model, dump, load
from classifiers._text import read
from core.errors import ConfigError, Rejected
from pipeline import models
from pipeline.evaluate_lines import Line
from pipeline.train_examples import examples_of, of_corrections
from pipeline.train_fit import KOREAN, KOREAN_QUICK, LETTERS, Example, Options, _order, fit, sorts_for
from tests.casework import WASTE, Time, dispatched, message, opened

OFFICER = By("박지훈")
WORDS = {
    "taxi": (
        "택시가 승차를 거부했어요",
        "택시 요금이 너무 나왔습니다",
        "택시 기사가 불친절해요",
        "심야 택시가 안 잡혀요",
    ),
    "light": ("가로등이 꺼졌어요", "가로등이 깜빡거립니다", "보안등 고쳐 주세요", "밤에 가로등이 안 켜져요"),
    "tree": ("가로수 가지가 부러졌어요", "가로수가 쓰러지려 합니다", "나무 가지치기 해 주세요", "은행나무 냄새가 나요"),
    "none": ("오늘 저녁 뭐 먹지", "축구 몇 대 몇이야", "노래 틀어 줘", "농담 하나 해 줘"),
}
EXAMPLES = [Example(text=text, label=label) for label, texts in WORDS.items() for text in texts]
OPTIONS = Options(name="topic", sorts=KOREAN_QUICK)


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(EXAMPLES, OPTIONS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("택시가 승차거부를 했습니다", "taxi"), ("골목 가로등이 꺼졌습니다", "light"), ("나무 가지가 부러졌어요", "tree")],
)
def test_what_was_learned_is_known_in_other_words(model: Model, text: str, expected: str) -> None:
    """A new sentence finds the label of the sentences that it is like."""
    asked = Linear(model)

    assert expected == asked.ranked(asked.scores(read(text)))[0].value


def test_outside_is_never_named(model: Model) -> None:
    """What belongs to nothing is less sure, not a label of its own."""
    asked = Linear(model)
    guesses = [guess.value for text in WORDS["none"] for guess in asked.ranked(asked.scores(read(text)))]

    assert "none" not in guesses


def test_the_same_examples_give_the_same_model(model: Model) -> None:
    """Whoever learns again from the same file and seed gets the same bytes."""
    assert dump(model) == dump(fit(EXAMPLES, OPTIONS))


def test_the_version_says_when_anything_differs(model: Model) -> None:
    """Two models are the same only when everything in them is."""
    assert model.version != msgspec.structs.replace(model, threshold=0.99).version


def test_scores_are_the_same_after_writing_and_reading(model: Model) -> None:
    """What was compared is what runs."""
    text = read("택시가 안 와요")
    again = load(dump(model), where="topic.model")

    assert np.array_equal(Linear(model).scores(text), Linear(again).scores(text))


@pytest.mark.parametrize("text", ["", "😀😀", "zzzz qqqq", "가" * 20_000, "\x00\ud800"])
def test_any_text_is_survived(model: Model, text: str) -> None:
    """A text of which nothing is known has shares that add up to one, too."""
    assert 1.0 == pytest.approx(float(np.exp(Linear(model).scores(read(text))).sum()), abs=1e-4)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"GIF89a",
        lambda data: data[:-1],
        lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
        lambda data: data.replace(b"model 1", b"model 2"),
        lambda data: MAGIC + bytes(16) + b"\x00" * 50,
    ],
)
def test_a_damaged_file_is_refused(model: Model, spoil: object) -> None:
    """A byte that differs is noticed before anything is decided by it; the file is named."""
    assert callable(spoil)
    with pytest.raises(ConfigError, match=r"topic\.model"):
        load(spoil(dump(model)), where="topic.model")


def test_one_label_is_nothing_to_learn() -> None:
    """There must be something to tell apart."""
    with pytest.raises(ConfigError, match="nothing to tell apart"):
        fit([Example(text="택시", label="taxi"), Example(text="노래", label="none")], OPTIONS)


def test_sorts_follow_the_language() -> None:
    """Korean is learned by its morphemes, too, other languages by pieces of words and words."""
    korean, english = [read("가로등이 꺼졌어요")], [read("the lamp is out")]

    assert (KOREAN, LETTERS) == (sorts_for(korean), sorts_for(english))


def test_what_is_long_ago_counts_less() -> None:
    """A text that is one half-life older than the last weighs about half."""
    last = datetime(2026, 11, 23, tzinfo=UTC)
    lines = [
        Line(number=1, text="가", label="a", at=last),
        Line(number=2, text="나", label="b", at=last - timedelta(days=100)),
        Line(number=3, text="다", label="b"),
    ]

    assert [1.1, 0.6, 1.0] == [round(each.weight, 6) for each in examples_of(lines, 100)]


def test_what_is_newest_is_held_out() -> None:
    """Where examples have a time, a model is tried on the last of them; where one has none, on any."""
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    timed = [
        Example(text=f"{n}", label="ab"[n % 2], at=begun + timedelta(days=n)) for n in (3, 9, 0, 5, 1, 8, 4, 7, 2, 6)
    ]
    untimed = [*timed[:-1], replace(timed[-1], at=None)]

    assert ["9", "8", "7"] == [timed[place].text for place in _order(timed, 1)[:3].tolist()]
    assert ["9", "8", "7"] != [untimed[place].text for place in _order(untimed, 1)[:3].tolist()]


def test_a_matter_that_is_new_does_not_stop_learning() -> None:
    """Without the newest examples there might be one matter only: then any are held out."""
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    examples = [Example(text=f"택시 {n}", label="taxi", at=begun) for n in range(40)]
    examples += [Example(text=f"가로등 {n}", label="light", at=begun + timedelta(days=1)) for n in range(10)]
    asked = Linear(fit(examples, OPTIONS))

    assert "light" == asked.ranked(asked.scores(read("가로등")))[0].value


def test_a_model_is_put_in_use_whole(tmp_path: Path) -> None:
    """The new file takes the place of the old one, which stays beside it, and nobody else may read either."""
    models.write(tmp_path, "topic", b"one")
    path = models.write(tmp_path, "topic", b"two")

    assert (b"two", b"one") == (models.read(tmp_path, "topic"), path.with_suffix(".before").read_bytes())
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)


def test_no_model_is_no_mistake(tmp_path: Path) -> None:
    """A fresh installation has none."""
    assert models.read(tmp_path, "topic") is None


@pytest.mark.parametrize("what", ["pipe", "device", "folder", "giant"])
def test_what_can_be_no_model_is_refused(tmp_path: Path, what: str) -> None:
    """A pipe is not waited for, what never ends is not read, and the message says which file to take away."""
    path = models.path_of(tmp_path, "topic")
    path.parent.mkdir()
    if what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        path.symlink_to("/dev/zero")
    elif what == "folder":
        path.mkdir()
    else:
        path.touch()
        os.truncate(path, 10_000_000_000)

    with pytest.raises(ConfigError, match=r"topic\.model: .*Take it away"):
        models.read(tmp_path, "topic")


def test_a_topic_that_staff_gave_is_an_example(store: CaseStore, time: Time) -> None:
    """The last word of a person about a case is what is learned, with what the citizen wrote."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.officer.set_topic(number, "street-cleaning", OFFICER)
    store.officer.set_topic(number, "illegal-dumping", OFFICER, why="무단투기 신고입니다.")

    assert [(WASTE, "illegal-dumping")] == store.corrections.all({})


def test_a_transfer_says_the_topic_where_a_queue_has_one(store: CaseStore, time: Time) -> None:
    """Who moves a case to a queue with one topic only says what it is about."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.officer.transfer(number, "hq.bus", OFFICER, why="버스정책과 소관입니다.")

    assert [(WASTE, "bus")] == store.corrections.all({"hq.bus": "bus"})
    assert [] == store.corrections.all({})


def test_no_correction_no_example(store: CaseStore, time: Time) -> None:
    """A case that nobody corrected teaches nothing."""
    opened(store, dispatched(message(WASTE, time)))

    assert [] == store.corrections.all({"gangnam": "street-cleaning"})


def test_a_topic_needs_a_name(store: CaseStore, time: Time) -> None:
    """An empty topic is refused, and nothing changes."""
    number = opened(store, dispatched(message(WASTE, time)))

    with pytest.raises(Rejected, match="which topic"):
        store.officer.set_topic(number, "  ", OFFICER)


def test_personal_data_is_not_learned() -> None:
    """What a model keeps of a corrected message has no telephone number in it."""
    from tests.test_topic import CITY, TOPICS

    city = CITY.model_copy(update={"topics": TOPICS})
    corrected = [("010-1234-5678로 연락 주세요 가로등이 꺼졌어요", "street-light"), ("옛 주제입니다", "gone")]
    (example,) = of_corrections(corrected, city)

    assert ("street-light", False) == (example.label, "5678" in example.text)
