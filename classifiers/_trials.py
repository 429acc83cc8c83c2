"""Asks a table of questions with its own sentences: what comes of it tells how far a match may be trusted."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from classifiers._match import Asking, Match, Matcher
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


class _Test(NamedTuple):
    """What is asked, what counts when it is found, and whether an outcome may be right."""

    asking: Asking
    weight: float = 1.0
    owner: int = -1
    # Another entry may well answer it.
    only: int = -1
    # A sentence all of whose words one entry knows may well ask for it.
    least_odd: float = -1.0


def trials(matcher: Matcher, strangers: Strangers, every: int = 1) -> Iterator[Trial]:
    """Asks each wording with itself left out (right or wrong), with its whole entry left out, and with one of its
    words exchanged for a stranger (whatever is found then is wrong); each sentence that must not match (its own
    entry is wrong); and strangers, which ask nothing. With `every`, one in so many of each but the look-alikes, which
    are few and near, stands for the others."""
    tests = list(_tests(matcher, strangers, every))
    for test, match in zip(tests, matcher.matches([test.asking for test in tests]), strict=True):
        if match and match.odd >= test.least_odd and test.only in (-1, match.entry):
            yield Trial(match, match.entry == test.owner, test.weight)


def _tests(matcher: Matcher, strangers: Strangers, every: int) -> Iterator[_Test]:
    for number in np.flatnonzero(matcher.is_way).tolist()[::every]:
        yield from _of_wording(matcher, number, every)
    for number in np.flatnonzero(~matcher.is_way).tolist():
        question = matcher.questions[number]
        # A demand gets no answer whatever it is like.
        if strangers.may_ask(question.reading):
            yield _Test(Asking(question, without=number), only=int(matcher.owner[number]))
    for number in range(0, len(matcher.questions), _EXCHANGE_EVERY * every):
        by_turns = number // (_EXCHANGE_EVERY * every) % 2
        theirs = strangers.words if by_turns else matcher.words_of_others(int(matcher.owner[number]))
        if matcher.is_way[number] and (other := _exchanged(matcher, number, theirs)):
            asking = Asking(matcher.taken(other), without=number)
            yield _Test(asking, every * _EXCHANGED_WEIGHT, least_odd=_LEAST_ODD)
    for reading in strangers.sentences[::every]:
        yield _Test(Asking(matcher.taken(reading)), every, least_odd=_LEAST_ODD)


def _of_wording(matcher: Matcher, number: int, every: int) -> Iterator[_Test]:
    question, owner = matcher.questions[number], int(matcher.owner[number])
    if (matcher.owner[matcher.is_way] == owner).sum() > 1:
        yield _Test(Asking(question, without=number), every, owner)
    if (number // 2) % _GONE_EVERY == 0:
        yield _Test(Asking(question, gone=owner), every)


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
