"""The views that a model is made of: ratios, meanings, and how even its labels are taken to be."""

import msgspec
import numpy as np
import pytest

from classifiers._linear import Linear, Model
from classifiers._text import read
from pipeline import train_even, train_meaning, train_ratio
from pipeline.train_columns import columns_of, counted, matrix_of
from pipeline.train_fit import KOREAN_QUICK, Example, Options, fit

OFTEN = np.array([0.9, 0.1])


def balanced(model: Model, even: float) -> Model:
    return train_even.evened(model, OFTEN, even)


@pytest.fixture(scope="module")
def model() -> Model:
    """Returns a model of nine texts about taxis and one about lamps."""
    texts = [Example(text=f"택시 {n}번이 안 와요", label="taxi") for n in range(18)]
    lamps = [Example(text=f"가로등 {n}번이 안 켜져요", label="light") for n in range(2)]
    return fit([*texts, *lamps], Options(sorts=KOREAN_QUICK))


def score(model: Model, label: str) -> float:
    return float(Linear(model).scores(read("안 돼요"))[model.labels.index(label)])


def test_the_more_even_the_more_is_what_is_rare_thought_of(model: Model) -> None:
    """A label that was met seldom gains by being taken for as frequent as the others."""
    often = np.array([0.1, 0.9])

    assert ("light", "taxi") == model.labels
    assert score(model, "light") < score(train_even.evened(model, often, 0.5), "light")


def test_not_more_even_is_the_same_model(model: Model) -> None:
    """Zero leaves the labels as often as they were; a label without an example stays where it is."""
    assert balanced(model, 0.0) == model
    assert train_even.evened(model, np.array([1.0, 0.0]), 1.0) == model


def test_few_texts_choose_nothing(model: Model) -> None:
    """Where too little is held out the usual is taken."""
    rows = [(read("택시"), "taxi")] * 10

    assert 0.6 == train_even.chosen(model, OFTEN, rows)


def test_what_is_chosen_suits_what_is_held_out(model: Model) -> None:
    """Held out texts that are nearly all of the rare label ask for more evenness than those that are of the other."""
    often = np.array([0.1, 0.9])
    flat = msgspec.structs.replace(model, weights=bytes(len(model.weights)), share=0.0)
    doubtful = msgspec.structs.replace(flat, bias=np.array([0.0, 1.5 / flat.sharpness], np.float32).tobytes())
    rare = train_even.chosen(doubtful, often, [(read("모름"), "light")] * 1_000)
    usual = train_even.chosen(doubtful, often, [(read("모름"), "taxi")] * 1_000)

    assert rare > usual


def test_ratios_know_whose_a_feature_is() -> None:
    """What stands in one label's texts only speaks for it and against the others."""
    texts = counted([read(text) for text in ("택시 요금", "택시 기사", "가로등 고장", "보안등 고장")], ("words",))
    columns = columns_of(texts, 2)
    labels = np.array([0, 0, 1, 1])
    weights, bias = train_ratio.learned(matrix_of(texts, columns), labels, np.ones(4, np.float32), 3, 1.0)
    (block,) = columns.blocks
    taxi = weights[np.frombuffer(block.columns, np.int32)[block.names.index("택시")]]

    assert taxi[0] > 0 > taxi[1]
    assert (0.0, -1.0) == (taxi[2], bias[2])


def test_meanings_know_words_that_were_met_once() -> None:
    """A word's weight follows from what it means: the bus is on the side of what drives."""
    said = ("택시 지하철 전철 승객", "택시 기사 운전 요금", "고양이 강아지 사료", "강아지 산책 목줄", "버스 고양이")
    texts = counted([read(text) for text in said], ("content",))
    columns = columns_of(texts, 2)
    labels = np.array([0, 0, 1, 1, 1])
    share = np.array([1, 1, 1, 1, 0.001], dtype=np.float32)
    found = train_meaning.learned(matrix_of(texts, columns), labels, share, 2, columns)
    (block,) = columns.blocks

    assert found is not None
    assert np.abs(found[0]).max() < 10
    bus = found[0][np.frombuffer(block.columns, np.int32)[block.names.index("버스")]]
    assert bus[0] > bus[1]


def test_no_words_have_no_meaning() -> None:
    """Without the words of a text, as in other languages, this view says nothing."""
    texts = counted([read("the lamp is out"), read("the cab is late")], ("words",))
    columns = columns_of(texts, 2)
    rows = matrix_of(texts, columns)

    assert train_meaning.learned(rows, np.array([0, 1]), np.ones(2, np.float32), 2, columns) is None
