"""Asks a table of questions with its own sentences: what comes of it tells how far a match may be trusted."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from classifiers._match import Match, Matcher
from classifiers._text import Reading, read

# One question in three is about what no entry covers.
_GONE_EVERY = 2
# Of a sentence with one word exchanged nobody knows what it asks: sometimes the same all the same.
_EXCHANGED_WEIGHT = 0.5
_TELLING, _FOREIGN = 0.3, 0.5
_EXCHANGE_EVERY = 4
_LEAST_ODD = 0.1


class Trial(NamedTuple):
    """One question that was asked: what came of it, whether it was right, and how much it counts."""

    match: Match
    is_right: bool
    weight: float


class Strangers(NamedTuple):
    """What is not asked: sentences about other things, words from them, and which sentence might be a question."""

    sentences: Sequence[Reading]
    words: Sequence[str]
    may_ask: Callable[[Reading], bool]


def trials(matcher: Matcher, strangers: Strangers, every: int = 1) -> Iterator[Trial]:
    """Asks each wording with itself left out (right or wrong), with its whole entry left out, and with one of its
    words exchanged for a stranger (whatever is found then is wrong); each sentence that must not match (its own
    entry is wrong); and strangers, which ask nothing. With `every`, one in so many of each but the look-alikes, which
    are few and near, stands for the others."""
    for number in np.flatnonzero(matcher.is_way).tolist()[::every]:
        yield from (trial._replace(weight=trial.weight * every) for trial in _of_wording(matcher, number))
    for number in np.flatnonzero(~matcher.is_way).tolist():
        yield from _of_look_alike(matcher, number, strangers.may_ask)
    for number in range(0, len(matcher.questions), _EXCHANGE_EVERY * every):
        by_turns = number // (_EXCHANGE_EVERY * every) % 2
        theirs = strangers.words if by_turns else matcher.words_of_others(int(matcher.owner[number]))
        if matcher.is_way[number] and (other := _exchanged(matcher, number, theirs)):
            question = matcher.taken(other)
            yield from _wrong(
                matcher.best(question, matcher.likeness(question), without=number), every * _EXCHANGED_WEIGHT
            )
    for reading in strangers.sentences[::every]:
        yield from _wrong(matcher.match(matcher.taken(reading)), float(every))


def _of_wording(matcher: Matcher, number: int) -> Iterator[Trial]:
    question, owner = matcher.questions[number], int(matcher.owner[number])
    likeness = matcher.likeness(question)
    if (matcher.owner[matcher.is_way] == owner).sum() > 1 and (
        match := matcher.best(question, likeness, without=number)
    ):
        yield Trial(match, match.entry == owner, 1.0)
    if (number // 2) % _GONE_EVERY == 0 and (match := matcher.best(question, likeness, gone=owner)):
        yield Trial(match, False, 1.0)


def _of_look_alike(matcher: Matcher, number: int, may_ask: Callable[[Reading], bool]) -> Iterator[Trial]:
    question = matcher.questions[number]
    # A demand gets no answer whatever it is like.
    if not may_ask(question.reading):
        return
    match = matcher.best(question, matcher.likeness(question), without=number)
    # Another entry may well answer it.
    if match and match.entry == matcher.owner[number]:
        yield Trial(match, False, 1.0)


def _wrong(match: Match | None, weight: float) -> Iterator[Trial]:
    # A sentence all of whose words one entry knows may well ask for it.
    if match and match.odd >= _LEAST_ODD:
        yield Trial(match, False, weight)


def _exchanged(matcher: Matcher, number: int, words: Sequence[str]) -> Reading | None:
    """Returns a wording with one telling word of it exchanged, always the same one."""
    question = matcher.questions[number]
    # Only a word that stands by itself: another half of a compound makes no other question.
    words_of_it = {word.form for word in question.words.all if word.weight >= _TELLING}
    forms = [word for word in question.reading.words if word in words_of_it or _stem(word) in words_of_it]
    if not forms or not words:
        return None
    form, other = forms[number % len(forms)], words[number * 7_919 % len(words)]
    stem = form if form in words_of_it else _stem(form)
    return read(question.reading.spaced.replace(stem, other, 1))


def _stem(word: str) -> str:
    return re.sub(r"(?:에서는|에서|은|는|이|가|을|를|의|도|로|으로)\Z", "", word)


def foreign_words(matcher: Matcher, sentences: Sequence[Reading]) -> list[str]:
    """Returns the telling nouns of sentences about other things that no entry has a wording with."""
    known = {name for question in matcher.questions for name in question.names}
    words = {word for reading in sentences for word in matcher.taken(reading).words.all}
    telling = {word.form for word in words if word.weight >= _FOREIGN and word.name.endswith("/NN")}
    return sorted(form for form in telling if len(form) > 1 and f"{form}/NN" not in known)
