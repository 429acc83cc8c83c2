"""Tries replies: asks their channel, and says what is to be written down about its answer."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest

from cases.outbox import Claimed, Outcome
from cases.presence import Hold
from core import telemetry
from core.clock import Clock
from core.errors import Rejected, Unavailable, Uncertain, Waits
from core.reply import Receipt, Sender, Verdict
from sinks._backoff import Backoff

# Written down only where it is ours after all: the store could not be asked.
_LET_GO = "the store could not say whether another process has it"
# The replies of one person about one case, in their order.
Line = tuple[str, str]


class Load:
    """Replies of one channel that are tried by one task: one line of them, or many lines together.

    `outcomes` fills as they are tried; `is_left` when nobody waits for its end any more.
    """

    def __init__(self, channel: str, lines: Sequence[Sequence[Claimed]], *, together: Sender | None = None) -> None:
        self.channel = channel
        self.lines = lines
        self.together = together
        self.outcomes: dict[str, Outcome] = {}
        # Those that the channel was asked to take, as far as they are not judged yet.
        self.trying: frozenset[str] = frozenset()
        self.is_left = False

    @property
    def rows(self) -> list[Claimed]:
        return [one for line in self.lines for one in line]


class Tries:
    """Interrupted between sending and writing that down, a reply goes out again only where that is harmless; else the
    channel is asked what became of it; where it cannot tell, a person decides."""

    def __init__(self, senders: Mapping[str, Sender], backoff: Backoff, machine: Clock) -> None:
        self._senders = senders
        self._backoff = backoff
        self._machine = machine
        # How many of a channel are on their way at once; of another channel's nobody here waits for room.
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._asking = asyncio.Lock()

    def loads(self, lines: Sequence[Sequence[Claimed]]) -> list[Load]:
        """Returns what is tried by one task each."""
        alone: list[Load] = []
        together: dict[tuple[str, Sender], list[Sequence[Claimed]]] = {}
        for line in lines:
            channel, sender = line[0].reply.channel, self._takes_many(line)
            if sender is None:
                alone.append(Load(channel, [line]))
            else:
                together.setdefault((channel, sender), []).append(line)
        return [*alone, *(Load(channel, many, together=sender) for (channel, sender), many in together.items())]

    async def run(self, load: Load, hold: Hold) -> None:
        """Tries all of a load; what comes after a reply that has to wait, waits with it."""
        if load.together is not None:
            await self._try_together(load, load.together, hold)
        else:
            await self._try_line(load, hold)

    def judged(self, load: Load, broken: BaseException | None) -> list[tuple[Claimed, Outcome]]:
        """Returns what became of every reply of a load that ended. Where a fault of ours ended it, whatever was being
        tried may have gone out."""
        if broken is not None:
            why = f"a fault of ours while it was sent: {type(broken).__name__}"
            telemetry.warned("sending failed", channel=load.channel, error=type(broken).__name__)
            load.outcomes |= {row: Outcome(row=row, state="uncertain", error=why) for row in load.trying}
        return [(one, load.outcomes.get(one.reply.id) or self.behind(one)) for one in load.rows]

    def behind(self, claimed: Claimed) -> Outcome:
        """What comes after a reply that has to wait, waits with it; nobody asked for it, so it is no try."""
        wait = Waits("waits for an earlier reply of the same case", retry_after_seconds=self._backoff.first_seconds)
        return self._later(claimed, wait)

    def turned_away(self, claimed: Claimed, seconds: float) -> Outcome:
        """Its channel has as many on their way as may be."""
        return self._later(claimed, Waits("enough of its channel are on their way", retry_after_seconds=seconds))

    def _takes_many(self, line: Sequence[Claimed]) -> Sender | None:
        """Returns the sender that takes this line's replies together with those of other lines, if there is one."""
        sender = self._senders.get(line[0].reply.channel)
        if sender is None or not sender.together:
            return None
        plain = all(
            one.reply.channel == line[0].reply.channel and (sender.repeatable or not one.was_sending) for one in line
        )
        return sender if plain else None

    async def _try_together(self, load: Load, sender: Sender, hold: Hold) -> None:
        """Tries the first of every line together, then the second of every line whose first need not wait, …"""
        waiting: set[Line] = set()
        for wave in zip_longest(*load.lines):
            present = [one for one in wave if one is not None]
            load.outcomes |= {one.reply.id: self.behind(one) for one in present if line_of(one) in waiting}
            ready = [one for one in present if line_of(one) not in waiting]
            for begin in range(0, len(ready), self._backoff.side_by_side):
                part = ready[begin : begin + self._backoff.side_by_side]
                load.trying = frozenset(one.reply.id for one in part)
                tried = await self._try_wave(sender, part, hold)
                load.trying = frozenset()
                load.outcomes |= tried
                waiting |= {line_of(one) for one in part if tried[one.reply.id].state == "queued"}

    async def _try_wave(self, sender: Sender, wave: Sequence[Claimed], hold: Hold) -> dict[str, Outcome]:
        await self._make_sure(hold)
        ours = [one for one in wave if hold.has(one.reply.id)]
        outcomes = {one.reply.id: self._later(one, Unavailable(_LET_GO)) for one in wave if not hold.has(one.reply.id)}
        try:
            async with asyncio.timeout(self._backoff.try_seconds):
                verdicts = await sender.send_all([one.reply for one in ours]) if ours else []
            outcomes |= {one.reply.id: self._outcome(one, verdict) for one, verdict in zip(ours, verdicts, strict=True)}
        except TimeoutError:
            outcomes |= {one.reply.id: self._timed_out(one) for one in ours}
        return outcomes

    async def _try_line(self, load: Load, hold: Hold) -> None:
        gate = self._gates.setdefault(load.channel, asyncio.Semaphore(self._backoff.side_by_side))
        is_waiting = False
        for one in load.rows:
            if is_waiting:
                load.outcomes[one.reply.id] = self.behind(one)
                continue
            async with gate:
                load.trying = frozenset({one.reply.id})
                load.outcomes[one.reply.id] = outcome = await self._try(one, hold)
                load.trying = frozenset()
            is_waiting = outcome.state == "queued"

    async def _try(self, claimed: Claimed, hold: Hold) -> Outcome:
        try:
            return self._outcome(claimed, await self._send(claimed, hold))
        except (Rejected, Unavailable, Uncertain) as error:
            return self._outcome(claimed, error)
        except TimeoutError:
            return self._timed_out(claimed)

    def _outcome(self, claimed: Claimed, verdict: Verdict) -> Outcome:
        row = claimed.reply.id
        match verdict:
            case Receipt():
                return Outcome(row=row, state="sent", provider_id=verdict.provider_id)
            case Rejected():
                return Outcome(row=row, state="failed", error=verdict.reason)
            case Unavailable():
                return self._later(claimed, verdict)
        return Outcome(row=row, state="uncertain", error=str(verdict))

    async def _send(self, claimed: Claimed, hold: Hold) -> Receipt:
        sender, reply = self._senders.get(claimed.reply.channel), claimed.reply
        if sender is None:
            raise Rejected(f"channel {reply.channel} is not set up; add [connectors.{reply.channel}]")
        if claimed.was_sending and not sender.repeatable:
            async with asyncio.timeout(self._backoff.try_seconds):
                found = await sender.find(reply)
            if found is not None:
                return found
        # Not counted as the channel's time: whoever waits here for the store has surely sent nothing.
        await self._make_sure(hold)
        if not hold.has(reply.id):
            raise Unavailable(_LET_GO)
        async with asyncio.timeout(self._backoff.try_seconds):
            return await sender.send(reply)

    async def _make_sure(self, hold: Hold) -> None:
        """Of all that wait for it one asks, for all of them."""
        while not hold.is_sure:
            async with self._asking:
                if not hold.is_sure:
                    await asyncio.to_thread(hold.confirm)

    def _timed_out(self, claimed: Claimed) -> Outcome:
        error = f"no answer within {self._backoff.try_seconds:g} seconds"
        sender = self._senders.get(claimed.reply.channel)
        if sender is not None and sender.repeatable:
            return self._later(claimed, Unavailable(error))
        return Outcome(row=claimed.reply.id, state="uncertain", error=error)

    def _later(self, claimed: Claimed, error: Unavailable) -> Outcome:
        """Waits and tries again, until it has been long enough. What only waits for its turn is never given up."""
        now, tries, row = self._machine(), claimed.tries, claimed.reply.id
        if isinstance(error, Waits):
            at = _after(now, error.retry_after_seconds or 0)
            return Outcome(row=row, state="queued", error=error.reason, retry_at=at, is_try=False)
        if tries >= self._backoff.most_tries or now - claimed.first_try_at > timedelta(hours=self._backoff.most_hours):
            return Outcome(row=row, state="failed", error=f"given up after {tries} tries: {error.reason}")
        seconds = self._backoff.wait_seconds(tries, error.retry_after_seconds)
        return Outcome(row=row, state="queued", error=error.reason, retry_at=_after(now, seconds))


def line_of(claimed: Claimed) -> Line:
    """Returns what is the same for replies that have to arrive in order."""
    return claimed.reply.case, claimed.reply.to


def _after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
