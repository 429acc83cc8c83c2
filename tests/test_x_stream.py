"""X's stream: opened again no faster than X allows, noticed when it falls silent, nothing lost on the way in."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import aiohttp
import pytest

from connectors._x_settings import XSettings
from connectors._x_stream import Pauses, Stream
from connectors.x import X
from core.clock import machine_clock
from core.errors import Rejected, Unavailable
from core.message import Arrival
from tests.x_provider import CITY, SECRETS, FakeX, Trouble


class Time:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def settings(fake: FakeX, **more: Any) -> XSettings:
    given = {"accounts": {"Seoul_eds": {"id": CITY}}, "api_url": fake.url, "timeout_seconds": 1}
    return XSettings.model_validate({**given, "stream_rules": ["서울시 -is:retweet"], "poll_seconds": 60, **more})


def line(fake: FakeX, text: str) -> bytes:
    return json.dumps({"data": fake.says(text), "matching_rules": [{"id": "1"}]}).encode()


async def heard(stream: Stream, count: int) -> list[bytes]:
    """Takes until so many lines were there, each once."""
    lines: list[bytes] = []
    async with asyncio.timeout(300):
        while len(lines) < count:
            new = await stream.take(0.2)
            stream.taken(len(new))
            lines += new
    return lines


# The limits, by a clock that is told.


def waits(pauses: Pauses, *errors: Exception) -> list[float]:
    found = []
    for error in errors:
        pauses.failed(error)
        found.append(pauses.seconds)
    return found


def test_network_errors_are_waited_for_a_little_longer_each_time() -> None:
    """A quarter of a second more each time, at most 16."""
    found = waits(Pauses(monotonic=Time()), *[aiohttp.ClientError()] * 70)

    assert [0.25, 0.5, 0.75] == found[:3]
    assert 16.0 == found[-1]


def test_http_errors_double_the_wait() -> None:
    """Five seconds, doubled each time, at most 320."""
    assert [5.0, 10.0, 20.0] == waits(Pauses(monotonic=Time()), *[Unavailable("X answered 503")] * 3)
    assert 320.0 == waits(Pauses(monotonic=Time()), *[Rejected("X refused with 401")] * 9)[-1]


def test_limit_is_waited_for_a_minute_at_least() -> None:
    """A minute, doubled each time."""
    assert [60.0, 120.0] == waits(Pauses(monotonic=Time()), *[Unavailable("X's limit for streams is reached")] * 2)


def test_success_begins_anew() -> None:
    """What worked once need not wait long."""
    pauses = Pauses(monotonic=Time())
    waits(pauses, *[Unavailable("X answered 503")] * 5)
    pauses.worked()

    assert [5.0] == waits(pauses, Unavailable("X answered 503"))


def test_no_more_connections_than_x_allows() -> None:
    """However often the stream ends, there are less than fifty connections in fifteen minutes."""
    time = Time()
    pauses, begun = Pauses(monotonic=time), list[float]()
    while time.now < 1_000 + 3_600:
        time.now += pauses.seconds
        pauses.begin()
        begun.append(time.now)
        pauses.worked()
        pauses.failed(Unavailable("X ended the stream"))

    assert 50 > max(sum(at <= one < at + 900 for one in begun) for at in begun)


# A real connection.


async def test_posts_are_heard_and_rules_are_kept() -> None:
    """The rules at X become those of the settings, somebody else's stay; what matches is heard."""
    fake = FakeX(rules=[{"id": "1", "value": "old", "tag": "eungdapso"}, {"id": "2", "value": "x", "tag": "theirs"}])
    said = line(fake, "서울시 가로등")
    fake.lines.put_nowait(b"")
    fake.lines.put_nowait(said)
    async with fake.listening():
        stream = Stream(settings(fake), "bearer-token", {})
        lines = await heard(stream, 1)
        await stream.close()

    assert [said] == lines
    assert ["x", "서울시 -is:retweet"] == [rule["value"] for rule in fake.rules]


async def test_what_was_not_taken_comes_again() -> None:
    """Until it is said to be durable the same is given again."""
    fake = FakeX()
    said = line(fake, "서울시 가로등")
    fake.lines.put_nowait(said)
    async with fake.listening():
        stream = Stream(settings(fake), "bearer-token", {})
        first = await stream.take(5)
        second = await stream.take(0)
        stream.taken(1)
        third = await stream.take(0)
        await stream.close()

    assert ([said], [said], []) == (first, second, third)


async def test_clean_end_is_not_followed_by_a_connection_at_once() -> None:
    """After an end without an error the library would connect at once, and again; we wait."""
    fake = FakeX(ends_after_lines=True)
    fake.lines.put_nowait(line(fake, "서울시 가로등"))
    async with fake.listening():
        stream = Stream(settings(fake), "bearer-token", {})
        await heard(stream, 1)
        await stream.take(0.5)
        pause = stream.pauses.seconds
        await stream.close()

    assert 1 == len(fake.streams)
    assert 4 < pause <= 5
    assert "stream: X ended the stream" == stream.note


async def test_silent_stream_is_noticed() -> None:
    """A connection on which not even the sign of life comes is given up, and another is opened."""
    fake = FakeX()
    async with fake.listening():
        stream = Stream(settings(fake), "bearer-token", {}, silent_seconds=0.2)
        async with asyncio.timeout(300):
            while len(fake.streams) < 2:
                await stream.take(0.2)
        await stream.close()

    assert 2 <= len(fake.streams)


@pytest.mark.parametrize(
    ("trouble", "least"), [(Trouble(status=503), 4), (Trouble(status=429), 59), (Trouble(status=401), 4)]
)
async def test_refused_stream_is_waited_for(trouble: Trouble, least: float) -> None:
    """A refusal, also one in HTML, is waited for as long as its kind asks."""
    fake = FakeX()
    fake.fails("GET stream", trouble)
    async with fake.listening():
        stream = Stream(settings(fake), "bearer-token", {})
        await stream.take(0.5)
        await stream.close()

    assert 1 == fake.calls("GET stream")
    assert least < stream.pauses.seconds
    assert stream.note.startswith("stream: X")


async def test_too_many_connections_is_a_limit() -> None:
    """When X says in the stream that there is another one, that is waited for as a limit."""
    fake = FakeX()
    fake.lines.put_nowait(b'{"errors":[{"title":"ConnectionException","connection_issue":"TooManyConnections"}]}')
    async with fake.listening():
        stream = Stream(settings(fake), "bearer-token", {})
        await stream.take(0.5)
        await stream.close()

    assert 59 < stream.pauses.seconds


async def test_stream_that_nobody_takes_from_ends() -> None:
    """When the turn went to another process the connection is let go of: X allows one."""
    fake, time = FakeX(), Time()
    async with fake.listening():
        stream = Stream(settings(fake), "bearer-token", {}, monotonic=time)
        time.now += 1
        taking = asyncio.create_task(stream.take(1))
        async with asyncio.timeout(300):
            while not fake.streams:
                await asyncio.sleep(0.01)
        time.now += 1_000
        await taking
        fake.lines.put_nowait(b"")
        assert stream._task is not None
        await asyncio.wait([stream._task], timeout=10)
        is_over = stream._task.done()
        await stream.close()

    assert is_over


# In the channel.


async def test_stream_is_read_between_questions() -> None:
    """Posts about the city come beside those that name it; they cannot be answered."""
    fake, taken = FakeX(), list[Arrival]()
    fake.says("@Seoul_eds 신호등")
    fake.lines.put_nowait(line(fake, "서울시 가로등 왜 이래"))

    async def accept(arrivals: Sequence[Arrival]) -> None:
        taken.extend(arrivals)

    async with fake.listening():
        part = X("x", settings(fake), environment=SECRETS)
        async with asyncio.timeout(300):
            place = ""
            while len(taken) < 2:
                place = (await part.ask(place, accept, machine_clock)).place
        await part.close()

    assert [("신호등", True), ("서울시 가로등 왜 이래", False)] == [
        (one.message.text, one.message.replyable) for one in taken if one.message
    ]


async def test_stream_that_fails_stops_no_mentions() -> None:
    """While the stream is refused mentions come; what is wrong with it is told."""
    fake, taken = FakeX(), list[Arrival]()
    fake.says("@Seoul_eds 신호등")
    fake.fails("GET stream", Trouble(status=503))

    async def accept(arrivals: Sequence[Arrival]) -> None:
        taken.extend(arrivals)

    async with fake.listening():
        part = X("x", settings(fake, stream_seconds=0.3), environment=SECRETS)
        asked = await part.ask("", accept, machine_clock)
        await part.close()

    assert 1 == len(taken)
    assert "stream: X answered 503" == asked.note


async def test_stream_costs_nothing_when_the_budget_is_spent() -> None:
    """When nothing can be sent any more the stream is not read either; mentions are."""
    fake, taken = FakeX(), list[Arrival]()
    fake.says("@Seoul_eds 신호등")

    async def accept(arrivals: Sequence[Arrival]) -> None:
        taken.extend(arrivals)

    async with fake.listening():
        part = X("x", settings(fake, monthly_budget=0.001), environment=SECRETS)
        asked = await part.ask("", accept, machine_clock)
        await part.close()

    assert 1 == len(taken)
    assert 0 == fake.calls("GET stream")
    assert "budget" in asked.note
