"""Brings broadcasts out: every account by itself and side by side, so that a slow or broken one holds up nobody."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from cases.broadcast_model import PostState
from cases.broadcast_queue import BroadcastQueue, Done, Job
from cases.presence import Hold
from core import telemetry
from core.announce import Announcement, Announcer
from core.clock import Clock, machine_clock
from core.errors import Rejected, Unavailable, Uncertain, Waits
from pipeline.broadcast_targets import announcers, unready
from pipeline.house import House
from pipeline.settings import Broadcasts
from pipeline.waiting import patiently
from sinks._backoff import Backoff

_LOOK_SECONDS = 1.0
_PART = "broadcasts"
# However often it was tried: `most_hours` alone ends it.
_NO_MOST = 1_000_000


async def announce(house: House) -> None:
    """Brings out what was sent, for ever. Several processes share the work."""
    posting = announcers(house.plan)
    for note in unready(house.plan.city, posting):
        house.say(note)
    broadcaster = Broadcaster(
        house.store.broadcasts.queue, posting, house.plan.settings.broadcasts, degraded=house.status.degraded
    )
    try:
        await broadcaster.run()
    finally:
        await asyncio.gather(*(one.close() for one in posting.values()))


class Broadcaster:
    """Whatever may have gone out is looked for before it is said again; where nobody can tell, a person decides."""

    def __init__(
        self,
        queue: BroadcastQueue,
        posting: Mapping[str, Announcer],
        settings: Broadcasts,
        *,
        degraded: dict[str, str] | None = None,
        machine: Clock = machine_clock,
    ) -> None:
        self._queue = queue
        self._posting = posting
        self._settings = settings
        self._backoff = Backoff(
            first_seconds=settings.first_seconds,
            most_seconds=settings.most_seconds,
            most_hours=settings.most_hours,
            most_tries=_NO_MOST,
        )
        self._degraded = {} if degraded is None else degraded
        self._machine = machine
        self._busy: set[str] = set()
        self._moved = asyncio.Event()
        self._asking = asyncio.Lock()

    async def run(self) -> None:
        """Looks once a second, and whenever something became of a post."""
        for announcer in self._posting.values():
            await asyncio.to_thread(announcer.prepare)
        await patiently(_PART, self._tell)
        async with asyncio.TaskGroup() as group:
            while True:
                self._moved.clear()
                await patiently(_PART, partial(self.round, group))
                if _PART in self._degraded:
                    # Somebody may have settled it elsewhere.
                    await patiently(_PART, self._tell)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._moved.wait()

    async def round(self, group: asyncio.TaskGroup) -> int:
        """Begins what is due; returns how many posts that are."""
        free = self._settings.side_by_side - len(self._busy)
        if free <= 0 or not await asyncio.to_thread(self._queue.has_work):
            return 0
        patience = timedelta(seconds=self._settings.lead_seconds)
        jobs = await asyncio.to_thread(self._queue.claim, free, frozenset(self._busy), patience=patience)
        self._busy |= {job.id for job in jobs.ready}
        for job in jobs.ready:
            group.create_task(self._carry(job, jobs.hold), name=f"{_PART}.{job.platform}.{job.account}")
        return len(jobs.ready)

    async def _carry(self, job: Job, hold: Hold) -> None:
        try:
            done = await self._tried(job, hold)
            is_ours = await patiently(_PART, partial(asyncio.to_thread, self._queue.settle, done))
            if is_ours:
                telemetry.announced(
                    channel=job.platform,
                    account=job.account,
                    state="retried" if done.retry_at else done.state,
                    broadcast=job.broadcast,
                    error=done.error,
                )
        finally:
            self._busy.discard(job.id)
            self._moved.set()
        if done.state in ("failed", "uncertain", "left", "stays", "sent", "recalled"):
            await patiently(_PART, self._tell)

    async def _tried(self, job: Job, hold: Hold) -> Done:
        """Tries once; whatever becomes of it, the others do not notice."""
        try:
            await self._make_sure(job, hold)
            async with asyncio.timeout(self._settings.try_seconds):
                return await self._act(job)
        except TimeoutError:
            return self._unanswered(job, f"no answer within {self._settings.try_seconds:g} s")
        except Rejected as error:
            return Done(id=job.id, state=self._refused(job), error=error.reason)
        except Unavailable as error:
            # What only waits for its turn is as unknown as before.
            return self._later(job, error, is_lost=job.is_lost and isinstance(error, Waits))
        except Uncertain as error:
            return self._unanswered(job, str(error))

    async def _act(self, job: Job) -> Done:
        announcer = self._posting.get(job.platform)
        if announcer is None:
            raise Rejected(f"[connectors.{job.platform}] cannot post for everybody")
        what = Announcement(id=job.id, account=job.account, text=job.text, since=job.since, of=job.of)
        if job.is_removal or (job.is_recalled and job.is_repost):
            return await self._taken_back(announcer, what, job)
        if job.is_repost:
            receipt = await announcer.repost(what)
            return Done(id=job.id, state="sent", provider_id=receipt.provider_id)
        return await self._posted(announcer, what, job)

    async def _posted(self, announcer: Announcer, what: Announcement, job: Job) -> Done:
        """Posts it, unless an earlier try is found."""
        if job.is_lost and not announcer.is_repeatable:
            try:
                found = await announcer.find(what)
            except (Uncertain, Rejected) as error:
                return Done(id=job.id, state="uncertain", error=str(error))
            except Unavailable as error:
                return self._later(job, error, is_lost=True)
            if found is not None:
                return Done(id=job.id, state="sent", provider_id=found.provider_id)
        if job.is_recalled:
            return Done(id=job.id, state="uncertain" if job.is_lost and announcer.is_repeatable else "dropped")
        receipt = await announcer.post(what)
        return Done(id=job.id, state="sent", provider_id=receipt.provider_id)

    async def _taken_back(self, announcer: Announcer, what: Announcement, job: Job) -> Done:
        if not job.provider_id and not job.of:
            raise Rejected("nobody knows which post it is; delete it at the platform")
        try:
            await announcer.delete(what, job.provider_id)
        except Rejected as error:
            if announcer.takes_back:
                raise
            return Done(id=job.id, state="stays", error=error.reason)
        return Done(id=job.id, state="recalled")

    def _refused(self, job: Job) -> PostState:
        """Where an earlier try may have gone out and was not looked for, nobody knows after a refusal either."""
        if job.is_removal:
            return "left"
        announcer = self._posting.get(job.platform)
        return "uncertain" if job.is_lost and (announcer is None or announcer.is_repeatable) else "failed"

    def _unanswered(self, job: Job, reason: str) -> Done:
        """What may have been done is looked for soon; taking back and reposting can simply be done again."""
        return self._later(job, Unavailable(reason), is_lost=not job.is_removal)

    def _later(self, job: Job, error: Unavailable, *, is_lost: bool = False) -> Done:
        now, reason = self._machine(), error.reason or "no answer"
        state: PostState = "recalling" if job.is_removal else "queued"
        if now - job.since > timedelta(hours=self._settings.most_hours):
            ended: PostState = "left" if job.is_removal else "uncertain" if is_lost else "failed"
            return Done(id=job.id, state=ended, error=f"{job.tries} tries: {reason}")
        is_try, wish = not isinstance(error, Waits), error.retry_after_seconds
        seconds = self._backoff.wait_seconds(job.tries, wish) if is_try else wish or 0.0
        at: datetime = now + timedelta(seconds=seconds)
        return Done(id=job.id, state=state, error=reason, retry_at=at, is_lost=is_lost, is_try=is_try)

    async def _make_sure(self, job: Job, hold: Hold) -> None:
        """Nothing goes out that another process has by now. Of all that wait for it one asks."""
        while not hold.is_sure:
            async with self._asking:
                if not hold.is_sure:
                    await asyncio.to_thread(hold.confirm)
        if not hold.has(job.id):
            raise Waits("another process has it", retry_after_seconds=self._settings.first_seconds)

    async def _tell(self) -> None:
        """Says on the readiness page what waits for a person."""
        found = await asyncio.to_thread(self._queue.troubled)
        if not found:
            self._degraded.pop(_PART, None)
            return
        each = (f"{name} {_counted(states)}" for name, states in sorted(found.items()))
        self._degraded[_PART] = f"{', '.join(each)}; see `eungdapso broadcast show`"


def _counted(states: Mapping[str, int]) -> str:
    return " ".join(f"{state} {count}" for state, count in sorted(states.items()))
