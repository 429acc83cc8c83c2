"""The stream on Kafka: read by faust, written by a producer of our own. The only file that knows faust.

Faust hands over (`noack_take`), and no more. What it takes for acknowledged cannot be relied on while partitions
change hands: it counts events that it skips, and offsets between two fetches, as done. So its own acknowledgements are
off; the places that are committed are ours, of records that came without a hole since the place before.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, ClassVar

import faust
from aiokafka.errors import KafkaError
from faust.contrib.asgi import faust_app_running
from faust.types import TP

from core import telemetry
from core.errors import Unavailable
from streams._backlog import Backlog
from streams._checks import check
from streams._cluster import BEHIND_THE_END, RECORD_BYTES, Access, Cluster, Stand, Stands
from streams._letters import Letters
from streams._look import Look
from streams._places import Held, Hole, Refused, Stalled, number_of, places_of
from streams._sending import Patience, Sending
from streams._threads import end_threads
from streams._topics import Shape, differences
from streams.base import INBOUND, Batch, Entry, Parked, Record, Stream

# What comes around a body on the wire, and around a record among the dead letters.
_BODY_BYTES = RECORD_BYTES - 1024 * 1024
_TAKE, _WITHIN_SECONDS = 512, 0.02
_BUFFERED_EVENTS = 1024
_TROUBLE_SECONDS = 10.0
_SESSION_SECONDS = 12.0
# All that a stop may take is less than the ten seconds that it is given.
_START_SECONDS, _STOP_SECONDS, _LEAVE_SECONDS, _STALLED_SECONDS = 30.0, 4.0, 2.5, 6.0


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
        shape: Shape | None = None,
    ) -> None:
        """`shape` is what the topics should be like: where they are not, a start says so, and goes on."""
        self.groups = groups
        self._shape = shape
        self._access = access
        self._patience = Patience(access.url, patience_seconds)
        self._cluster = Cluster(access, groups)
        # What cannot be written while everything else answers is trouble all the same; when nobody writes any more, no
        # success would ever end it.
        self._sending = Sending(access, Patience(access.url, patience_seconds, says_seconds=patience_seconds))
        self._letters = Letters(access, self._sending, self._patience)
        backlog = Backlog(groups.get(INBOUND, ()), holding=holding, limit=lag_limit)
        self._look = Look(access, self._cluster, backlog, self._patience)
        self._readers: dict[tuple[str, str], _Reader] = {}
        self._is_open = False

    @property
    def trouble(self) -> str:
        return self._sending.trouble or self._patience.trouble

    async def start(self) -> None:
        try:
            await self._cluster.start()
            await self._letters.start()
            await self._sending.start()
            await self._look.first()
            await self._compare()
        except BaseException as error:
            await self._let_go()
            if isinstance(error, KafkaError | OSError):
                raise await self._access.unavailable(error) from error
            raise
        self._is_open = True
        self._look.begin(self._watch)

    async def _compare(self) -> None:
        if self._shape is None:
            return
        with suppress(Unavailable):
            for line in await differences(self._access, list(self.groups), self._shape):
                telemetry.warned("topics are not as [kafka] says", what=line)

    async def close(self) -> None:
        self._is_open = False
        await self._look.end()
        await asyncio.gather(self._patience.end(), self._sending.end())
        readers, self._readers = self._readers, {}
        await asyncio.gather(*(reader.close() for reader in readers.values()))
        await self._let_go()

    async def publish(self, *entries: Entry) -> list[bool]:
        self._check_open()
        check(entries, self.groups, most_bytes=_BODY_BYTES)
        inbound = sum(entry.topic == INBOUND for entry in entries)
        if inbound:
            await self._look.hold_back()
        is_new = await self._sending.send_new(entries)
        self._look.take(inbound)
        return is_new

    async def read(self, topic: str, group: str, *, most: int = 256) -> AsyncIterator[Batch]:
        self._check_open()
        reader = self._readers.get((topic, group))
        if reader is None or reader.is_broken:
            if reader is not None:
                await reader.close()
            reader = self._readers[topic, group] = self._reader(topic, group)
            await reader.start()
            # What was seen before is of the one before.
            self._look.forget()
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
        if reader.held.is_behind(places) or not reader.held.has(places):
            return
        # Tried again because the broker did not take the place: what was passed on is not passed on twice.
        if reader.passed_on != places:
            await self._sending.send_new(publish)
            for record, reason in park:
                # What is tried again is not parked twice.
                await self._letters.add(record, batch.group, reason, once=True)
            reader.passed_on = places
        await self._patience.finished(reader.commit(places))

    async def lags(self) -> dict[str, int]:
        self._check_open()
        return await self._look.lags()

    async def parked_count(self) -> int:
        self._check_open()
        return await self._letters.count()

    async def parked(self, *, most: int = 1000, before: int | None = None) -> list[Parked]:
        self._check_open()
        return await self._letters.newest(most, before)

    async def retry(self, ids: Sequence[int]) -> int:
        self._check_open()
        return await self._letters.retry(ids, lambda entries: check(entries, self.groups, most_bytes=_BODY_BYTES))

    async def park(self, record: Record, *, group: str, reason: str) -> int:
        self._check_open()
        return await self._letters.add(record, group, reason)

    def _reader(self, topic: str, group: str) -> "_Reader":
        return _Reader(self._access, self._cluster, topic, group)

    def _check_open(self) -> None:
        if not self._is_open:
            raise Unavailable(f"{self._access.url}: the stream is not open; start it")

    async def _watch(self, stands_of: Stands, after_trouble: bool) -> None:
        for reader in list(self._readers.values()):
            stands = stands_of.get(reader.group, {})
            reader.watch(stands, after_trouble=after_trouble)
            if wrong := reader.behind_the_end(stands):
                await self._patience.finished(reader.set_right(wrong))

    async def _let_go(self) -> None:
        # Where the cluster is away, what they would still say to it is not waited for.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await asyncio.gather(self._sending.close(), self._letters.close(), self._cluster.close())


class _Reader:
    """One group's consumer in this process: what faust handed over and nobody has committed yet."""

    def __init__(self, access: Access, cluster: Cluster, topic: str, group: str) -> None:
        self.held = Held(topic)
        self.group = group
        self._name = access.name(topic)
        self._cluster = cluster
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
            broker_commit_interval=3600.0,
            stream_buffer_maxsize=_BUFFERED_EVENTS,
            # Whoever stops leaves what it has not committed to the next one; faust would wait for it for ever.
            stream_wait_empty=False,
            key_serializer="raw",
            value_serializer="raw",
        )
        source = self._app.topic(self._name, key_type=bytes, value_type=bytes, acks=False)
        self._app.agent(source, concurrency=1)(self._take)
        self._app.on_partitions_revoked.connect(self._revoked)  # type: ignore[arg-type]  # typed for the decorator

    @property
    def is_broken(self) -> bool:
        return bool(self._app.crashed or self._app.should_stop or self._stalled.is_so)

    def watch(self, stands: Mapping[int, Stand], *, after_trouble: bool) -> None:
        """Called once a second with where the group stands: faust may stand still for good and say nothing.

        After trouble with the cluster it has to be given partitions again soon.
        """
        if not self._is_running or self.held.has_ended:
            return
        own = self._own(stands)
        # Others that get on with theirs do not hide that this one does not.
        waits = sum(stand.lag for stand in (own or stands).values()) if self.held.is_empty else 0
        if after_trouble and not own:
            waits = max(waits, 1)
        self._stalled.look(waits, self.held.taken, asyncio.get_running_loop().time())

    def behind_the_end(self, stands: Mapping[int, Stand]) -> dict[int, int]:
        """Returns the oldest record's offset for each partition of ours in which the group stands behind the end.

        None while something is held: it may be in no log any more, and what commits it would undo what is set right.
        """
        if self.is_broken or not self._is_running or self.held.has_ended or not self.held.is_empty:
            return {}
        return {part: stand.begin for part, stand in self._own(stands).items() if stand.is_behind_the_end}

    async def set_right(self, begins: Mapping[int, int]) -> None:
        """Sets the group back to these offsets, then begins anew: as it is, faust would skip what comes.

        A group that has members takes a place from who has the partition, and from nobody else. Where partitions are
        changing hands nothing is done: whoever has them next sees the same.
        """
        if await self._committed({partition: begin - 1 for partition, begin in begins.items()}):
            telemetry.warned(BEHIND_THE_END, group=self.group)
            self._stalled.is_so = True

    def _own(self, stands: Mapping[int, Stand]) -> dict[int, Stand]:
        assigned = self._app.consumer.assignment()
        return {part: stand for part, stand in stands.items() if TP(self._name, part) in assigned}

    async def start(self) -> None:
        try:
            async with self._turn, asyncio.timeout(_START_SECONDS):
                if not self.held.has_ended:
                    await self._cluster.set_right(self.held.topic, self.group)
                    # Half a start is stopped, too.
                    self._running.push_async_callback(self._app.stop)
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
                telemetry.warned("a consumer does not stop; it is ended", group=self.group)
            await end_threads(self._app)
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
        """Says to the broker that everything up to these places is done.

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
        offsets = {TP(self._name, partition): offset + 1 for partition, offset in places.items()}
        consumer = self._app.consumer
        # Faust would leave out those that went elsewhere, and say that all were taken.
        if self._app.rebalancing or not consumer.assignment() >= offsets.keys():
            return False
        # The public commit() takes what faust thinks was acknowledged.
        return bool(await consumer._commit(offsets))  # type: ignore[attr-defined]  # noqa: SLF001

    async def _take(self, stream: Any) -> None:
        # No exception may leave this body: faust would lose the event and go on behind it.
        async for events in stream.noack_take(_TAKE, within=_WITHIN_SECONDS):
            await self.held.room()
            # What is left out now comes again to the reader that begins anew at the committed place.
            if not self._stalled.is_so:
                self._stalled.is_so = not await self._is_taken_in(events)

    async def _is_taken_in(self, events: Sequence[Any]) -> bool:
        ended = self._ended
        try:
            unknown = self.held.unknown(event.message.partition for event in events)
            begins = await self._cluster.begins(self.held.topic, self.group, unknown) if unknown else {}
            # Unless partitions changed hands meanwhile: then they begin elsewhere, and nothing of this is ours.
            if ended == self._ended:
                self.held.begin_at(begins)
            records = [_record(event, self.held.topic) for event in events if event.message.generation_id > self._ended]
            while hole := self.held.add(records):
                if not await self._is_in_log(hole) or ended != self._ended:
                    return False
                self.held.begin_at({hole.partition: hole.got})
        except (KafkaError, OSError, Unavailable):
            return False
        return True

    async def _is_in_log(self, hole: Hole) -> bool:
        """Whether a hole is one of the log itself: asked of the log, for faust may have skipped what is there."""
        first = await self._cluster.first_from(self.held.topic, hole.partition, hole.wanted)
        is_there = first is not None and first >= hole.got
        said = "records are in the log no more" if is_there else "records did not come; they are asked for again"
        telemetry.warned(said, group=self.group, **hole._asdict())
        return is_there

    async def _revoked(self, app: Any, revoked: Any, **_: Any) -> None:
        self._ended = app.consumer_generation_id
        self.held.drop({partition.partition for partition in revoked})
        self.passed_on = {}


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
