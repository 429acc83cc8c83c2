"""The morphemes of the city's own texts, from one start to the next: to find them takes as long as to load Kiwi."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import msgspec

from classifiers.base import Kept

_WHAT = "morphemes"


class Morpheme(Protocol):
    """What is asked of a token of Kiwi's."""

    @property
    def form(self) -> str: ...
    @property
    def tag(self) -> str: ...
    @property
    def id(self) -> int: ...


class _Morpheme(NamedTuple):
    form: str
    tag: str
    id: int


class _File(msgspec.Struct, frozen=True, kw_only=True):
    made_by: str
    texts: dict[str, tuple[_Morpheme, ...]]


class OwnTexts:
    """Used as a context: only inside it a text is taken for the city's own.

    Each text lies there as it is, beside all that made its morphemes what they are: with another version or other
    names nothing of it is used, and a text that changed is another one.
    """

    def __init__(self, kept: Kept, made_by: str) -> None:
        self._kept, self._made_by = kept, made_by
        self._before: dict[str, tuple[_Morpheme, ...]] | None = None
        self._now: dict[str, tuple[_Morpheme, ...]] = {}
        self.is_open = False

    def __enter__(self) -> None:
        self.is_open = True
        if self._before is None:
            self._before = self._read()

    def __exit__(self, *_: object) -> None:
        self.is_open = False

    def of(self, text: str) -> tuple[_Morpheme, ...]:
        """Returns what is known of a text, nothing where that is nothing."""
        if found := (self._before or {}).get(text, ()):
            self._now[text] = found
        return found

    def learned(self, text: str, morphemes: Iterable[Morpheme]) -> tuple[_Morpheme, ...]:
        found = tuple(_Morpheme(one.form, one.tag, one.id) for one in morphemes)
        self._now[text] = found
        return found

    def write(self) -> None:
        """Keeps what was asked for since the first opening, unless that is what was kept before, and forgets it."""
        if self._now.keys() != (self._before or {}).keys():
            self._kept.write(_WHAT, msgspec.msgpack.encode(_File(made_by=self._made_by, texts=self._now)))
        self.forget()

    def forget(self) -> None:
        self._before, self._now = None, {}

    def _read(self) -> dict[str, tuple[_Morpheme, ...]]:
        data = self._kept.read(_WHAT)
        try:
            file = msgspec.msgpack.decode(data, type=_File) if data else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return file.texts if file and file.made_by == self._made_by else {}
