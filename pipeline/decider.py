"""The desk in a process of its own: deciding never holds up the door, and a hang or a crash there loses nothing.

The child keeps no state and opens the case store for reading only, so it may die at any moment.
"""

import asyncio
import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import msgspec

from core.errors import ConfigError, Unavailable
from pipeline.desk import Desk, Outcome
from pipeline.memory import few_arenas, give_back, settle_memory
from pipeline.orphan import end_with

_LEAST_SECONDS, _SECONDS_EACH = 10.0, 0.2
_IDLE_SECONDS = 2.0
# It keeps nothing: only who is idle ends by itself, with its connections closed.
_GRACE_SECONDS = 1.0
_encode = msgspec.msgpack.Encoder().encode
_bodies = msgspec.msgpack.Decoder(list[bytes])


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the child says of one batch: outcomes, or why there are none (`again`: the same may work later).

    At its start it says once whether it works.
    """

    outcomes: list[Outcome] = []
    error: str = ""
    again: bool = False
    ended: bool = False


_answers = msgspec.msgpack.Decoder(Answer)


class DeskFailed(Exception):
    """The desk could not deal with this batch: an unexpected error, a hang or a crash."""


class DeskEnded(DeskFailed):
    """Its process ended meanwhile: by this batch, or by something that had nothing to do with it."""


class Decider:
    """Asks a child process; starts it anew when it is gone. `make_desk` must be picklable.

    One that does not start is nobody's message's fault: that is `Unavailable`.
    """

    def __init__(self, make_desk: Callable[[], Desk], *, timeout_seconds: float = 60) -> None:
        self._make_desk = make_desk
        self._timeout_seconds = timeout_seconds
        self._context = multiprocessing.get_context("spawn")
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Starts the child and waits until its tables and models are loaded."""
        async with self._turn:
            await asyncio.to_thread(self._begin)

    async def handle(self, bodies: Sequence[bytes]) -> list[Outcome]:
        """Returns one outcome a body; raises `Unavailable`, or `DeskFailed` when this batch cannot be decided."""
        async with self._turn:
            answer = await asyncio.to_thread(self._ask, list(bodies))
        if answer.again:
            raise Unavailable(answer.error)
        if answer.error:
            raise (DeskEnded if answer.ended else DeskFailed)(answer.error)
        return answer.outcomes

    async def close(self) -> None:
        async with self._turn:
            await asyncio.to_thread(self._stop)

    def _ask(self, bodies: list[bytes]) -> Answer:
        pipe = self._pipe or self._begin()
        try:
            pipe.send_bytes(_encode(bodies))
            # A hang is found by halving: the fewer there are, the less they may take.
            seconds = min(self._timeout_seconds, _LEAST_SECONDS + _SECONDS_EACH * len(bodies))
            if not pipe.poll(seconds):
                self._stop(kill=True)
                return Answer(error=f"no decision within {seconds:.0f} s")
            return _answers.decode(pipe.recv_bytes())
        except (EOFError, OSError) as error:
            self._stop(kill=True)
            return Answer(error=f"the deciding process ended: {error or 'killed'}", ended=True)

    def _begin(self) -> Connection:
        ours, theirs = self._context.Pipe()
        self._process = self._context.Process(target=work, args=(theirs, self._make_desk), name="desk", daemon=True)
        self._process.start()
        theirs.close()
        self._pipe = ours
        why = self._first_word(ours)
        if why:
            self._stop(kill=True)
            raise Unavailable(f"the deciding process does not start: {why}")
        return ours

    def _first_word(self, pipe: Connection) -> str:
        """Returns why it does not start, "" when it works."""
        try:
            if not pipe.poll(self._timeout_seconds):
                return f"not ready within {self._timeout_seconds:.0f} s"
            return _answers.decode(pipe.recv_bytes()).error
        except (EOFError, OSError) as error:
            return f"it ended: {error or 'killed'}"

    def _stop(self, *, kill: bool = False) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            if kill:
                self._process.kill()
            self._process.join(timeout=5)
        self._pipe = self._process = None


def work(pipe: Connection, make_desk: Callable[[], Desk]) -> None:
    """Runs in the child until the parent closes its end, or is gone."""
    # Ctrl-C reaches the whole group; the parent says when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_with(pipe, grace_seconds=_GRACE_SECONDS)
    few_arenas()
    try:
        desk = make_desk()
    except (ConfigError, Unavailable) as error:
        _say(pipe, Answer(error=str(error)))
        return
    settle_memory()
    _say(pipe, Answer())
    is_warm = False
    while True:
        if not is_warm and not pipe.poll(_IDLE_SECONDS):
            # Where nobody waits for a model that the first messages may not need.
            threading.Thread(target=_warm, args=(desk,), name="warming", daemon=True).start()
            is_warm = True
        try:
            bodies = _bodies.decode(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        _say(pipe, _answer(desk, bodies))


def _warm(desk: Desk) -> None:
    desk.warm()
    give_back()


def _say(pipe: Connection, answer: Answer) -> None:
    # Nobody may be left to hear it; the next word from there, or its end, tells.
    with contextlib.suppress(OSError):
        pipe.send_bytes(_encode(answer))


def _answer(desk: Desk, bodies: list[bytes]) -> Answer:
    try:
        return Answer(outcomes=desk.handle(bodies))
    except Unavailable as error:
        return Answer(error=error.reason, again=True)
    # Whatever it is: the flow halves the batch and parks the record that does this.
    except Exception as error:  # noqa: BLE001
        return Answer(error=f"{type(error).__name__}: {error}"[:500])
