"""The stream on Kafka: read by faust, written by a producer of our own. The only file that knows faust.

Faust commits in the background whatever its agents left behind and gives no word of a failure; therefore its agents
here only hand over (`noack_take`), and an event is acknowledged when its batch was committed.
"""

import asyncio
import logging
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, ClassVar, TypeVar

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.contrib.asgi import faust_app_running

from core import telemetry
from core.errors import Unavailable
from streams._checks import check, writable
from streams._cluster import RECORD_BYTES, Access, Cluster
from streams._dead import Dead
from streams._places import Held, Refused, Stalled, number_of, places_of
from streams.base import INBOUND, Batch, Entry, Parked, Record, Stream

# What comes around a body on the wire, and around a record among the dead letters.
_BODY_BYTES = RECORD_BYTES - 1024 * 1024
_LINGER_MS = 2
_TAKE, _WITHIN_SECONDS = 512, 0.02
_BUFFERED_EVENTS = 1024
_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.2
_KNOWN = 100_000
_TROUBLE_SECONDS = 10.0
_SESSION_SECONDS = 12.0
_START_SECONDS, _STOP_SECONDS, _STALLED_SECONDS = 30.0, 8.0, 6.0
# So long after the cluster could not be reached every reader is looked at with more doubt.
_DOUBT_SECONDS = 60.0

T = TypeVar("T")
# Topic and identity.
_Name = tuple[str, bytes]


class Kafka(Stream):
    """Topics and groups are named `<prefix><name>`; the partition key is the record's, so a conversation keeps order.

    `publish` returns when all replicas that count have the entries (`acks=all`). What was published twice, because a
    process was killed or a provider did not hear the yes, comes twice: only this process's newest identities are
    known here, and whoever reads recognises the rest.
    """

    remembers: ClassVar[bool] = False

    def __init__(
        self,
        access: Access,
        *,
        groups: Mapping[str, Sequence[str]],
        holding: Sequence[str] = ("router", "cases"),
        lag_limit: int = 20_000,
        patience_seconds: float = _TROUBLE_SECONDS,
    ) -> None:
        self.groups = groups
        self._access = access
        self._holding = holding
        self._lag_limit = lag_limit
        self._patience_seconds = patience_seconds
        self._cluster = Cluster(access, groups)
        self._dead = Dead(access)
        self._producer: AIOKafkaProducer | None = None
        self._readers: dict[tuple[str, str], _Reader] = {}
        self._known: OrderedDict[_Name, None] = OrderedDict()
        self._flying: dict[_Name, asyncio.Future[None]] = {}
        self._lags: dict[str, int] = {}
        self._sent = 0
        self._asking = asyncio.Lock()
        self._under_way: set[asyncio.Future[Any]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._trouble = ""
        self._is_open = False

    @property
    def trouble(self) -> str:
        return self._trouble

    async def start(self) -> None:
        # What they say at every attempt to connect we say once, with what now.
        for name in ("aiokafka", "faust", "mode"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            await self._cluster.start()
            await self._dead.start()
            self._producer = AIOKafkaProducer(
                **self._access.arguments(),
                acks="all",
                enable_idempotence=True,
                linger_ms=_LINGER_MS,
                max_request_size=RECORD_BYTES,
                compression_type=None,
            )
            await self._producer.start()
            self._lags = await self._first_look()
        except BaseException as error:
            await self._let_go()
            if isinstance(error, KafkaError | OSError):
                raise self._access.unavailable(error) from error
            raise
        self._is_open = True
        self._looking = asyncio.create_task(self._look_for_ever(), name="kafka")

    async def _first_look(self) -> dict[str, int]:
        """A cluster that has just begun makes its own topics at the first question."""
        deadline = asyncio.get_running_loop().time() + self._patience_seconds
        while True:
            try:
                return await self._cluster.lags()
            except KafkaError as error:
                if not error.retriable or asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    async def close(self) -> None:
        self._is_open = False
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
            self._looking = None
        await asyncio.gather(*self._under_way, return_exceptions=True)
        readers, self._readers = self._readers, {}
        for reader in readers.values():
            await reader.close()
        await self._let_go()

    async def publish(self, *entries: Entry) -> list[bool]:
        self._check_open()
        check(entries, self.groups, most_bytes=_BODY_BYTES)
        inbound = sum(entry.topic == INBOUND for entry in entries)
        if inbound:
            await self._hold_back()
        is_new = await self._send_new(entries)
        self._sent += inbound
        return is_new

    async def read(self, topic: str, group: str, *, most: int = 256) -> AsyncIterator[Batch]:
        self._check_open()
        reader = self._readers.get((topic, group))
        if reader is None or reader.is_broken:
            if reader is not None:
                await reader.close()
            reader = self._readers[topic, group] = _Reader(self._access, topic, group)
            await reader.start()
        reader.begin()
        while records := await reader.next(most):
            yield Batch(topic=topic, group=group, records=tuple(records))

    async def commit(
        self, batch: Batch, *, publish: Sequence[Entry] = (), park: Sequence[tuple[Record, str]] = ()
    ) -> None:
        self._check_open()
        check(publish, self.groups, most_bytes=_BODY_BYTES)
        reader = self._readers.get((batch.topic, batch.group))
        if reader is None:
            raise Unavailable(f"{batch.group}: this batch was read by a stream that has ended; it comes again")
        places = places_of(batch.records)
        # Committed before; or another process, or a reader that was begun anew, gets it again.
        if reader.held.is_behind(places) or not reader.held.upto(places):
            return
        # Tried again because the broker did not take the place: what was passed on is not passed on twice.
        if reader.passed_on != places:
            await self._send_new(publish)
            for record, reason in park:
                await self.park(record, group=batch.group, reason=reason)
            reader.passed_on = places
        await self._finished(reader.commit(places))

    async def lags(self) -> dict[str, int]:
        self._check_open()
        return await self._finished(self._cluster.lags())

    async def parked_count(self) -> int:
        self._check_open()
        return len(await self._finished(self._dead.all()))

    async def parked(self, *, most: int = 1000) -> list[Parked]:
        self._check_open()
        parked = await self._finished(self._dead.all())
        return sorted(parked, key=lambda one: one.id, reverse=True)[:most]

    async def retry(self, ids: Sequence[int]) -> int:
        self._check_open()
        wanted = [one for one in reversed(await self.parked(most=1_000_000)) if one.id in set(ids)]
        entries = [Entry(topic=one.topic, key=one.key, body=one.body) for one in wanted]
        check(entries, self.groups, most_bytes=_BODY_BYTES)
        await self._finished(self._send(entries))
        await self._finished(self._dead.forget(self._producing(), [one.id for one in wanted]))
        return len(wanted)

    async def park(self, record: Record, *, group: str, reason: str) -> int:
        self._check_open()
        return await self._finished(self._dead.add(self._producing(), record, group, writable(reason)))

    def _check_open(self) -> None:
        if not self._is_open:
            raise Unavailable(f"{self._access.url}: the stream is not open; start it")

    def _producing(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise Unavailable(f"{self._access.url}: the stream is not open; start it")
        return self._producer

    async def _send_new(self, entries: Sequence[Entry]) -> list[bool]:
        """Sends what is not known here; what is on its way already is waited for."""
        while flying := [self._flying[name] for entry in entries if (name := _name(entry)) in self._flying]:
            await self._finished(asyncio.wait(flying))
        is_new = self._sorted_out(entries)
        fresh = [entry for entry, new in zip(entries, is_new, strict=True) if new]
        sending = asyncio.ensure_future(self._send(fresh))
        names = [_name(entry) for entry in fresh if entry.identity]
        self._flying.update(dict.fromkeys(names, sending))
        sending.add_done_callback(lambda _: [self._flying.pop(name) for name in names])
        await self._finished(sending)
        return is_new

    def _sorted_out(self, entries: Sequence[Entry]) -> list[bool]:
        """Returns for each entry whether it is not known here; two of a call with one identity are one."""
        seen: set[_Name] = set()
        is_new = []
        for entry in entries:
            name = _name(entry)
            is_new.append(not entry.identity or not (name in self._known or name in seen))
            seen.add(name)
        return is_new

    async def _send(self, entries: Sequence[Entry]) -> None:
        """Returns when all are acknowledged. What was is remembered, whatever becomes of the others."""
        sent = [await self._send_one(entry) for entry in entries]
        results = await asyncio.gather(*sent, return_exceptions=True)
        for entry, result in zip(entries, results, strict=True):
            if entry.identity and not isinstance(result, BaseException):
                self._known[_name(entry)] = None
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _send_one(self, entry: Entry) -> "asyncio.Future[Any]":
        name = self._access.name(entry.topic)
        future: asyncio.Future[Any] = await self._producing().send(name, entry.body, key=entry.key.encode())
        return future

    async def _finished(self, work: Awaitable[T]) -> T:
        """Waits for it, as long as patience lasts; whoever is cancelled leaves it to end by itself."""
        task: asyncio.Future[T] = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        # Whatever it ends with when nobody waits any more has been said to nobody, and was acknowledged to nobody.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        try:
            async with asyncio.timeout(self._patience_seconds):
                done = await asyncio.shield(task)
        except TimeoutError as error:
            raise self._failed(f"no answer within {self._patience_seconds:g} s") from error
        except (KafkaError, OSError) as error:
            raise self._failed(str(error) or type(error).__name__) from error
        self._trouble = ""
        return done

    def _failed(self, why: str) -> Unavailable:
        self._trouble = f"{self._access.url}: Kafka cannot be used now: {why}. It is tried again by itself"
        return Unavailable(self._trouble)

    async def _hold_back(self) -> None:
        """Raises `Unavailable` when what comes from outside must wait for those who work on it."""
        if self._over():
            # Of many that knock at once one asks: else the backlog would be asked after by every message.
            async with self._asking:
                if self._over():
                    self._lags, self._sent = await self.lags(), 0
        if group := self._over():
            raise Unavailable(
                f"backlog: {group} has {self._lags[group]} records before it; try again", retry_after_seconds=1
            )

    def _over(self) -> str:
        """Returns a group that is too far behind, "" when none is."""
        held = [group for group in self._lags if group in self._holding]
        first = self.groups.get(INBOUND, ())
        lags = {group: self._lags[group] + (self._sent if group in first else 0) for group in held}
        return next((group for group, lag in lags.items() if lag > self._lag_limit), "")

    async def _look_for_ever(self) -> None:
        """Knows how far the groups are behind, and whether the engine answers, without anybody asking."""
        loop = asyncio.get_running_loop()
        trouble_at = -_DOUBT_SECONDS
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                self._lags, self._sent = await self.lags(), 0
            except Unavailable as error:
                trouble_at = loop.time()
                telemetry.waiting(part="stream", reason=error.reason, seconds=_LOOK_SECONDS)
                continue
            after_trouble = loop.time() - trouble_at < _DOUBT_SECONDS
            for reader in self._readers.values():
                reader.watch(self._lags.get(reader.group, 0), after_trouble=after_trouble)

    async def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()
        await self._dead.close()
        await self._cluster.close()


class _Reader:
    """One group's consumer in this process: what faust handed over and nobody has committed yet."""

    def __init__(self, access: Access, topic: str, group: str) -> None:
        self.held = Held(topic)
        self.group = group
        # The places of the newest batch whose records went on or were parked.
        self.passed_on: Mapping[int, int] = {}
        # The membership of the group that ended last: what was read under it belongs to whoever has it now.
        self._ended = -1
        self._refused = Refused(_STALLED_SECONDS)
        self._stalled = Stalled(_STALLED_SECONDS)
        self._is_running = False
        self._running = AsyncExitStack()
        # Closing waits until a start has ended: half a start would run for ever.
        self._turn = asyncio.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="eungdapso-faust-")
        self._app = faust.App(
            access.name(group),
            broker=access.url,
            broker_credentials=_credentials(access),
            datadir=self._folder.name,
            store="memory://",
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=RECORD_BYTES,
            # A killed process is missed after so long. A name of its own (static membership) would spare it that, and
            # keep the partitions of a reader that was begun anew because it stood still.
            broker_session_timeout=_SESSION_SECONDS,
            broker_heartbeat_interval=_SESSION_SECONDS / 4,
            # We say when: what was acknowledged a moment ago is durable everywhere already.
            broker_commit_interval=3600.0,
            stream_buffer_maxsize=_BUFFERED_EVENTS,
            # Whoever stops leaves what it has not committed to the next one; faust would wait for it for ever.
            stream_wait_empty=False,
            key_serializer="raw",
            value_serializer="raw",
        )
        source = self._app.topic(access.name(topic), key_type=bytes, value_type=bytes)
        self._app.agent(source, concurrency=1)(self._take)
        self._app.on_partitions_revoked.connect(self._revoked)  # type: ignore[arg-type]  # typed for the decorator

    @property
    def is_broken(self) -> bool:
        return bool(self._app.crashed or self._app.should_stop or self._stalled.is_so)

    def watch(self, lag: int, *, after_trouble: bool) -> None:
        """Called once a second with how far the group is behind: faust may stand still for good and say nothing.

        After trouble with the cluster it has to be given partitions again soon.
        """
        if not self._is_running:
            return
        waits = lag if self.held.is_empty else 0
        if after_trouble and not self._app.consumer.assignment():
            waits = max(waits, 1)
        self._stalled.look(waits, self.held.taken, asyncio.get_running_loop().time())

    async def start(self) -> None:
        try:
            async with self._turn, asyncio.timeout(_START_SECONDS):
                if not self.held.has_ended:
                    await self._running.enter_async_context(faust_app_running(self._app))
                    self._is_running = True
        except (KafkaError, OSError, RuntimeError, TimeoutError) as error:
            self._stalled.is_so = True
            why = str(error) or type(error).__name__
            raise Unavailable(f"{self.group}: Kafka cannot be read now: {why}. It is tried again") from error

    async def close(self) -> None:
        self.held.end()
        async with self._turn:
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._running.aclose()
            except TimeoutError:
                telemetry.warned("a consumer does not stop; it is left behind", group=self.group)
            self._folder.cleanup()

    def begin(self) -> None:
        """What was handed over and not committed comes again."""
        self.held.begin()

    async def next(self, most: int) -> list[Record]:
        """Waits for records; none when the stream was closed. Raises `Unavailable` when faust has given up."""
        while not (records := self.held.next(most)) and not self.held.has_ended:
            if self.is_broken:
                why = self._app.crash_reason or "it stood still"
                raise Unavailable(f"{self.group}: reading Kafka ended: {why}; it begins anew")
            await self.held.changed()
        return records

    async def commit(self, places: Mapping[int, int]) -> None:
        """Acknowledges everything up to these places, and says so to the broker.

        Raises `KafkaError` when it is not taken. What goes on so is let go of, and the reader begins anew.
        """
        if await self._committed(places):
            self.held.commit(places)
            self._refused.end()
            return
        if self._refused.lasts(asyncio.get_running_loop().time()):
            self._stalled.is_so = True
            self.held.drop(places)
        raise KafkaError("the group's place was not taken")

    async def _committed(self, places: Mapping[int, int]) -> bool:
        # What is acknowledged while partitions change hands would stand in the way of those that come back.
        if self._app.rebalancing:
            return False
        for event in self.held.upto(places):
            event.ack()
        return bool(await self._app.consumer.commit())

    async def _take(self, stream: Any) -> None:
        # No exception may leave this body: faust would lose the event and go on behind it.
        async for events in stream.noack_take(_TAKE, within=_WITHIN_SECONDS):
            await self.held.room()
            self.held.add([(_record(event, self.held.topic), event) for event in events if self._is_ours(event)])

    def _is_ours(self, event: Any) -> bool:
        """Whether the partition has not changed hands since: faust hands over late what it had read before."""
        return bool(event.message.generation_id != self._ended)

    async def _revoked(self, app: Any, revoked: Any, **_: Any) -> None:
        self._ended = app.consumer_generation_id
        self.held.drop({partition.partition for partition in revoked})
        self.passed_on = {}


def _name(entry: Entry) -> _Name:
    return entry.topic, entry.identity


def _record(event: Any, topic: str) -> Record:
    message = event.message
    key = (message.key or b"").decode("utf-8", "replace")
    return Record(topic=topic, offset=number_of(message.partition, message.offset), key=key, body=message.value or b"")


def _credentials(access: Access) -> Any:
    """Returns the same as faust wants it said."""
    context = access.context()
    if access.username:
        return faust.SASLCredentials(
            username=access.username, password=access.password, mechanism=access.mechanism, ssl_context=context
        )
    return faust.SSLCredentials(context) if context else None
