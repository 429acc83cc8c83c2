"""Beginnings, ends, pairs and threes of the characters of many texts at once, as numbers: what is learned from
sentences is looked up for a whole batch."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]
_Keys = NDArray[np.int64]

# Where a piece stands among those of its word: beginnings, ends, pairs, threes.
_BEGINS, _ENDS, _PAIR, _THREE = 0, 3, 6, 7
_SIZES = (1, 2, 3)


class Found(NamedTuple):
    """Known pieces, in no order: which, of which text, of which word (the words of all texts in one row), where among
    the pieces of its word; `across` is 1 where the blank behind the word is inside of it, else 0."""

    places: Places
    texts: Places
    words: Places
    ranks: Places
    across: Places

    def where(self, chosen: NDArray[np.bool_] | Places) -> "Found":
        return Found(*(column[chosen] for column in self))

    def in_order(self) -> "Found":
        """Returns them as the words stand, and behind them what is across blanks."""
        return self.where(np.lexsort((self.ranks, self.words, self.across, self.texts)))


class _Row(NamedTuple):
    """The characters of all texts one after the other, without blanks, each a number that is 0 for strangers."""

    letters: _Keys
    texts: Places
    words: Places
    begins: Places
    sizes: Places

    @property
    def pairs(self) -> Places:
        """Returns where pairs of known characters stand."""
        one, other = self.letters[:-1], self.letters[1:]
        return np.flatnonzero((self.texts[:-1] == self.texts[1:]) & (one > 0) & (other > 0))


class Pieces:
    """Knows the pieces of some texts, each given as its words; numbers them from 0 on."""

    def __init__(self, texts: Sequence[Sequence[str]], same: Mapping[int, int]) -> None:
        """`same` are characters that count as another one. `learned` are the pieces of these texts."""
        known = np.unique(_codes([word.translate(same) for words in texts for word in words]))
        self._numbers = np.zeros(max(known.max(initial=0), *same, 0) + 2, dtype=np.int64)
        self._numbers[known] = np.arange(1, len(known) + 1)
        self._numbers[list(same)] = self._numbers[list(same.values())]
        self._base = len(known) + 1
        row = self._row(texts)
        keys, self.learned = self._taken(row, row.pairs)
        self._keys, places = np.unique(keys, return_inverse=True)
        self.learned = self.learned._replace(places=places.astype(np.intp))
        self._of_two = self._keys[: np.searchsorted(self._keys, self._base**2)]

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, texts: Sequence[Sequence[str]]) -> Found:
        """Returns the known pieces of texts; those of one are the same whatever others are asked with it."""
        row = self._row(texts)
        pairs = row.pairs
        # What is longer is known only where each pair in it is: most is not, and is not looked up.
        _, is_known = _looked_up(self._of_two, self._of_pairs(row, pairs))
        keys, found = self._taken(row, pairs[is_known])
        places, is_known = _looked_up(self._keys, keys)
        return found._replace(places=places).where(is_known)

    def _row(self, texts: Sequence[Sequence[str]]) -> _Row:
        words = list(chain.from_iterable(texts))
        sizes = np.fromiter(map(len, words), dtype=np.intp, count=len(words))
        owners = np.arange(len(texts)).repeat([len(one) for one in texts])
        letters = self._numbers.take(_codes(words), mode="clip")
        return _Row(letters, owners.repeat(sizes), np.arange(len(words)).repeat(sizes), sizes.cumsum() - sizes, sizes)

    def _of_pairs(self, row: _Row, at: Places) -> _Keys:
        return row.letters[at] * self._base + row.letters[at + 1]

    def _taken(self, row: _Row, at: Places) -> tuple[_Keys, Found]:
        """Returns all pieces that these pairs are in, and the key of each."""
        of_two = np.zeros(len(row.letters) + 1, dtype=np.int64)
        of_two[at] = self._of_pairs(row, at)
        threes = at[of_two[at + 1] > 0]
        # Two blanks inside of it are one too many.
        threes = threes[row.words[threes + 2] - row.words[threes] <= 1]
        of_three = np.zeros_like(of_two)
        of_three[threes] = of_two[threes] * self._base + row.letters[threes + 2]
        # Across one blank the same three ("00 0", "0 00") is counted once.
        threes = threes[(of_three[threes - 1] != of_three[threes]) | (row.words[threes + 1] == row.words[threes])]
        ranks = _THREE + row.words[threes + 1] - row.words[threes]
        columns = [
            (of_two[at], at, np.full(len(at), _PAIR), row.words[at + 1] - row.words[at]),
            (of_three[threes], threes, ranks, row.words[threes + 2] - row.words[threes]),
            *self._at_edges(row, (row.letters, of_two, of_three)),
        ]
        keys, at, ranks, across = (np.concatenate(column) for column in zip(*columns, strict=True))
        return keys, Found(at, row.texts[at], row.words[at], ranks, across)

    def _at_edges(self, row: _Row, runs: Sequence[_Keys]) -> Iterator[tuple[_Keys, Places, Places, Places]]:
        """Yields keys, places, ranks of what words begin and end with; `runs` are the keys of ones, twos, threes."""
        mark = self._base**3
        for size, keys in zip(_SIZES, runs, strict=True):
            fits = row.sizes >= size
            begins, rest = row.begins[fits], row.sizes[fits] - size
            for first, more, at in ((_BEGINS, mark, begins), (_ENDS, 2 * mark, begins + rest)):
                known = at[keys[at] > 0]
                yield (
                    keys[known] + more,
                    known,
                    np.full(len(known), first + size - 1),
                    np.zeros(len(known), dtype=np.intp),
                )


def portions(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Yields parts of a list, one after the other, that have at most so much together, each at least one of it."""
    begin, held = 0, 0
    for place, size in enumerate(sizes):
        if place > begin and held + size > most:
            yield slice(begin, place)
            begin, held = place, 0
        held += size
    if sizes:
        yield slice(begin, len(sizes))


def _codes(words: Sequence[str]) -> NDArray[np.uint32]:
    return np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _looked_up(known: _Keys, keys: _Keys) -> tuple[Places, NDArray[np.bool_]]:
    """Returns where each key is among those that are known, and whether it is one of them."""
    if not len(known):
        return np.zeros(len(keys), dtype=np.intp), np.zeros(len(keys), dtype=bool)
    places = known.searchsorted(keys)
    return places, known.take(places, mode="clip") == keys
