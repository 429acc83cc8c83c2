"""What search knows a message and a question by: the same words whichever engine keeps them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec

from core.mask import mask
from core.message import Message
from core.text import tokens
from core.wire import Routed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# What one text and one query may cost at most.
_MOST_TOKENS, _LONGEST_TOKEN, _MOST_WORDS, _LONGEST_QUERY = 20_000, 64, 32, 1_000
_MOST_HITS, _FURTHEST_PAGE = 1_000, 100_000
# The last hit that anybody can see.
FURTHEST = _FURTHEST_PAGE + _MOST_HITS
# Text is indexed by two syllables: one alone is looked for at either place.
SYLLABLE = re.compile("[가-힣]")


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One message found. `score` is 1.0 when every word is in it, else less, by how well it fits."""

    message_id: str
    score: float
    received_at: datetime


def found_as(record: Routed) -> str:
    """Returns the id under which a record is kept: one that takes a message back takes its place, without a word."""
    return record.context.original or record.message.id


def message_words(message: Message) -> Iterator[str]:
    """Yields each word that a message is found by, once: those of its masked subject and text."""
    return _words(mask(message.whole), _MOST_TOKENS)


def query_words(query: str) -> list[str]:
    """Returns each word that is looked for, once."""
    return list(_words(query[:_LONGEST_QUERY], _MOST_WORDS))


def page(limit: int, offset: int) -> tuple[int, int]:
    """Returns how many hits are shown and how many left out before them, both within what an engine can bear."""
    return min(max(1, limit), _MOST_HITS), min(max(0, offset), _FURTHEST_PAGE)


def microseconds(moment: datetime) -> int:
    """Returns a moment as the index keeps it: microseconds since 1970, UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(since_1970: int) -> datetime:
    """Returns what `microseconds` was made of."""
    return _EPOCH + since_1970 * _MICROSECOND


def _words(text: str, most: int) -> Iterator[str]:
    words = dict.fromkeys(tokens(text))
    if max(map(len, words), default=0) > _LONGEST_TOKEN:
        words = dict.fromkeys([word[:_LONGEST_TOKEN] for word in words])
    return islice(words, most)
