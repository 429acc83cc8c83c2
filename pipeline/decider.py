"""The desk in a process of its own: deciding never holds up the door, and a hang or a crash there loses nothing.

The child keeps no state and opens the case store for reading only, so it may die at any moment.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from core.errors import ConfigError, Unavailable
from pipeline.desk import Desk, Outcome
from pipeline.memory import few_arenas, give_back, settle_again, settle_memory
from pipeline.orphan import end_with

_LEAST_SECONDS, _SECONDS_EACH = 10.0, 0.2
# While models may have to be loaded first: on a busy machine that takes longer than any decision.
_COLD_SECONDS = 30.0
# How many times it may take as long on a busy machine, and by which shares of a processor that is told.
_PATIENCE = 5
_IDLE_SHARE, _BUSY_SHARE = 0.01, 0.5
_IDLE_SECONDS = 2.0
_LOOK_SECONDS = 0.25
# It keeps nothing: only who is idle ends by itself, with its connections closed.
_GRACE_SECONDS = 1.0
_TAKING_SECONDS = 120.0
_encode = msgspec.msgpack.Encoder().encode


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the child is asked: to decide these bodies; to decide by another city from some moment on (`number`)."""

    bodies: list[bytes] = []
    city: bytes = b""
    number: int = 0


_asks = msgspec.msgpack.Decoder(Ask)


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the child says of one batch: outcomes, or why there are none (`again`: the same may work later).

    At its start it says once whether it works.
    """

    outcomes: list[Outcome] = []
    error: str = ""
    again: bool = False
    ended: bool = False
    # The city that it decides by, and why it could not take the one that it was given last.
    number: int = 0
    refused: str = ""
    # Everything is loaded that a message may need, and nothing else is being made ready.
    is_warm: bool = False


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
        self._number = 0
        self._is_warm = False

    async def start(self) -> None:
        """Starts the child and waits until its tables and models are loaded."""
        async with self._turn:
            await asyncio.to_thread(self._begin)

    async def handle(self, bodies: Sequence[bytes]) -> list[Outcome]:
        """Returns one outcome a body; raises `Unavailable`, or `DeskFailed` when this batch cannot be decided."""
        async with self._turn:
            answer = await asyncio.to_thread(self._ask, Ask(list(bodies)))
        if answer.again:
            raise Unavailable(answer.error)
        if answer.error:
            raise (DeskEnded if answer.ended else DeskFailed)(answer.error)
        return answer.outcomes

    async def take(self, city: bytes, make_desk: Callable[[], Desk]) -> None:
        """Lets the child decide by another city; returns when it does. A batch is decided by one of the two.

        It goes on deciding while it makes ready; `make_desk` is what starts it anew with that city. Raises
        `DeskFailed` when it cannot: then nothing has changed.
        """
        before, self._make_desk = self._make_desk, make_desk
        self._number += 1
        number = self._number
        # Making ready takes time from deciding.
        self._is_warm = False
        answer = await self._told(Ask(city=city, number=number))
        left = _TAKING_SECONDS
        while answer.number != number and not answer.refused and left > 0:
            await asyncio.sleep(_LOOK_SECONDS)
            left -= _LOOK_SECONDS
            answer = await self._told(Ask())
        if answer.number != number:
            self._make_desk = before
            raise DeskFailed(answer.refused or f"not ready within {_TAKING_SECONDS:.0f} s")

    async def _told(self, ask: Ask) -> Answer:
        async with self._turn:
            return await asyncio.to_thread(self._ask, ask)

    async def close(self) -> None:
        async with self._turn:
            await asyncio.to_thread(self._stop)

    def _ask(self, ask: Ask) -> Answer:
        pipe = self._pipe or self._begin()
        try:
            pipe.send_bytes(_encode(ask))
            # A hang is found by halving: the fewer there are, the less they may take.
            least = _LEAST_SECONDS if self._is_warm else _COLD_SECONDS
            seconds = min(self._timeout_seconds, least + _SECONDS_EACH * len(ask.bodies))
            if not is_heard(pipe.poll, self._worked_seconds, seconds):
                self._stop(kill=True)
                return Answer(error=f"no decision within {seconds:.0f} s")
            answer = _answers.decode(pipe.recv_bytes())
        except (EOFError, OSError) as error:
            self._stop(kill=True)
            return Answer(error=f"the deciding process ended: {error or 'killed'}", ended=True)
        self._is_warm = answer.is_warm
        return answer

    def _begin(self) -> Connection:
        ours, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=work, args=(theirs, self._make_desk, self._number), name="desk", daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe, self._is_warm = ours, False
        why = self._first_word(ours)
        if why:
            self._stop(kill=True)
            raise Unavailable(f"the deciding process does not start: {why}")
        return ours

    def _first_word(self, pipe: Connection) -> str:
        """Returns why it does not start, "" when it works."""
        try:
            if not is_heard(pipe.poll, self._worked_seconds, self._timeout_seconds):
                return f"not ready within {self._timeout_seconds:.0f} s"
            return _answers.decode(pipe.recv_bytes()).error
        except (EOFError, OSError) as error:
            return f"it ended: {error or 'killed'}"

    def _worked_seconds(self) -> float:
        """Returns the processor's time that the child took so far; always 0 where the system does not tell."""
        try:
            told = Path(f"/proc/{self._process.pid if self._process else 0}/stat").read_bytes()
        except OSError:
            return 0.0
        user, system = told.rpartition(b") ")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _stop(self, *, kill: bool = False) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            if kill:
                self._process.kill()
            self._process.join(timeout=5)
        self._pipe = self._process = None


def is_heard(poll: Callable[[float], bool], worked_seconds: Callable[[], float], seconds: float) -> bool:
    """Returns whether it speaks within so many seconds, `poll` waiting for it.

    While it works and gets less than half of a processor the machine is busy, and nothing hangs: it has some times as
    long then.
    """
    for _ in range(_PATIENCE):
        before = worked_seconds()
        if poll(seconds):
            return True
        share = (worked_seconds() - before) / seconds
        if not _IDLE_SHARE < share < _BUSY_SHARE:
            return False
    return False


class _Taking:
    """Makes ready for another city beside the work, and changes over at once: a batch sees the one or the other."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._desk = desk
        self.number = number
        self.refused = ""
        self._thread: threading.Thread | None = None

    def begin(self, ask: Ask) -> None:
        self.refused = ""
        self._thread = threading.Thread(target=self._take, args=(ask,), name="taking", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _take(self, ask: Ask) -> None:
        try:
            self._desk.take(ask.city)
        # Whatever it is: what was there goes on, and the other side hears why.
        except Exception as error:  # noqa: BLE001
            self.refused = f"{type(error).__name__}: {error}"[:500]
            return
        self.number = ask.number
        settle_again()


def work(pipe: Connection, make_desk: Callable[[], Desk], number: int = 0) -> None:
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
    taking = _Taking(desk, number)
    warm = threading.Event()
    warming: threading.Thread | None = None
    while True:
        if warming is None and not pipe.poll(_IDLE_SECONDS):
            # Where nobody waits for a model that the first messages may not need.
            warming = threading.Thread(target=_warm, args=(desk, warm), name="warming", daemon=True)
            warming.start()
        try:
            ask = _asks.decode(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        if ask.city:
            taking.begin(ask)
        answer = _answer(desk, ask.bodies) if ask.bodies else Answer()
        states = {"number": taking.number, "refused": taking.refused, "is_warm": warm.is_set() and not taking.is_busy}
        _say(pipe, msgspec.structs.replace(answer, **states))


def _warm(desk: Desk, done: threading.Event) -> None:
    desk.warm()
    done.set()
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
