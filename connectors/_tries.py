"""Letters that go by an address or a token which the provider takes once, and soon: never twice, whoever is killed."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from connectors.base import Memory
from core.errors import Unavailable, Uncertain

if TYPE_CHECKING:
    from connectors._post import Answer

# Letters are kept by the hour of the message that they answer. Four days are longer than any letter is tried; then
# the same note is used again.
_NOTES = 96


class _Note(msgspec.Struct, frozen=True):
    """The letters of one hour, each by a short name."""

    hour: int = -1
    letters: tuple[str, ...] = ()


class Tries:
    """Which letters were tried: written down before the call, in the case store, where all processes of the channel
    meet; without one, in this process."""

    def __init__(self, name: str, memory: Callable[[], Memory | None]) -> None:
        self._name = name
        self._memory = memory
        self._own: dict[str, str] = {}

    async def once(
        self,
        letter: str,
        since: float,
        ask: Callable[[], Awaitable["Answer"]],
        *,
        is_fresh: bool,
        is_refused: Callable[["Answer"], bool],
    ) -> "Answer | None":
        """Asks, unless what was given at `since` (Unix time) is too old; returns None when the letter surely did not
        go by it, because it is too old or the answer says that it is used up.

        Raises `Unavailable` when it may be asked again, and `Uncertain` when an earlier try of this letter was never
        answered and cannot be repeated any more.
        """
        was_tried = await self._begin(letter, since, is_new=is_fresh)
        answer = await self._asked(letter, since, ask, was_tried=was_tried) if is_fresh else None
        if answer is not None and not is_refused(answer):
            return answer
        if was_tried:
            raise Uncertain("it was tried before, nobody answered, and the way that it was tried is closed by now")
        return None

    async def _asked(
        self, letter: str, since: float, ask: Callable[[], Awaitable["Answer"]], *, was_tried: bool
    ) -> "Answer":
        try:
            answer = await ask()
        except Uncertain as error:
            # Asked again it is taken, or refused as used up.
            raise Unavailable(str(error)) from error
        except Unavailable:
            if not was_tried:
                await self._undo(letter, since)
            raise
        if answer.status == 429 and not was_tried:
            await self._undo(letter, since)
        return answer

    async def _begin(self, letter: str, since: float, *, is_new: bool) -> bool:
        """Returns whether this letter was tried before; a new try is written down."""
        short, was_tried = _short(letter), False

        def noted(note: _Note) -> _Note:
            nonlocal was_tried
            was_tried = short in note.letters
            return note if was_tried or not is_new else _Note(note.hour, (*note.letters, short))

        await self._change(since, noted)
        return was_tried

    async def _undo(self, letter: str, since: float) -> None:
        """Forgets a try that surely did not go out."""
        short = _short(letter)
        await self._change(since, lambda note: _Note(note.hour, tuple(one for one in note.letters if one != short)))

    async def _change(self, since: float, how: Callable[[_Note], _Note]) -> None:
        hour = int(since // 3_600)
        name = f"{self._name} {hour % _NOTES}"

        def changed(text: str) -> str:
            return msgspec.json.encode(how(_read(text, hour))).decode()

        memory = self._memory()
        if memory is None:
            self._own[name] = changed(self._own.get(name, ""))
        else:
            await asyncio.to_thread(memory.change, name, changed)


def _short(letter: str) -> str:
    return blake2b(letter.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _read(text: str, hour: int) -> _Note:
    try:
        note = msgspec.json.decode(text, type=_Note) if text else _Note()
    except (msgspec.DecodeError, ValueError):
        note = _Note()
    return note if note.hour == hour else _Note(hour)
