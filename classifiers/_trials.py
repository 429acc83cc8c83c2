"""Asks a table of questions with its own sentences: what comes of it tells how far a match may be trusted."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar
from zlib import crc32

import numpy as np

from classifiers._match import Asking, Match, Matcher
from classifiers._text import Reading, read

# Of so many wordings one is asked with its entry left out, and one with a word exchanged: of what is asked about
# half is then what an entry covers. A sentence is chosen by its own letters: another sentence changes nothing of it.
_GONE_EVERY, _EXCHANGE_EVERY = 2, 4
# Of a sentence with one word exchanged nobody knows what it asks: sometimes the same all the same.
_EXCHANGED_WEIGHT = 0.5
# Who writes them wants to hit upon what is nearest: they come more often in a table than from people.
_LOOK_ALIKE_WEIGHT = 0.5
# A word of less weight ("어떻게", "내일") is no matter that could be exchanged for another, and of less than the second
# no matter that could take its place.
_TELLING, _FOREIGN = 0.3, 0.5
# Less than a light word that the entry has no word for.
_LEAST_ODD = 0.1
ALL = 1_000_000_000
_PARTICLE = re.compile(r"(?:에서는|에서|은|는|이|가|을|를|의|도|로|으로)\Z")
_Row = TypeVar("_Row")


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


def trials(matcher: Matcher, strangers: Strangers, most: int = ALL) -> Iterator[Trial]:
    """Asks each wording with itself left out (right or wrong), with its whole entry left out, and with one of its
    words exchanged for a stranger (whatever is found then is wrong); each sentence that must not match (its own
    entry is wrong); and strangers, which ask nothing. Of more than `most` wordings some stand for the others; of the
    look-alikes, which are few and near, all are asked."""
    tests = list(_tests(matcher, strangers, most))
    for test, match in zip(tests, matcher.matches([test.asking for test in tests]), strict=True):
        if match and match.odd >= test.least_odd and test.only in (-1, match.entry):
            yield Trial(match, match.entry == test.owner, test.weight)


def _tests(matcher: Matcher, strangers: Strangers, most: int) -> Iterator[_Test]:
    ways = np.flatnonzero(matcher.is_way).tolist()
    chosen = _sample(ways, [matcher.questions[number].reading for number in ways], most)
    share = len(ways) / max(len(chosen), 1)
    for number in chosen:
        yield from _of_wording(matcher, number, share)
    for number in np.flatnonzero(~matcher.is_way).tolist():
        question = matcher.questions[number]
        # A demand gets no answer whatever it is like.
        if strangers.may_ask(question.reading):
            yield _Test(Asking(question, without=number), _LOOK_ALIKE_WEIGHT, only=int(matcher.owner[number]))
    exchanged = [number for number in chosen if _is_chosen(matcher.questions[number].reading, _EXCHANGE_EVERY)]
    yield from _exchanges(matcher, exchanged, strangers.words, share)
    for reading in _sample(strangers.sentences, strangers.sentences, most):
        yield _Test(Asking(matcher.taken(reading)), max(len(strangers.sentences) / most, 1.0), least_odd=_LEAST_ODD)


def _of_wording(matcher: Matcher, number: int, share: float) -> Iterator[_Test]:
    question, owner = matcher.questions[number], int(matcher.owner[number])
    if (matcher.owner[matcher.is_way] == owner).sum() > 1:
        yield _Test(Asking(question, without=number), share, owner)
    if _is_chosen(question.reading, _GONE_EVERY, of="gone"):
        yield _Test(Asking(question, gone=owner), share)


def _exchanges(matcher: Matcher, numbers: Sequence[int], foreign: Sequence[str], share: float) -> Iterator[_Test]:
    strangers = _ring(foreign)
    others = [_ring(matcher.words_of_others(entry)) for entry in range(matcher.entries)]
    for number in numbers:
        is_foreign = _is_chosen(matcher.questions[number].reading, 2, of="foreign")
        if other := _exchanged(matcher, number, strangers if is_foreign else others[matcher.owner[number]]):
            asking = Asking(matcher.taken(other), without=number)
            yield _Test(asking, share * _EXCHANGED_WEIGHT, least_odd=_LEAST_ODD)


def _sample(rows: Sequence[_Row], readings: Sequence[Reading], most: int) -> Sequence[_Row]:
    """Returns at most so many rows, by their letters alone: one more row takes the place of at most one other."""
    if len(rows) <= most:
        return rows
    order = sorted(range(len(rows)), key=lambda place: (_digest(readings[place].tight), place))
    return [rows[place] for place in sorted(order[:most])]


# The same nouns are others' words for nearly every entry.
@lru_cache(maxsize=4_096)
def _digest(text: str, of: str = "") -> int:
    return crc32(f"{of}\0{text}".encode())


def _is_chosen(reading: Reading, every: int, of: str = "exchanged") -> bool:
    return _digest(reading.tight, of) % every == 0


def _ring(words: Sequence[str]) -> list[tuple[int, str]]:
    """Returns words by their digests: the next one after a digest stays the same when a word comes in elsewhere."""
    return sorted((_digest(word), word) for word in words)


def _exchanged(matcher: Matcher, number: int, words: Sequence[tuple[int, str]]) -> Reading | None:
    """Returns a wording with one telling word of it exchanged, always the same one."""
    question = matcher.questions[number]
    # Only a word that stands by itself: another half of a compound makes no other question.
    words_of_it = {word.form for word in question.words.all if word.weight >= _TELLING}
    forms = [word for word in question.reading.words if word in words_of_it or _stem(word) in words_of_it]
    if not forms or not words:
        return None
    form = forms[_digest(question.reading.tight, "form") % len(forms)]
    _, other = words[bisect_left(words, (_digest(question.reading.tight, "other"), "")) % len(words)]
    stem = form if form in words_of_it else _stem(form)
    return read(question.reading.spaced.replace(stem, other, 1))


def _stem(word: str) -> str:
    return _PARTICLE.sub("", word)


def foreign_words(matcher: Matcher, sentences: Sequence[Reading]) -> list[str]:
    """Returns the telling nouns of sentences about other things that no entry has a wording with."""
    known = {name for question in matcher.questions for name in question.names}
    words = {word for reading in sentences for word in matcher.taken(reading).words.all}
    telling = {word.form for word in words if word.weight >= _FOREIGN and word.name.endswith("/NN")}
    return sorted(form for form in telling if len(form) > 1 and f"{form}/NN" not in known)
