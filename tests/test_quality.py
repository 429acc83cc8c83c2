"""What is understood of sentences that nobody looked at while building stays at least as good as it was measured."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import _measure as measure
from bench._judge import Judge
from bench._measure import Outcome
from bench.quality import Report, measured

ROOT = Path(__file__).parent.parent
Measure = Callable[[str], Report]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(ROOT / "pipeline.toml")


@pytest.fixture(scope="module", params=["dev", "test"])
def of(judge: Judge, request: pytest.FixtureRequest) -> Measure:
    """Measures a part on one of its two files, once."""
    reports: dict[str, Report] = {}

    def report(part: str) -> Report:
        if part not in reports:
            reports[part] = measured(judge, part, request.param, ROOT / "tests" / "quality")
        return reports[part]

    return report


def strings(value: object) -> Iterator[str]:
    """All texts of a table, its tables and its lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


def bones(text: str) -> str:
    return re.sub(r"[\s?.!,~]", "", text)


@pytest.mark.parametrize("part", ["faq", "topic", "speech", "route"])
def test_no_sentence_stands_in_the_configuration(part: str) -> None:
    """What is measured was not learned by heart: a sentence that config has is taken out of the set."""
    tables = [tomllib.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "config").rglob("*.toml")]
    known = {bones(text) for table in tables for text in strings(table)}
    files = (ROOT / "tests" / "quality").glob(f"{part}.*.jsonl")
    said = [json.loads(line)["text"] for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    # Two words can meet by chance.
    both = [text for text in said if bones(text) in known and len(bones(text)) > 5]

    assert [] == both


def test_what_is_answered_by_itself_is_right(of: Measure) -> None:
    """Of the answers that go out by themselves at least 98 in 100 are the right ones."""
    assert of("faq").figures["precision"] >= 0.98


def test_questions_in_other_words_are_answered(of: Measure) -> None:
    """A fair share of the questions that an FAQ covers is answered by itself, whatever their words."""
    assert of("faq").figures["coverage"] >= 0.38


def test_the_right_faq_comes_first(of: Measure) -> None:
    """Of the questions that an FAQ covers, most have the right one first, answered by itself or shown to an officer."""
    assert of("faq").figures["right first"] >= 0.90


def test_questions_that_no_faq_covers_are_refused(of: Measure) -> None:
    """Near misses get no answer by themselves: the same subject but another question, another city, a demand."""
    assert of("faq").figures["others refused"] >= 0.98


def test_the_right_topic_comes_first(of: Measure) -> None:
    """Of messages about one of the topics, most have the right one first."""
    assert of("topic").figures["right first"] >= 0.92


def test_sure_topics_are_right(of: Measure) -> None:
    """A topic that is sure enough for the rules is right in nearly all cases."""
    assert of("topic").figures["precision where sure"] >= 0.96


def test_no_topic_is_made_up(of: Measure) -> None:
    """Greetings, advertisements and chatter get no topic."""
    assert of("topic").figures["none refused"] >= 0.95


def test_questions_are_told_from_demands(of: Measure) -> None:
    """What is asked, wanted or only told is told apart, hard ones included."""
    assert of("speech").figures["accuracy"] >= 0.86


def test_messages_reach_their_queue(of: Measure) -> None:
    """Whole messages come to the action and the queue where they belong."""
    assert of("route").figures["right"] >= 0.83


def test_wrong_queues_are_rare(of: Measure) -> None:
    """Who is unsure sends to a person: nearly nothing lands in a wrong queue."""
    assert of("route").figures["wrong"] <= 0.04


def test_what_needs_a_person_gets_one(of: Measure) -> None:
    """Emergencies, matters without a place and names that several districts share come to triage."""
    assert of("route").figures["right: triage"] >= 0.80


def test_districts_are_found(of: Measure) -> None:
    """A place that lies in one district is found and sure, however it is written."""
    assert of("district").figures["the one, surely"] >= 0.95


def test_a_wrong_district_is_hardly_ever_sure(of: Measure) -> None:
    """What is not certain is listed, not guessed."""
    assert of("district").figures["sure and wrong"] <= 1


def test_what_must_be_guarded_gets_no_automatic_answer(of: Measure) -> None:
    """Emergencies, confidential matters and personal data are never met with an FAQ's answer."""
    assert of("guard").figures["answered"] == 0


def test_no_personal_data_is_left(judge: Judge) -> None:
    """Numbers, addresses and names are hidden, in whatever disguise they come; `dev` alone has such sentences."""
    assert measured(judge, "guard", "dev", ROOT / "tests" / "quality").figures["left unmasked"] == 0


def test_emergencies_are_seen(of: Measure) -> None:
    """Most emergencies are urgent, also in a hurried or misspelt cry."""
    assert of("guard").figures["urgent"] >= 0.92


def test_confidential_matters_are_seen(of: Measure) -> None:
    """Most confidential matters are marked as such, without their word too."""
    assert of("guard").figures["confidential"] >= 0.88


def test_few_harmless_messages_are_taken_for_danger(of: Measure) -> None:
    """Words of danger or crime in an everyday matter seldom ring somebody or hide it, the look-alikes of `test` too."""
    assert of("guard").figures["harmless"] >= 0.86


def test_languages_are_told_apart(of: Measure) -> None:
    """The language in which somebody is answered is the one in which they wrote."""
    assert of("language").figures["accuracy"] >= 0.97


def test_equal_confidence_is_taken_or_left_together() -> None:
    """A threshold cannot tell apart what is equally sure: the wrong one beside the right one counts."""
    outcomes = [
        Outcome(text="", right="park", found="park", sure=0.9),
        Outcome(text="", right="park", found="dog", sure=0.8),
        Outcome(text="", right="park", found="park", sure=0.8),
    ]

    assert measure.coverage_at(outcomes, 0.95) == 1 / 3


def test_every_label_weighs_the_same_in_macro_f1() -> None:
    """A rare label that is never found costs as much as a frequent one."""
    outcomes = [Outcome(text="", right="park", found="park")] * 9 + [Outcome(text="", right="dog", found="park")]

    assert measure.macro_f1(outcomes) == pytest.approx((18 / 19 + 0) / 2)


def test_a_department_instead_of_an_answer_is_no_wrong_queue() -> None:
    """Whose question comes to a department instead of being answered waits for a person; nobody is sent astray."""
    assert measure.verdict(Outcome(text="", right="answer passport", found="dispatch mapo")) == "person"


def test_an_answer_where_none_is_due_is_wrong() -> None:
    """An automatic answer to a message that needs a person is the worst mistake."""
    assert measure.verdict(Outcome(text="", right="hold triage", found="answer passport")) == "wrong"
