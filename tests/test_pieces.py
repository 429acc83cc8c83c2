"""Pieces of many texts at once are those of each text alone."""

from collections import Counter
from itertools import pairwise

import pytest

from classifiers._pieces import Pieces, portions

KNOWN = [["불이", "났어요"], ["집에", "불"], ["가", "나", "다라마"], ["00", "0"], ["😀불", "a"]]
ASKED = [
    ["집에", "불이", "났다"],
    [],
    ["모르는", "말"],
    ["가", "나", "다라"],
    ["000", "0", "00"],
    ["불"],
    ["\ud800", "불"],
]


def by_hand(words: list[str]) -> Counter[str]:
    """Returns the pieces as they are told in words: the slow way."""
    found = [f"_{word[:size]}" for word in words for size in (1, 2, 3) if len(word) >= size]
    found += [f"{word[-size:]}_" for word in words for size in (1, 2, 3) if len(word) >= size]
    found += [word[at : at + size] for word in words for size in (2, 3) for at in range(len(word) - size + 1)]
    for one, other in pairwise(words):
        found += {one[-1:] + other[:1], one[-2:] + other[:1], one[-1:] + other[:2]}
    return Counter(found)


def test_each_known_piece_is_found_as_often_as_it_is_there() -> None:
    """Beginnings, ends, pairs and threes, and what the blank between two words keeps apart; strangers are passed by."""
    known = set().union(*map(by_hand, KNOWN))
    expected = [sum(count for piece, count in by_hand(words).items() if piece in known) for words in ASKED]
    found = Pieces(KNOWN, {}).find(ASKED)

    assert expected == [int((found.texts == number).sum()) for number in range(len(ASKED))]
    assert len(known) == len(Pieces(KNOWN, {}))


def test_the_same_piece_has_the_same_number() -> None:
    """What is learned of a text is what is found in it."""
    pieces = Pieces(KNOWN, {})
    learned, found = pieces.learned.in_order(), pieces.find(KNOWN).in_order()

    assert learned.places.tolist() == found.places.tolist()


@pytest.mark.parametrize("words", ASKED)
def test_others_change_nothing(words: list[str]) -> None:
    """A text has the same pieces alone and in the midst of others."""
    pieces = Pieces(KNOWN, {})
    alone, among = pieces.find([words]).in_order(), pieces.find([*ASKED, words, *KNOWN])
    there = among.where(among.texts == len(ASKED)).in_order()

    assert (alone.places.tolist(), alone.ranks.tolist()) == (there.places.tolist(), there.ranks.tolist())


def test_characters_that_count_as_one() -> None:
    """What is written one for the other is the same piece, in what is learned and in what is asked."""
    pieces = Pieces([["났다"]], {ord("났"): ord("낫")})

    assert pieces.find([["났다"]]).places.tolist() == pieces.find([["낫다"]]).places.tolist() != []


def test_nothing_learned_knows_nothing() -> None:
    """Without texts there are no pieces."""
    assert 0 == len(Pieces([], {}).find(ASKED).places)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([], []), ([9], [(0, 1)]), ([1, 2, 3, 4], [(0, 2), (2, 3), (3, 4)]), ([0, 9, 0], [(0, 1), (1, 2), (2, 3)])],
)
def test_portions(sizes: list[int], expected: list[tuple[int, int]]) -> None:
    """Each part has at most so much together, and at least one."""
    assert expected == [(part.start, part.stop) for part in portions(sizes, 4)]
