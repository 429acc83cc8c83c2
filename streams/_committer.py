"""The thread that makes durable whatever waits, together."""

import sqlite3
import threading
import time
from asyncio import Future
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import TypeVar

from core import telemetry
from core.errors import ConfigError, Unavailable
from streams._file import unavailable
from streams._log import Log
from streams._records import Done, News, Write

# One transaction takes no more than this, so that nobody waits long for many others.
_MOST_ENTRIES = 8192
_MOST_BYTES = 16 * 1024 * 1024
# Transactions that several share begin no closer than this: fewer, larger ones cost each writer a fraction.
_TOGETHER_SECONDS = 0.004
# How often, with nothing to write, it looks what other processes wrote; and how often it tidies.
_REST_SECONDS = 1.0
# Tidying never takes more than a small part of the time, however busy or idle it is.
_BETWEEN_BITES_SECONDS = 0.02

Waiting = tuple[Write, "Future[Done]"]
# Called in the thread: what is to be told on the loop, with the writes that it is about.
Tell = Callable[[list[Waiting], News | Unavailable], None]
# Called in the thread with the topics that grew.
Ring = Callable[[Iterable[str]], None]

T = TypeVar("T")


class Committer:
    """Group commit: a single writer waits for one sync of the disk, a hundred writers share one."""

    def __init__(self, log: Log, tell: Tell, ring: Ring, *, tidies: bool) -> None:
        self._log = log
        self._tidies = tidies
        self._tell = tell
        self._ring = ring
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._taken: list[Waiting] = []
        self._is_stopping = False
        self._is_failing = False
        # Why nothing can be made durable now; "" while it can.
        self.trouble = ""
        self._next_bite = 0.0
        self._next_turn = 0.0
        self._thread = threading.Thread(target=self._run, name="stream committer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, write: Write, future: "Future[Done]") -> None:
        """Hands a write over. An empty one only asks how the log stands."""
        self._queue.put((write, future))

    def stop(self) -> None:
        """Writes what waits, then ends; to be called where waiting holds up nobody."""
        self._queue.put(None)
        self._thread.join()

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._take()
                self._commit()
                self._tidy()
        finally:
            self._log.close()
            self._refuse_the_rest()

    def _take(self) -> None:
        entries = size = 0
        try:
            item = self._queue.get(timeout=max(0.0, self._next_bite - time.monotonic()))
            self._await_turn()
            while item is not None:
                self._taken.append(item)
                entries += len(item[0].entries) + 1
                size += sum([len(entry.body) for entry in item[0].entries])
                if entries >= _MOST_ENTRIES or size >= _MOST_BYTES:
                    return
                item = self._queue.get_nowait()
            self._is_stopping = True
        except Empty:
            return

    def _await_turn(self) -> None:
        """Lets others come along when several came the last time; who writes alone waits for nobody."""
        ahead = self._next_turn - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)

    def _commit(self) -> None:
        writes = [write for write, _ in self._taken]
        self._next_turn = time.monotonic() + _TOGETHER_SECONDS if len(writes) > 1 else 0.0
        result = self._attempt(
            lambda: self._log.apply(writes) if writes else self._log.look(),
            proves=any(write.entries for write in writes),
        )
        if isinstance(result, News) and result.added:
            self._ring(result.added.keys())
        taken, self._taken = self._taken, []
        if taken or isinstance(result, News):
            self._say(taken, result)

    def _tidy(self) -> None:
        if time.monotonic() < self._next_bite:
            return
        if self._is_failing:
            # Nobody may come to try: the door that reports itself broken is not knocked at.
            self._attempt(self._log.probe, proves=True)
        has_more = self._tidies and not self._is_failing and self._attempt(self._log.tidy) is True
        self._next_bite = time.monotonic() + (_BETWEEN_BITES_SECONDS if has_more else _REST_SECONDS)

    def _attempt(self, work: Callable[[], T], *, proves: bool = False) -> T | Unavailable:
        """Does it or returns why not. Only what was written `proves` that writing works again."""
        try:
            result = work()
        except (sqlite3.Error, OSError, MemoryError) as error:
            return self._failed(unavailable(self._log.path, error))
        except (ConfigError, Unavailable) as error:
            return self._failed(Unavailable(str(error)))
        if self._is_failing and proves:
            self._is_failing, self.trouble = False, ""
            telemetry.recovered(part="stream")
        return result

    def _failed(self, why: Unavailable) -> Unavailable:
        self.trouble = why.reason
        if not self._is_failing:
            self._is_failing = True
            telemetry.waiting(part="stream", reason=why.reason, seconds=_REST_SECONDS)
        return why

    def _say(self, waiting: list[Waiting], result: News | Unavailable) -> None:
        try:
            self._tell(waiting, result)
        except RuntimeError:
            # The loop is closed: nobody is left to be told, and nobody will come again.
            self._is_stopping = True

    def _refuse_the_rest(self) -> None:
        while not self._queue.empty():
            item = self._queue.get()
            self._taken += [item] if item else []
        self._say(self._taken, Unavailable("the stream has ended; start the program anew"))
