"""Writing to Kafka: a producer of our own, what it sent a while ago, and how long an answer is waited for."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber, ProducerFenced, UnknownProducerId

from core import telemetry
from core.errors import Unavailable
from streams._access import Access, ended
from streams._topics import RECORD_BYTES
from streams.base import Entry

_LINGER_MS = 2
# A broker that carries nothing any more is given up after so long; another one leads its partitions by then.
_SILENT_MS = 6_000
# What the log lost may be given to it again: the outbox does that after a quarter of an hour.
_KNOWN, _KNOWN_SECONDS = 100_000, 600.0
_END_SECONDS = 1.0
_OUT_OF_STEP = (OutOfOrderSequenceNumber, UnknownProducerId, ProducerFenced)

T = TypeVar("T")
# Topic and identity.
_Name = tuple[str, bytes]


class Patience:
    """Waits for the cluster's answers, so long and no longer."""

    def __init__(self, url: str, seconds: float, *, says_seconds: float = math.inf) -> None:
        """`says_seconds`: how long a failure is told of when nothing is asked any more."""
        self.seconds = seconds
        self._says_seconds = says_seconds
        self._trouble, self._failed_at = "", -math.inf
        self._url = url
        self._under_way: set[asyncio.Future[Any]] = set()

    async def finished(self, work: Awaitable[T]) -> T:
        """Returns what it brings, or raises `Unavailable`; whoever is cancelled leaves it to end by itself."""
        task: asyncio.Future[T] = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        # Whatever it ends with when nobody waits any more has been said to nobody, and was acknowledged to nobody.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        try:
            async with asyncio.timeout(self.seconds):
                done = await asyncio.shield(task)
        except TimeoutError as error:
            raise self.failed(f"no answer within {self.seconds:g} s") from error
        except (KafkaError, OSError) as error:
            raise self.failed(str(error) or type(error).__name__) from error
        self._trouble = ""
        return done

    @property
    def trouble(self) -> str:
        """Why the last answer did not come, "" when it came."""
        return self._trouble if time.monotonic() - self._failed_at < self._says_seconds else ""

    def failed(self, why: str) -> Unavailable:
        self._trouble = f"{self._url}: Kafka cannot be used now: {why.rstrip('.')}. It is tried again by itself"
        self._failed_at = time.monotonic()
        return Unavailable(self._trouble)

    async def end(self) -> None:
        """Returns when nothing is under way any more; what takes too long is given up."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=_END_SECONDS)
            for task in late:
                task.cancel()


class Sending:
    """Sends entries; of those with an identity, none that it sent some minutes ago or that is on its way."""

    def __init__(self, access: Access, patience: Patience) -> None:
        self._access = access
        self._patience = patience
        self._producer: AIOKafkaProducer | None = None
        self._renewing = asyncio.Lock()
        self._is_out_of_step = False
        # When each was sent.
        self._known: OrderedDict[_Name, float] = OrderedDict()
        self._flying: dict[_Name, asyncio.Future[None]] = {}

    async def start(self) -> None:
        producer = AIOKafkaProducer(
            **self._access.arguments(),
            acks="all",
            enable_idempotence=True,
            linger_ms=_LINGER_MS,
            request_timeout_ms=_SILENT_MS,
            max_request_size=RECORD_BYTES,
            compression_type=None,
        )
        try:
            await producer.start()
        except BaseException:
            await ended(producer.stop())
            raise
        self._producer = producer

    async def _in_step(self) -> AIOKafkaProducer:
        """Returns the producer: another one where the broker lost what the one before counts from."""
        async with self._renewing:
            if self._is_out_of_step:
                old = self._producer
                await self.start()
                self._is_out_of_step = False
                telemetry.warned("the broker lost what our producer counts from; another one goes on")
                if old is not None:
                    await ended(asyncio.wait_for(old.stop(), _END_SECONDS))
        if self._producer is None:
            raise Unavailable(f"{self._access.url}: the stream is not open; start it")
        return self._producer

    @property
    def trouble(self) -> str:
        return self._patience.trouble

    async def end(self) -> None:
        """Returns when nothing is on its way any more."""
        await self._patience.end()

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await ended(producer.stop())

    async def send_and_wait(self, topic: str, value: bytes | None, *, key: bytes, partition: int) -> Any:
        """Writes one record to a topic by its whole name, as a producer does."""
        producer = await self._in_step()
        try:
            return await producer.send_and_wait(topic, value, key=key, partition=partition)
        except KafkaError as error:
            self._is_out_of_step |= _is_out_of_step(error)
            raise

    async def send_new(self, entries: Sequence[Entry]) -> list[bool]:
        """Sends what is not known here; returns for each whether it was new. Waits for what is on its way already."""
        while flying := [self._flying[name] for entry in entries if (name := _name(entry)) in self._flying]:
            await self._patience.finished(asyncio.wait(flying))
        is_new = self._sorted_out(entries)
        fresh = [entry for entry, new in zip(entries, is_new, strict=True) if new]
        sending = asyncio.ensure_future(self.send(fresh))
        names = [_name(entry) for entry in fresh if entry.identity]
        self._flying.update(dict.fromkeys(names, sending))
        sending.add_done_callback(lambda _: [self._flying.pop(name) for name in names])
        await self._patience.finished(sending)
        return is_new

    async def send(self, entries: Sequence[Entry]) -> None:
        """Returns when all are acknowledged. What was is remembered, whatever becomes of the others."""
        producer = await self._in_step()
        sent: list[asyncio.Future[Any]] = []
        try:
            for entry in entries:
                name, key = self._access.name(entry.topic), entry.key.encode()
                sent.append(await producer.send(name, entry.body, key=key))
        except KafkaError as error:
            self._is_out_of_step |= _is_out_of_step(error)
            raise
        finally:
            # Also when there was no room for the rest: what is on its way arrives.
            results = await asyncio.gather(*sent, return_exceptions=True)
            self._remember(entries, results)
            self._is_out_of_step |= any(map(_is_out_of_step, results))
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _remember(self, entries: Sequence[Entry], results: Sequence[Any]) -> None:
        now = asyncio.get_running_loop().time()
        for entry, result in zip(entries, results, strict=False):
            if entry.identity and not isinstance(result, BaseException):
                self._known[_name(entry)] = now
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)

    def _sorted_out(self, entries: Sequence[Entry]) -> list[bool]:
        """Returns for each entry whether it is not known here; two of a call with one identity are one."""
        seen: set[_Name] = set()
        is_new = []
        for entry in entries:
            name = _name(entry)
            is_new.append(not entry.identity or not (name in seen or self._is_known(name)))
            seen.add(name)
        return is_new

    def _is_known(self, name: _Name) -> bool:
        return asyncio.get_running_loop().time() - self._known.get(name, -math.inf) < _KNOWN_SECONDS


def _is_out_of_step(result: object) -> bool:
    """Whether a producer that met this can write nothing any more; it says no more than that when it died inside."""
    return isinstance(result, _OUT_OF_STEP) or type(result) is KafkaError


def _name(entry: Entry) -> _Name:
    return entry.topic, entry.identity
