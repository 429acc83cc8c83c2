"""Asks a table of questions with its own sentences: what comes of it tells how far a match may be trusted."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

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


def trials(matcher: Matcher, strangers: Sequence[Reading], words: Sequence[str]) -> Iterator[Trial]:
    """Asks each wording with itself left out (right or wrong), with its whole entry left out, and with one of its
    words exchanged for one of `words` (whatever is found then is wrong); each sentence that must not match (its own
    entry is wrong); and `strangers`, which ask nothing."""
    for number in range(len(matcher.questions)):
        yield from _of_wording(matcher, number) if matcher.is_way[number] else _of_look_alike(matcher, number)
    for number in range(0, len(matcher.questions), _EXCHANGE_EVERY):
        theirs = words if number % (2 * _EXCHANGE_EVERY) else matcher.words_of_others(int(matcher.owner[number]))
        if matcher.is_way[number] and (other := _exchanged(matcher, number, theirs)):
            question = matcher.taken(other)
            yield from _wrong(matcher.best(question, matcher.likeness(question), without=number), _EXCHANGED_WEIGHT)
    for reading in strangers:
        yield from _wrong(matcher.match(matcher.taken(reading)), 1.0)


def _of_wording(matcher: Matcher, number: int) -> Iterator[Trial]:
    question, owner = matcher.questions[number], int(matcher.owner[number])
    likeness = matcher.likeness(question)
    if (matcher.owner[matcher.is_way] == owner).sum() > 1 and (
        match := matcher.best(question, likeness, without=number)
    ):
        yield Trial(match, match.entry == owner, 1.0)
    if number % _GONE_EVERY == 0 and (match := matcher.best(question, likeness, gone=owner)):
        yield Trial(match, False, 1.0)


def _of_look_alike(matcher: Matcher, number: int) -> Iterator[Trial]:
    question = matcher.questions[number]
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
    forms = [
        word.form for word in question.words.all if word.weight >= _TELLING and word.form in question.reading.spaced
    ]
    if not forms or not words:
        return None
    form, other = forms[number % len(forms)], words[number * 7_919 % len(words)]
    return read(question.reading.spaced.replace(form, other, 1))


def foreign_words(matcher: Matcher, sentences: Sequence[Reading]) -> list[str]:
    """Returns the telling nouns of sentences about other things that no entry has a wording with."""
    known = {name for question in matcher.questions for name in question.names}
    words = {word for reading in sentences for word in matcher.taken(reading).words.all}
    telling = {word.form for word in words if word.weight >= _FOREIGN and word.name.endswith("/NN")}
    return sorted(form for form in telling if len(form) > 1 and f"{form}/NN" not in known)
