"""The city's own words, FAQ entries and letters: enough of them, told apart, and fit for every channel."""

import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from config.schema import Faq, Letter, Templates
from core.decision import Kind
from core.text import fold

CONFIG = Path(__file__).parent.parent / "config"
TODAY = date(2026, 11, 23)


def entries() -> list[Faq]:
    tables = (tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted((CONFIG / "faq").glob("*.toml")))
    return [Faq.model_validate(row) for table in tables for row in table["faq"]]


FAQS = entries()
every_faq = pytest.mark.parametrize("faq", FAQS, ids=lambda faq: faq.id)


WORDS = Templates.model_validate(tomllib.loads((CONFIG / "words.toml").read_text(encoding="utf-8")))
every_letter = pytest.mark.parametrize("letter", WORDS.letters.values(), ids=WORDS.letters.keys())


def asked(faq: Faq) -> set[str]:
    """Returns every way in which this FAQ is asked, blanks and cases folded away."""
    english = (faq.en.question, *faq.en.variants) if faq.en else ()
    return {"".join(fold(text).split()) for text in (faq.question, *faq.variants, *english)}


def test_there_are_thirty_six_questions_under_names_of_their_own() -> None:
    """The city answers 36 questions by itself, each under one id."""
    ids = {faq.id for faq in FAQS}

    assert 36 == len(FAQS) == len(ids)


def test_no_way_of_asking_belongs_to_two_questions() -> None:
    """A sentence that one entry claims is claimed by no other entry."""
    claims = Counter(text for faq in FAQS for text in asked(faq))
    claimed_twice = [text for text, times in claims.items() if times > 1]

    assert [] == claimed_twice


@every_faq
def test_an_entry_knows_how_people_ask(faq: Faq) -> None:
    """Each entry has at least eight ways of asking, all different."""
    distinct = {fold(variant) for variant in faq.variants}

    assert 8 <= len(faq.variants) == len(distinct)


@every_faq
def test_an_entry_knows_its_look_alikes(faq: Faq) -> None:
    """Each entry names at least four sentences that must not get its answer, none of which it claims itself."""
    alike = {"".join(fold(text).split()) for text in faq.not_examples}

    assert 4 <= len(alike)
    assert set() == alike & asked(faq)


@every_faq
def test_the_short_answer_can_go_out_as_a_korean_sms(faq: Faq) -> None:
    """The short wording has only characters that Korean carriers take, and stays a short message of 160 bytes."""
    size = len(faq.short.encode("cp949"))

    assert 160 >= size


@every_faq
def test_an_answer_speaks_politely(faq: Faq) -> None:
    """Answers end in the formal polite style."""
    assert faq.answer.endswith(("니다.", "십시오."))


@every_faq
def test_a_fact_has_a_day_that_has_come(faq: Faq) -> None:
    """Nobody can have checked a fact tomorrow."""
    assert TODAY >= faq.as_of


@every_faq
def test_english_is_spoken_too(faq: Faq) -> None:
    """Each entry has an English answer, a short one in plain ASCII, and at least three English ways of asking."""
    english = faq.en

    assert english is not None
    assert english.short.isascii()
    assert english.short
    assert 3 <= len(english.variants)


def test_unchecked_facts_never_answer_by_themselves() -> None:
    """Facts that nobody has checked yet are marked so."""
    unverified = {faq.id for faq in FAQS if not faq.verified}

    assert {"car-tax", "climate-card", "free-ewaste"} == unverified


def test_what_cannot_wait_is_answered_at_any_hour() -> None:
    """Frozen meters, lost property, a train too hot and emergency numbers do not wait for nine o'clock."""
    anytime = {faq.id for faq in FAQS if faq.anytime}

    assert {"frozen-meter", "lost-property", "train-temperature", "emergency-numbers"} == anytime


@every_letter
def test_a_letter_has_a_short_form_in_both_languages(letter: Letter) -> None:
    """Every letter can go out as a Korean SMS, and in English as plain ASCII; it is there in full, too."""
    assert letter.short.encode("cp949")
    assert letter.short_en
    assert letter.short_en.isascii()
    assert letter.subject
    assert letter.subject_en


def test_every_state_and_kind_has_a_word() -> None:
    """What a citizen reads about a case is never an id."""
    states = {"held", "received", "assigned", "waiting", "answered", "transferred", "closed", "withdrawn", "recorded"}

    assert states == set(WORDS.states)
    assert set(get_args(Kind)) == set(WORDS.kinds)
