"""The reply sink: takes what is due out to the channel it came from, once, and writes down what became of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import ClassVar

from cases.outbox import Claimed, Claims, Outbox, Outcome
from core import telemetry
from core.clock import Clock, machine_clock
from core.errors import Unavailable
from core.reply import Sender
from core.wire import Ticket
from sinks._backoff import Backoff
from sinks._tries import Line, Load, Tries, line_of
from sinks._turns import APART_SECONDS, LONGEST_LINE_SECONDS
from sinks.base import Sink

# Puts a ticket that was given up where a person sees it: the ticket, the case's number, the reason.
Park = Callable[[Ticket, str, str], Awaitable[None]]
# After which those that a full channel turns away begin to come back, one after the other.
_AWAY_SECONDS = 1.0
_AGAIN_SECONDS, _LONGEST_AGAIN_SECONDS = 1.0, 30.0
# What is on its way when the process ends may take so long; what is not back then is asked after at the next start.
_LAST_SECONDS = 4.0


class Courier(Sink[Ticket]):
    """Sends the outbox rows that tickets name. What was sent already, or taken back, is left out.

    Each channel goes its own way: a batch waits only a moment for its slowest, and what is not back by then is ended
    beside the batches that follow, with no more of its channel under way than `side_by_side`. A ticket is done with as
    soon as its row is taken: from there on the row itself says that it is being sent, and what a killed process had
    taken is taken up by `setup` of the next, or when its ticket is given anew. Directly before a reply is sent it is
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
        self._tries = Tries(senders, self._backoff, machine)
        self._loads: dict[asyncio.Task[None], Load] = {}
        # Every row that was taken and of which nothing is written down yet, by its line.
        self._under_way: dict[str, Line] = {}
        # What was tried and could not be written down: it is not tried again when the batch comes again.
        self._unwritten: dict[str, tuple[Claimed, Outcome]] = {}
        self._unparked: list[tuple[Ticket, str, str]] = []
        self._turned_away: Counter[str] = Counter()
        self._back: set[str] = set()
        self._writing = asyncio.Lock()
        self._ended = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def setup(self) -> None:
        """Takes up what processes that are gone had begun, without waiting for its tickets to come again."""
        left = await asyncio.to_thread(self._outbox.left_behind)
        for begin in range(0, len(left), self.most):
            await self.write(left[begin : begin + self.most])

    async def write(self, records: Sequence[Ticket]) -> Mapping[int, str]:
        """Tries every row once, waiting a moment for the answers; returns the tickets that name no row."""
        await self._write_down()
        # Of what is on its way already nobody needs another ticket.
        wanted = [ticket for ticket in records if ticket.row not in self._under_way]
        claims = await asyncio.to_thread(self._outbox.claim, wanted)
        tasks = self._begin(claims)
        if tasks:
            await asyncio.wait(tasks, timeout=self._backoff.patience_seconds)
        self._leave()
        self._unparked += [(ticket, "", "given up before") for ticket in claims.unparked]
        await self._write_down()
        unknown = {ticket.row for ticket in claims.unknown}
        return {place: "no such outbox row" for place, ticket in enumerate(records) if ticket.row in unknown}

    async def close(self) -> None:
        if self._loads:
            await asyncio.wait(self._loads, timeout=_LAST_SECONDS)
        tasks = [*self._loads, *([self._keeper] if self._keeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(Unavailable):
            await self._write_down()
        await asyncio.gather(*(sender.close() for sender in set(self._senders.values())))

    def _begin(self, claims: Claims) -> list[asyncio.Task[None]]:
        """Begins to try what was claimed; returns the tasks that are waited for: not those of a channel of which
        something is still under way from before."""
        left = Counter[str]()
        for load in self._loads.values():
            left[load.channel] += len(load.rows) if load.is_left else 0
        waited = []
        for load in self._tries.loads(self._admitted(claims.ready, left)):
            load.is_left = left[load.channel] > 0
            task = asyncio.create_task(self._tries.run(load, claims.hold), name=f"reply.{load.channel}")
            self._loads[task] = load
            task.add_done_callback(self._end)
            waited += [] if load.is_left else [task]
        return waited

    def _admitted(self, claimed: Sequence[Claimed], left: Mapping[str, int]) -> list[list[Claimed]]:
        """Returns the lines that may go now; the others go back to the outbox: of a channel that has enough under way,
        and those of which an earlier reply is under way."""
        busy, lines = set(self._under_way.values()), dict[Line, list[Claimed]]()
        for one in claimed:
            lines.setdefault(line_of(one), []).append(one)
        taken: Counter[str] = Counter(left)
        admitted = []
        for name, line in lines.items():
            channel = line[0].reply.channel
            is_full = left.get(channel, 0) > 0 and taken[channel] >= self._backoff.side_by_side
            if is_full or name in busy:
                self._turn_away(line, is_full=is_full)
            else:
                taken[channel] += len(line)
                admitted.append(line)
            self._under_way |= {one.reply.id: name for one in line}
        return admitted

    def _turn_away(self, line: Sequence[Claimed], *, is_full: bool) -> None:
        for one in line:
            channel = one.reply.channel
            self._turned_away[channel] += is_full
            seconds = _AWAY_SECONDS + min(self._turned_away[channel] * APART_SECONDS, LONGEST_LINE_SECONDS)
            away = self._tries.turned_away(one, seconds) if is_full else self._tries.behind(one)
            self._unwritten[one.reply.id] = one, away

    def _end(self, task: asyncio.Task[None]) -> None:
        """Notes what became of a load as soon as it ended; what was interrupted is asked after at the next start."""
        load = self._loads.pop(task)
        if task.cancelled():
            return
        judged = self._tries.judged(load, task.exception())
        self._unwritten |= {one.reply.id: (one, outcome) for one, outcome in judged}
        if any(outcome.is_try for _, outcome in judged):
            self._turned_away[load.channel] = 0
        if load.is_left:
            self._ended.set()

    def _leave(self) -> None:
        """Nobody waits any longer for what is on its way still: it is written down when it is back."""
        for load in self._loads.values():
            load.is_left = True
        if self._loads and (self._keeper is None or self._keeper.done()):
            self._keeper = asyncio.create_task(self._keep(), name="reply.keeper")

    async def _keep(self) -> None:
        wait = _AGAIN_SECONDS
        while True:
            await self._ended.wait()
            self._ended.clear()
            try:
                await self._write_down()
            except Unavailable as error:
                telemetry.waiting(part="reply", reason=error.reason, seconds=wait)
                await asyncio.sleep(wait)
                self._ended.set()
                wait = min(wait * 2, _LONGEST_AGAIN_SECONDS)
            else:
                wait = _AGAIN_SECONDS

    async def _write_down(self) -> None:
        """Writes down all that ended, in one transaction, and brings forward what waited for a channel that is back.
        Raises `Unavailable` and keeps what cannot be written now."""
        async with self._writing:
            if self._unwritten:
                await self._settle(dict(self._unwritten))
            while self._unparked:
                await self._give_up(*self._unparked[0])
                self._unparked.pop(0)
            self._back |= {name for name, sender in self._senders.items() if sender.is_back()}
            for channel in sorted(self._back):
                await asyncio.to_thread(partial(self._outbox.hasten, channel, APART_SECONDS))
                self._back.discard(channel)

    async def _settle(self, ended: Mapping[str, tuple[Claimed, Outcome]]) -> None:
        left = await asyncio.to_thread(self._outbox.settle, [outcome for _, outcome in ended.values()])
        for row, (claimed, outcome) in ended.items():
            del self._unwritten[row], self._under_way[row]
            # Rows that were not sent and are none of ours any more are another's to tell.
            if row in left:
                continue
            reply, state = claimed.reply, _told(outcome)
            telemetry.replied(channel=reply.channel, kind=reply.kind, state=state, case=reply.case, error=outcome.error)
            if state == "failed":
                # Retried from the dead letters, the ticket asks for one try more than there were.
                self._unparked.append((Ticket(row=row, attempt=reply.attempt + 1), reply.case, outcome.error))

    async def _give_up(self, ticket: Ticket, case: str, reason: str) -> None:
        await self._park(ticket, case, reason)
        await asyncio.to_thread(self._outbox.parked, ticket.row)


def _told(outcome: Outcome) -> str:
    """Returns the word that the metric has for it."""
    if outcome.state != "queued":
        return outcome.state
    return "retried" if outcome.is_try else "waiting"
