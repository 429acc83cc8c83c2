"""Ten thousand calls over all channels at once, doubled and in any order, with a kill in the middle:
`python -m bench.channels`.

Every channel that providers call is called, signed as its provider signs, each message by a citizen of its own, one to
four times in any order by many connections, some copies at the same moment. In the middle the instance is killed and
started again; whoever was not told yes calls again. At the end every message has one case, and one answer or notice
where one is due.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import NullPool, create_engine, text

from bench._channels_said import UNANSWERED, Call, Providers
from bench._channels_storm import Storm, Tally, shuffled
from bench.instance import Instance
from bench.ledger import Verdict, compare
from bench.texts import texts

# Each call is sent so often on the average.
_TIMES = 2.5
# Of messages that can be, this part is written anew by their authors: that may arrive before what it changes.
_EDITED = 0.2
# So much of one wave comes again in the next.
_LATE = 0.1
_PER_MESSAGE = """
SELECT m.channel, m.native_id, COUNT(DISTINCT m.id), COUNT(DISTINCT c.number),
       COUNT(DISTINCT CASE WHEN o.kind IN ('answer', 'notice', 'acknowledgement') AND NOT o.deferred THEN o.id END)
FROM messages m LEFT JOIN cases c ON c.message = m.id LEFT JOIN outbox o ON o.number = c.number
GROUP BY m.channel, m.native_id
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of the messages of one channel: `wrong` are those that have not exactly what is due."""

    channel: str
    sent: int
    recorded: int
    cases: int
    letters: int
    wrong: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Result:
    rows: Sequence[Row]
    tally: Tally
    verdict: Verdict
    seconds: float

    @property
    def is_clean(self) -> bool:
        verdict, wrong = self.verdict, any(row.wrong for row in self.rows)
        files = verdict.undelivered or verdict.files_missing or verdict.sent_twice
        return not (wrong or files or verdict.lost or self.tally.others)

    def __str__(self) -> str:
        verdict, others = self.verdict, [f"{name} {status} {body!r}" for name, status, body in self.tally.others[:5]]
        letters = f"letters: {verdict.undelivered} not delivered, {verdict.files_missing} without a file"
        return (
            f"{self.seconds:.0f} s; acknowledged and lost: {len(verdict.lost)}; {letters}, "
            f"{len(verdict.sent_twice)} sent twice; other answers than yes and 503: {'; '.join(others) or 'none'}"
        )


class Redelivery:
    """All channels of one instance, and what their providers sent."""

    def __init__(self, folder: Path, *, seed: int = 1) -> None:
        self.instance = Instance(folder)
        self.providers = Providers(self.instance)
        self.providers.prepare()
        self.tally = Tally()
        self.sent: dict[str, Counter[str]] = defaultdict(Counter)
        self._chosen = random.Random(seed)
        self._said_at = 0.0
        self._citizens = 0

    def run(self, calls: int, *, waves: int, kills: int, connections: int = 64) -> Result:
        """Sends about so many calls, in waves: what is signed with the time is signed not long before it is sent."""
        self.instance.start()
        begun, killed = time.monotonic(), set(self._chosen.sample(range(waves), kills))
        made: list[Call] = []
        for wave in range(waves):
            # Some of what was answered long ago comes once more.
            late = self._chosen.sample(made, int(len(made) * _LATE))
            made = self._wave(int(calls / waves / _TIMES / (1 + _LATE)))
            batch = shuffled(made + late, self._chosen)
            storm = Storm(self.providers, self.tally, self._progress)
            kill_after = len(batch) // 2 if wave in killed else 0
            asyncio.run(storm.offer(batch, connections=connections, kill_after=kill_after))
        self.instance.drain(wait_seconds=600)
        self.instance.stop()
        return self._result(time.monotonic() - begun)

    def _wave(self, count: int) -> list[Call]:
        """Returns so many different calls, of all channels in turn."""
        now, names = time.time(), sorted(self.providers.parts)
        words = texts(1_000)
        made = []
        for place in range(count):
            channel = names[place % len(names)]
            people = self._chosen.randint(1, self.providers.most_in_one(channel))
            numbers = range(self._citizens, self._citizens + people)
            self._citizens += people
            said = {number: f"{words[number % len(words)]} {number}" for number in numbers}
            is_edited = self.providers.may_edit(channel) and self._chosen.random() < _EDITED
            calls = self.providers.calls(channel, said, now=now, is_edited=is_edited)
            for call in calls:
                self.sent[channel].update(call.native_ids)
            made += calls
        return made

    def _progress(self) -> None:
        if time.monotonic() - self._said_at > 0.5 and sys.stderr.isatty():
            self._said_at = time.monotonic()
            told = f"{len(self.tally.acknowledged)} of {self._citizens} messages acknowledged"
            sys.stderr.write(f"\rcalls {self.tally.calls.total()} · {told} · no answer {self.tally.silent.total()} ")

    def _result(self, seconds: float) -> Result:
        every = {native_id for ids in self.sent.values() for native_id in ids}
        verdict = compare(self.instance.cases_url, self.instance.var / "outbox", every, prefix="")
        return Result(rows=self._rows(), tally=self.tally, verdict=verdict, seconds=seconds)

    def _rows(self) -> list[Row]:
        engine = create_engine(self.instance.cases_url, poolclass=NullPool)
        with engine.connect() as database:
            found = {(row[0], row[1]): tuple(row[2:]) for row in database.execute(text(_PER_MESSAGE))}
        engine.dispose()
        return [_row(channel, ids, found) for channel, ids in sorted(self.sent.items())]


def _row(channel: str, sent: Counter[str], found: dict[tuple[str, str], tuple[int, ...]]) -> Row:
    """`sent` says in how many versions each was sent: all are recorded, of one case. What nobody sent is wrong too."""
    due = 0 if channel in UNANSWERED else 1
    here = {native_id: counts for (name, native_id), counts in found.items() if name == channel}
    sums = [sum(counts[place] for counts in here.values()) for place in range(3)]
    wrong = sorted(one for one in set(sent) | set(here) if here.get(one) != (sent[one], 1, due))
    return Row(channel=channel, sent=sent.total(), recorded=sums[0], cases=sums[1], letters=sums[2], wrong=tuple(wrong))


def shown(result: Result) -> Table:
    tally, table = result.tally, Table("channel", title="every message once, however often it was called out")
    for name in ("messages, edits", "calls", "503", "no answer", "recorded", "cases", "answers and notices", "wrong"):
        table.add_column(name, justify="right")
    for row in result.rows:
        said = (tally.calls[row.channel], tally.again[row.channel], tally.silent[row.channel])
        numbers = (row.sent, *said, row.recorded, row.cases, row.letters, len(row.wrong))
        table.add_row(row.channel, *(f"{number:,}" for number in numbers))
    sums = Counter[str]()
    for row in result.rows:
        sums.update(sent=row.sent, recorded=row.recorded, cases=row.cases, letters=row.letters, wrong=len(row.wrong))
    said = (tally.calls.total(), tally.again.total(), tally.silent.total())
    numbers = (sums["sent"], *said, sums["recorded"], sums["cases"], sums["letters"], sums["wrong"])
    table.add_section()
    table.add_row("all", *(f"{number:,}" for number in numbers))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000, help="about how many calls (10,000)")
    parser.add_argument("--waves", type=int, default=5, help="in how many goes (5)")
    parser.add_argument("--kills", type=int, default=1, help="in how many of them the instance is killed (1)")
    parser.add_argument("--seed", type=int, default=1, help="for order and moments (1)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eungdapso-channels-") as folder:
        redelivery = Redelivery(Path(folder), seed=given.seed)
        try:
            result = redelivery.run(given.calls, waves=given.waves, kills=given.kills)
        finally:
            redelivery.instance.kill()
        Console(width=140).print(shown(result))
        print(result)
        for row in result.rows:
            for native_id in row.wrong[:3]:
                print(f"  wrong: {row.channel} {native_id}")
    sys.exit(0 if result.is_clean else 1)


if __name__ == "__main__":
    main()
