"""The reply sink: takes what is due out to the channel it came from, once, and writes down what became of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import ClassVar

from cases.outbox import Claimed, Outbox, Outcome
from cases.presence import Hold
from core import telemetry
from core.clock import Clock, machine_clock
from core.errors import Rejected, Unavailable, Uncertain, Waits
from core.reply import Receipt, Sender, Verdict
from core.wire import Ticket
from sinks._backoff import Backoff
from sinks.base import Sink

# Written down only where it is ours after all: the store could not be asked.
_LET_GO = "the store could not say whether another process has it"
# Puts a ticket that was given up where a person sees it: the ticket, the case's number, the reason.
Park = Callable[[Ticket, str, str], Awaitable[None]]


class Courier(Sink[Ticket]):
    """Sends the outbox rows that tickets name. What was sent already, or taken back, is left out.

    Interrupted between sending and writing that down, a reply goes out again only where that is harmless; else the
    channel is asked what became of it; where it cannot tell, a person decides. Directly before a reply is sent it is
    made sure that it is still ours (`Hold` says how sure); what is another's by now is left to it.
    """

    topic: ClassVar[str] = "outbound"
    takes = Ticket
    most: ClassVar[int] = 1_024

    def __init__(
        self,
        outbox: Outbox,
        senders: Mapping[str, Sender],
        park: Park,
        *,
        backoff: Backoff | None = None,
        machine: Clock = machine_clock,
    ) -> None:
        self._outbox = outbox
        self._senders = senders
        self._park = park
        self._backoff = backoff or Backoff()
        self._machine = machine
        # What was tried and could not be written down: it is not tried again when the batch comes again.
        self._unwritten: dict[str, Outcome] = {}
        self._asking = asyncio.Lock()

    async def setup(self) -> None:
        """Nothing to connect to: the case store and the channels are opened by those who made them."""

    async def write(self, records: Sequence[Ticket]) -> Mapping[int, str]:
        """Tries every row once; returns the tickets that name no row."""
        await self._write_down(())
        claims = await asyncio.to_thread(self._outbox.claim, records)
        outcomes = await self._try_all(claims.ready, claims.hold)
        left = await self._write_down(outcomes)
        for claimed, outcome in zip(claims.ready, outcomes, strict=True):
            if outcome.row in left:
                continue
            reply, state = claimed.reply, _told(outcome)
            telemetry.replied(channel=reply.channel, kind=reply.kind, state=state, case=reply.case, error=outcome.error)
            if state == "failed":
                await self._give_up(reply.id, reply.attempt + 1, reply.case, outcome.error)
        for ticket in claims.unparked:
            await self._give_up(ticket.row, ticket.attempt, "", "given up before")
        unknown = {ticket.row for ticket in claims.unknown}
        return {place: "no such outbox row" for place, ticket in enumerate(records) if ticket.row in unknown}

    async def close(self) -> None:
        await asyncio.gather(*(sender.close() for sender in set(self._senders.values())))

    async def _try_all(self, claimed: Sequence[Claimed], hold: Hold) -> list[Outcome]:
        """Tries the rows side by side; those of one person about one case one after the other."""
        gate = asyncio.Semaphore(self._backoff.side_by_side)
        lines: dict[tuple[str, str], list[Claimed]] = {}
        for one in claimed:
            lines.setdefault(_line(one), []).append(one)
        alone: list[list[Claimed]] = []
        together: dict[Sender, list[list[Claimed]]] = {}
        for line in lines.values():
            sender = self._takes_many(line)
            (alone if sender is None else together.setdefault(sender, [])).append(line)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._try_line(line, hold, gate)) for line in alone]
            tasks += [group.create_task(self._try_together(sender, of, hold)) for sender, of in together.items()]
        outcomes = {outcome.row: outcome for task in tasks for outcome in task.result()}
        return [outcomes[one.reply.id] for one in claimed]

    def _takes_many(self, line: Sequence[Claimed]) -> Sender | None:
        """Returns the sender that takes this line's replies together with those of other lines, if there is one."""
        sender = self._senders.get(line[0].reply.channel)
        if sender is None or not sender.together:
            return None
        plain = all(
            one.reply.channel == line[0].reply.channel and (sender.repeatable or not one.was_sending) for one in line
        )
        return sender if plain else None

    async def _try_together(self, sender: Sender, lines: Sequence[Sequence[Claimed]], hold: Hold) -> list[Outcome]:
        """Tries the first of every line together, then the second of every line whose first need not wait, …"""
        outcomes: list[Outcome] = []
        waiting: set[tuple[str, str]] = set()
        for wave in zip_longest(*lines):
            present = [one for one in wave if one is not None]
            outcomes += [self._behind(one) for one in present if _line(one) in waiting]
            ready = [one for one in present if _line(one) not in waiting]
            for begin in range(0, len(ready), self._backoff.side_by_side):
                part = ready[begin : begin + self._backoff.side_by_side]
                tried = await self._try_wave(sender, part, hold)
                waiting |= {_line(one) for one, outcome in zip(part, tried, strict=True) if outcome.state == "queued"}
                outcomes += tried
        return outcomes

    async def _try_wave(self, sender: Sender, wave: Sequence[Claimed], hold: Hold) -> list[Outcome]:
        await self._make_sure(hold)
        ours = [one for one in wave if hold.has(one.reply.id)]
        outcomes = {one.reply.id: self._later(one, Unavailable(_LET_GO)) for one in wave if not hold.has(one.reply.id)}
        try:
            async with asyncio.timeout(self._backoff.try_seconds):
                verdicts = await sender.send_all([one.reply for one in ours]) if ours else []
            outcomes |= {one.reply.id: self._outcome(one, verdict) for one, verdict in zip(ours, verdicts, strict=True)}
        except TimeoutError:
            outcomes |= {one.reply.id: self._timed_out(one) for one in ours}
        return [outcomes[one.reply.id] for one in wave]

    async def _try_line(self, line: Sequence[Claimed], hold: Hold, gate: asyncio.Semaphore) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for one in line:
            if outcomes and outcomes[-1].state == "queued":
                outcomes.append(self._behind(one))
                continue
            async with gate:
                outcomes.append(await self._try(one, hold))
        return outcomes

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

    def _behind(self, claimed: Claimed) -> Outcome:
        """What comes after a reply that has to wait, waits with it; nobody asked for it, so it is no try."""
        wait = Waits("waits for an earlier reply of the same case", retry_after_seconds=self._backoff.first_seconds)
        return self._later(claimed, wait)

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

    async def _write_down(self, outcomes: Sequence[Outcome]) -> set[str]:
        """Writes all outcomes in one transaction; raises `Unavailable` and keeps them when that cannot be now.

        Returns the rows that were not sent and are none of ours any more.
        """
        self._unwritten |= {outcome.row: outcome for outcome in outcomes}
        if not self._unwritten:
            return set()
        left = await asyncio.to_thread(self._outbox.settle, list(self._unwritten.values()))
        self._unwritten.clear()
        return left

    async def _give_up(self, row: str, attempt: int, case: str, reason: str) -> None:
        # Retried from the dead letters, the ticket asks for one try more than there were.
        await self._park(Ticket(row=row, attempt=attempt), case, reason)
        await asyncio.to_thread(self._outbox.parked, row)


def _line(claimed: Claimed) -> tuple[str, str]:
    """Returns what is the same for replies that have to arrive in order."""
    return claimed.reply.case, claimed.reply.to


def _told(outcome: Outcome) -> str:
    """Returns the word that the metric has for it."""
    if outcome.state != "queued":
        return outcome.state
    return "retried" if outcome.is_try else "waiting"


def _after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
