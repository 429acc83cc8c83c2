"""What is peculiar to the stream in one SQLite file: its disk, its lock, its processes, its tidying."""

import asyncio
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from core.errors import ConfigError, Rejected, Unavailable
from streams._identities import Identities
from streams._log import Log
from streams._records import Recent, Write
from streams._wake import Bell, Ringer
from streams.base import INBOUND, OUTBOUND, ROUTED, Batch, Entry, Record
from streams.embedded import Embedded

GROUPS: Mapping[str, Sequence[str]] = {INBOUND: ("router",), ROUTED: ("cases", "search")}
ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 60
DAY_SECONDS = 86_400

# A process that publishes until it is killed, and says after each one that it was acknowledged.
PUBLISHER = """
import asyncio, sys
from pathlib import Path
from streams.base import Entry
from streams.embedded import Embedded

async def citizen(stream, name, first):
    for i in range(first, 10**9):
        await stream.publish(Entry(topic="inbound", key=name, body=b"%s %d" % (name.encode(), i),
                                   identity=b"%s%015d" % (name.encode(), i)))
        print(name, i, flush=True)

async def main(path, first):
    stream = Embedded(Path(path), groups={"inbound": ("router",), "routed": ("cases", "search")}, lag_limit=10**9)
    await stream.start()
    await asyncio.gather(*[citizen(stream, name, first) for name in "abc"])

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

# A process that publishes numbered records, some of which another one publishes too.
NUMBERS = """
import asyncio, sys
from pathlib import Path
from core.errors import Unavailable
from streams.base import Entry
from streams.embedded import Embedded

async def patiently(act):
    # On a busy machine another writer may hold the lock for longer than one waits: who is told to, tries again.
    while True:
        try:
            return await act()
        except Unavailable:
            await asyncio.sleep(0.05)

async def main(path, first, last):
    stream = Embedded(Path(path), groups={"inbound": ("router",), "routed": ("cases", "search")})
    await patiently(stream.start)
    for i in range(first, last):
        one = Entry(topic="inbound", key="k", body=b"%d" % i, identity=b"%016d" % i)
        await patiently(lambda: stream.publish(one))
    await stream.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def embedded(path: Path, *, lag_limit: int = 20_000, busy_seconds: float = 0.05) -> Embedded:
    return Embedded(path, groups=GROUPS, lag_limit=lag_limit, busy_seconds=busy_seconds)


def entry(body: str, *, topic: str = INBOUND, identity: str = "") -> Entry:
    return Entry(topic=topic, key="k", body=body.encode(), identity=identity.encode().rjust(16) if identity else b"")


async def read_once(stream: Embedded, *, most: int = 100_000) -> Batch:
    async with aclosing(stream.read(INBOUND, "router", most=most)) as batches:  # type: ignore[type-var]  # a generator
        return await asyncio.wait_for(anext(batches), PATIENCE_SECONDS)


async def bodies(stream: Embedded) -> list[str]:
    return [record.body.decode() for record in (await read_once(stream)).records]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
async def stream(path: Path) -> AsyncIterator[Embedded]:
    stream = embedded(path)
    await stream.start()
    yield stream
    await stream.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a disk of one megabyte; the next test does without")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


# Killed


def _run_and_kill(path: Path, first: int, acknowledgements: int) -> set[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(path), str(first)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child, child.stdout as told:
        acknowledged = {told.readline().strip() for _ in range(acknowledgements)}
        child.send_signal(signal.SIGKILL)
        return acknowledged | {line.strip() for line in told if line.endswith("\n")}


async def test_killed_at_any_moment(path: Path) -> None:
    """What was acknowledged before a SIGKILL is there afterwards, once, in the order of each publisher."""
    acknowledged: set[str] = set()
    for run in range(4):
        acknowledged |= _run_and_kill(path, run * 1_000_000, random.randint(1, 400))
    stream = embedded(path)
    await stream.start()
    kept = await bodies(stream)
    await stream.close()

    assert acknowledged <= set(kept)
    assert len(set(kept)) == len(kept)
    for name in "abc":
        numbers = [int(body[2:]) for body in kept if body[0] == name]

        assert sorted(numbers) == numbers


async def test_power_lost_at_any_byte(path: Path, tmp_path: Path, stream: Embedded) -> None:
    """However little of the write-ahead log reached the disk: the log opens, and what is there has no gap."""
    published = [f"{i} " + "x" * 600 for i in range(40)]
    for body in published:
        await stream.publish(entry(body, identity=body[:4]))
    written = path.with_name("log.db-wal").read_bytes()
    for size in random.sample(range(len(written)), 20):
        torn = tmp_path / f"torn-{size}" / "log.db"
        torn.parent.mkdir()
        shutil.copy(path, torn)
        torn.with_name("log.db-wal").write_bytes(written[:size])
        kept = await _everything(torn)

        assert published[: len(kept)] == kept


async def _everything(path: Path) -> list[str]:
    stream = embedded(path)
    await stream.start()
    count = (await stream.lags())["router"]
    kept = await bodies(stream) if count else []
    await stream.close()
    return kept


# Several processes


async def publish_numbers(path: Path, first: int, end: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", NUMBERS, str(path), str(first), str(end), cwd=ROOT
    )


async def test_two_processes_write_at_once(path: Path) -> None:
    """Two processes that publish the same things at the same time leave each thing once."""
    children = [await publish_numbers(path, 0, 150), await publish_numbers(path, 50, 200)]
    endings = [await asyncio.wait_for(child.wait(), PATIENCE_SECONDS) for child in children]
    stream = embedded(path)
    await stream.start()
    kept = await bodies(stream)
    await stream.close()

    assert [0, 0] == endings
    assert [str(i) for i in range(200)] == sorted(kept, key=int)


async def test_a_reader_wakes_for_another_process(path: Path, stream: Embedded) -> None:
    """A reader that waits here gets what another process publishes."""
    waiting = asyncio.ensure_future(bodies(stream))
    child = await publish_numbers(path, 7, 8)

    assert ["7"] == await waiting
    assert 0 == await child.wait()


async def test_a_pipe_carries_the_ring(tmp_path: Path) -> None:
    """A ring reaches a bell by its pipe alone, also when the reader hung it after the first ring."""
    ringer, bell = Ringer(tmp_path / "wake"), Bell(tmp_path / "wake", "router")
    ringer.ring(["router"])
    bell.hang()
    bell.is_from_outside = False
    ringer.ring(["router"])
    await asyncio.wait_for(bell.wait(), PATIENCE_SECONDS)
    bell.take_down()
    ringer.ring(["router"])
    ringer.close()

    assert bell.is_from_outside


async def test_a_file_in_the_way_of_a_pipe(tmp_path: Path) -> None:
    """Whatever stands where the pipe should be is never written to, and the reader puts its pipe there."""
    folder = tmp_path / "wake"
    folder.mkdir()
    (folder / "router.fifo").write_text("mine")
    ringer, bell = Ringer(folder), Bell(folder, "router")
    ringer.ring(["router"])

    assert "mine" == (folder / "router.fifo").read_text()
    bell.hang()
    ringer.ring(["router"])
    await asyncio.wait_for(bell.wait(), PATIENCE_SECONDS)
    bell.take_down()
    ringer.close()


async def test_backlog_worked_off_elsewhere(path: Path) -> None:
    """Intake that was refused goes on when the group in another process has caught up."""
    intake, router = embedded(path, lag_limit=5), embedded(path)
    await intake.start()
    await router.start()
    await intake.publish(*[entry(str(i)) for i in range(6)])
    await router.commit(await read_once(router))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await _is_taken(intake):
            await intake.lags()

    assert {"router": 1, "cases": 0, "search": 0} == await router.lags()
    await intake.close()
    await router.close()


async def _is_taken(stream: Embedded) -> bool:
    try:
        return (await stream.publish(entry("one more")))[0]
    except Unavailable:
        return False


# What goes wrong with the disk


async def test_a_full_disk(small_disk: Path) -> None:
    """On a full disk nothing is acknowledged; with room it goes on by itself, and nothing is known of what failed."""
    stream = embedded(small_disk / "log.db")
    await stream.start()
    await stream.publish(entry("before", identity="1"))
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(bytes(2_000_000))
    with pytest.raises(Unavailable, match="the disk is full; make room"):
        await stream.publish(entry("x" * 300_000, identity="2"))
    ballast.unlink()

    assert [True, False] == await stream.publish(entry("after", identity="2"), entry("before", identity="1"))
    assert ["before", "after"] == await bodies(stream)
    await stream.close()


async def test_no_more_room_in_the_file(stream: Embedded) -> None:
    """The engine's own "full" reads the same, fails only what did not fit, and leaves the rest flowing."""
    await stream.publish(entry("before"))
    assert stream._log._db is not None
    stream._log._db.execute("PRAGMA max_page_count = 20")
    with pytest.raises(Unavailable, match="the disk is full"):
        await stream.publish(entry("x" * 200_000))

    assert [True] == await stream.publish(entry("after"))
    assert ["before", "after"] == await bodies(stream)


async def test_a_locked_file(path: Path, stream: Embedded) -> None:
    """Somebody else's lock is waited for within bounds; then it is said, and later it goes on by itself."""
    await stream.publish(entry("before"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="another program holds its lock"):
        await stream.publish(entry("during"))

    assert ["before"] == await bodies(stream)
    assert {"router": 1, "cases": 0, "search": 0} == await stream.lags()
    other.execute("ROLLBACK")
    other.close()

    assert [True] == await stream.publish(entry("after"))


async def test_trouble_is_told_until_it_is_over(path: Path, stream: Embedded) -> None:
    """What keeps the log from writing is known, and known to be gone, also when nobody comes to write."""
    await stream.publish(entry("before"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await stream.publish(entry("during"))

    assert "another program holds its lock" in stream.trouble
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(300):
        while stream.trouble:
            await asyncio.sleep(0.05)


async def test_what_waits_for_the_disk_is_bounded(path: Path, stream: Embedded) -> None:
    """While the disk does not answer, intake is told to try again before memory fills."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    body = bytes(33 * 1024 * 1024)
    waiting = [asyncio.ensure_future(stream.publish(Entry(topic=INBOUND, key="k", body=body))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="the disk is behind"):
        await stream.publish(entry("one more"))
    refused = await asyncio.gather(*waiting, return_exceptions=True)
    other.execute("ROLLBACK")
    other.close()

    assert [Unavailable, Unavailable] == [type(error) for error in refused]
    assert [True] == await stream.publish(entry("after"))


async def test_the_file_is_moved_away(path: Path, stream: Embedded) -> None:
    """What would be written to a file without a name is not acknowledged; put back, it goes on."""
    await stream.publish(entry("before"))
    path.rename(path.with_suffix(".moved"))
    with pytest.raises(Unavailable, match="No such file"):
        await stream.publish(entry("during"))
    path.with_suffix(".moved").rename(path)

    assert [True] == await stream.publish(entry("after"))


async def test_another_file_in_its_place(path: Path, stream: Embedded) -> None:
    """A file that was put in the place of the open one is not written to."""
    await stream.publish(entry("before"))
    path.rename(path.with_suffix(".moved"))
    path.write_bytes(b"")

    with pytest.raises(Unavailable, match="replaced while it was open"):
        await stream.publish(entry("during"))
    assert b"" == path.read_bytes()


async def test_a_damaged_block(path: Path, stream: Embedded) -> None:
    """Damage that shows when it is read is named with what to do, and is never handed on as a record."""
    await stream.publish(entry("a"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE log_1 SET records = x'ff00'")
    other.close()

    with pytest.raises(Unavailable, match="is damaged"):
        await read_once(stream)


# What stands there at the start


def _letter(path: Path) -> None:
    path.write_text("귀하의 민원에 답변드립니다.\n" * 100)


def _other_database(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE citizens (name TEXT)")
    db.close()


def _newer_log(path: Path) -> None:
    asyncio.run(_filled_log(path))
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


def _damaged_log(path: Path) -> None:
    asyncio.run(_filled_log(path))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 20_000)


async def _filled_log(path: Path) -> None:
    stream = embedded(path)
    await stream.start()
    await stream.publish(*[entry("x" * 600, identity=str(i)) for i in range(50)])
    await stream.close()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_letter, "is not a message log"),
        (_other_database, "is a database of another program"),
        (_newer_log, "newer version"),
        (_damaged_log, "is damaged"),
        (Path.mkdir, "is no place for a file"),
    ],
)
def test_a_file_that_cannot_be_used(path: Path, spoil: Callable[[Path], None], says: str) -> None:
    """A file that is not ours, or damaged, is named with what to do, and stays as it is."""
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(ConfigError, match=says) as caught:
        asyncio.run(embedded(path).start())

    assert str(path) in str(caught.value)
    assert before == (path.read_bytes() if path.is_file() else b"")


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """A path below a file is a mistake of the configuration."""
    (tmp_path / "var").write_text("")

    with pytest.raises(ConfigError, match="is no place for a file"):
        asyncio.run(embedded(tmp_path / "var" / "log.db").start())


async def test_an_empty_file_is_a_new_log(path: Path) -> None:
    """What a kill in the first moment of the first start leaves behind is taken as new."""
    path.touch()
    stream = embedded(path)
    await stream.start()

    assert [True] == await stream.publish(entry("a"))
    await stream.close()


async def test_only_its_user_reads_the_files(path: Path, stream: Embedded) -> None:
    """Log, write-ahead log and pipes are for the user who runs the program."""
    await stream.publish(entry("a"))
    await read_once(stream)
    files = [path, *path.parent.glob("log.db-*"), *path.parent.glob("log.db.wake/*")]

    assert {0o600} == {file.stat().st_mode & 0o777 for file in files}
    assert 4 == len(files)


# What never gets into the file


@pytest.mark.parametrize(
    ("spoiled", "says"),
    [
        (Entry(topic="nowhere", key="k", body=b""), "no topic 'nowhere'"),
        (Entry(topic=INBOUND, key="\ud800", body=b""), "no Unicode text"),
    ],
)
async def test_an_entry_that_cannot_be_kept(stream: Embedded, spoiled: Entry, says: str) -> None:
    """An impossible entry is rejected alone; what others publish at the same time is kept."""
    results = await asyncio.gather(stream.publish(entry("a")), stream.publish(spoiled), return_exceptions=True)

    assert [True] == results[0]
    assert isinstance(results[1], Rejected)
    assert says in results[1].reason
    assert ["a"] == await bodies(stream)


async def test_a_reason_of_any_characters(stream: Embedded) -> None:
    """A reason that quotes broken text is kept as well as it can be written."""
    await stream.park(Record(topic=INBOUND, offset=1, key="k", body=b""), group="router", reason="not \udcff")

    assert ["not ?"] == [parked.reason for parked in await stream.parked()]


async def test_a_topic_that_nobody_reads_any_more(path: Path, stream: Embedded) -> None:
    """A parked record whose topic is gone stays parked, and the caller is told."""
    number = await stream.park(Record(topic=OUTBOUND, offset=1, key="k", body=b"a"), group="reply", reason="why")
    with pytest.raises(Rejected, match="outbound"):
        await stream.retry([number])

    assert [number] == [parked.id for parked in await stream.parked()]


# Tidying


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(path: Path, clock: Clock) -> Iterator[Log]:
    log = open_log(path, clock)
    yield log
    log.close()


def open_log(path: Path, clock: Clock) -> Log:
    identities = Identities(keep_seconds=7 * DAY_SECONDS, move_at=10)
    log = Log(path, GROUPS, identities=identities, busy_seconds=0.05, unix_time=clock)
    log.look()
    return log


def write(log: Log, *bodies: str, topic: str = INBOUND) -> list[bool]:
    done = log.apply([Write(entries=[entry(body, topic=topic, identity=body) for body in bodies])]).done[0]
    assert not isinstance(done, Rejected)
    return done.is_new


def commit(log: Log, topic: str, group: str, place: int) -> None:
    log.apply([Write(reader=(topic, group), place=place)])


def tidy(log: Log) -> None:
    while log.tidy():
        pass


def count(path: Path, table: str) -> int:
    db = sqlite3.connect(path)
    number = int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    db.close()
    return number


def test_what_every_group_has_read_is_dropped(path: Path, log: Log) -> None:
    """Only what all groups of a topic have committed goes; the newest block stays, to count on from."""
    for i in range(100):
        write(log, f"r{i}", topic=ROUTED)
    commit(log, ROUTED, "cases", 100)
    commit(log, ROUTED, "search", 60)
    tidy(log)
    held = count(path, f"log_{log.numbers[ROUTED]}")
    commit(log, ROUTED, "search", 100)
    tidy(log)

    assert 40 == held
    assert 1 == count(path, f"log_{log.numbers[ROUTED]}")


@pytest.mark.parametrize("tidies", [False, True])
async def test_only_who_tidies_holds_the_broom(path: Path, monkeypatch: pytest.MonkeyPatch, tidies: bool) -> None:
    """A process that is about to write never waits for another one's tidying."""
    swept: list[bool] = []
    monkeypatch.setattr(Log, "tidy", lambda _log: swept.append(True))
    stream = Embedded(path, groups=GROUPS, tidies=tidies)
    await stream.start()
    await stream.publish(entry("a"))
    # When this one is durable, the turn of the one before has ended.
    await stream.publish(entry("b"))
    await stream.close()

    assert tidies == bool(swept)


def test_offsets_go_on_after_everything_was_dropped(path: Path, log: Log, clock: Clock) -> None:
    """A restart on a tidied log never gives an offset a second time."""
    write(log, "a", "b", "c")
    commit(log, INBOUND, "router", 3)
    tidy(log)
    log.close()
    again = open_log(path, clock)
    added = again.apply([Write(entries=[entry("d")])]).added
    again.close()

    assert [4] == [record.offset for record in added[INBOUND]]


def test_the_file_does_not_grow_for_ever(path: Path, log: Log) -> None:
    """Room of dropped records is used again."""
    sizes = []
    for round_number in range(6):
        last = 0
        for _ in range(20):
            news = log.apply([Write(entries=[entry("x" * 2000)] * 20)])
            last = news.lasts[INBOUND]
        commit(log, INBOUND, "router", last)
        tidy(log)
        sizes.append((round_number, path.stat().st_size))

    assert sizes[-1][1] <= 2 * sizes[1][1] + 2_000_000


def test_moved_identities_stay_known(log: Log, path: Path, clock: Clock) -> None:
    """Identities are known before, between and after the steps of their move, here and after a restart."""
    names = [f"n{i}" for i in range(30)]
    write(log, *names)
    seen = [write(log, *names)]
    while log.tidy():
        seen.append(write(log, *names))
    log.close()
    again = open_log(path, clock)
    seen.append(write(again, *names))
    again.close()

    assert {False} == {is_new for answers in seen for is_new in answers}
    assert 30 == count(path, "identity")


def test_identities_that_another_process_moved(log: Log, path: Path, clock: Clock) -> None:
    """What another process added, or moved, is known here."""
    other = open_log(path, clock)
    write(log, *[f"n{i}" for i in range(30)])
    tidy(other)
    write(other, *[f"m{i}" for i in range(30)])
    tidy(other)
    tidy(log)

    assert {False} == set(write(log, *[f"n{i}" for i in range(30)], *[f"m{i}" for i in range(30)]))
    assert {False} == set(write(other, *[f"n{i}" for i in range(30)], *[f"m{i}" for i in range(30)]))
    other.close()


def test_identities_are_forgotten_after_their_time(log: Log, clock: Clock, path: Path) -> None:
    """An identity is known for as long as was set, and then makes room."""
    write(log, *[f"n{i}" for i in range(20)])
    tidy(log)
    clock.now += 6.9 * DAY_SECONDS
    write(log, *[f"m{i}" for i in range(20)])
    tidy(log)

    assert [False] * 20 == write(log, *[f"n{i}" for i in range(20)])
    clock.now += 0.6 * DAY_SECONDS
    write(log, *[f"o{i}" for i in range(20)])
    tidy(log)

    assert [False] * 20 == write(log, *[f"m{i}" for i in range(20)])
    assert [True] * 20 == write(log, *[f"n{i}" for i in range(20)])


# The newest in memory


def _records(first: int, last: int, *, size: int = 10) -> list[Record]:
    return [Record(topic=INBOUND, offset=i, key="k", body=bytes(size)) for i in range(first, last + 1)]


def test_recent_records() -> None:
    """The newest are given from any place that is still kept; an older place has to be read from the file."""
    recent = Recent(most_bytes=100_000)
    recent.add(_records(11, 20))

    assert [15, 16] == [record.offset for record in recent.after(14, 2)]
    assert [11] == [record.offset for record in recent.after(10, 1)]
    assert [] == recent.after(9, 5)
    assert [] == recent.after(20, 5)


def test_recent_records_have_no_gaps() -> None:
    """When another process wrote in between, what was kept before is let go."""
    recent = Recent(most_bytes=100_000)
    recent.add(_records(1, 5))
    recent.add(_records(8, 9))

    assert [] == recent.after(4, 5)
    assert [8, 9] == [record.offset for record in recent.after(7, 5)]


def test_recent_records_are_bounded() -> None:
    """However much is added, not much more than the bound is kept, and always the newest."""
    recent = Recent(most_bytes=10_000)
    recent.add(_records(1, 1000, size=100))

    assert [] == recent.after(900, 1)
    assert [1000] == [record.offset for record in recent.after(999, 5)]
