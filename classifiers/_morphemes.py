"""The words that carry a Korean sentence, by Kiwi: slow (about a millisecond), asked only where cheaper looks end."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from classifiers._text import Reading, phrases

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

_CONTENT = frozenset({"NNG", "NNP", "NNB", "NR", "NP", "VV", "VA", "XR", "SL", "SN", "SH", "MAG"})
# What every question has says nothing about which it is.
_EMPTY = frozenset(
    phrases(
        """
        하/VV|되/VV|있/VV|있/VA|없/VA|좀/MA|것/NN|거/NN|수/NN|저/NP|제/NP|안녕/NN|문의/NN|궁금/XR|알/VV|알리/VV|때/NN
        부탁/NN|방법/NN|법/NN|이용/NN|지금/MA|서울/NN|경우/NN|주/VV|드리/VV|그/NP|혹시/MA
        """
    )
)
_MOST_CHARACTERS = 200


class Morphemes:
    """Content morphemes of readings. Loading the model takes over a second and some 240 MB, at the first use."""

    def __call__(self, reading: Reading) -> list[str]:
        """Returns the different ones as form/tag, in the order of the text."""
        tokens = self._kiwi.tokenize(reading.spaced[:_MOST_CHARACTERS])
        found = [f"{token.form}/{token.tag[:2]}" for token in tokens if token.tag.partition("-")[0] in _CONTENT]
        return [word for word in dict.fromkeys(found) if word not in _EMPTY]

    @cached_property
    def _kiwi(self) -> Kiwi:
        # Kiwi is imported with its model: the processes that route nothing need neither.
        from kiwipiepy import Kiwi

        # Names and compounds of the larger dictionaries change no finding and cost 70 MB.
        return Kiwi(num_workers=1, load_default_dict=False, load_multi_dict=False, integrate_allomorph=False)
