"""The stream on Kafka against librdkafka's mock cluster: the protocol, without Java and within seconds.

It keeps nothing on disk, knows no settings of topics, and answers an empty question only after a second and a half.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from confluent_kafka import Producer

from core.errors import ConfigError, Rejected, Unavailable
from streams._cluster import DEAD, Access, Stands
from streams.base import INBOUND, ROUTED, Batch, Entry, Record
from streams.kafka import Kafka

GROUPS = {INBOUND: ("router",), ROUTED: ("cases",)}


class Mock:
    """A cluster in this process; topics come into being when they are asked for."""

    def __init__(self, brokers: int = 1) -> None:
        # Its client is not used; what it would say of itself is nobody's matter.
        self._client = Producer({"test.mock.num.brokers": brokers, "log_level": 0})
        known = self._client.list_topics(timeout=10).brokers.values()
        self.access = Access(url="kafka://" + ",".join(f"{one.host}:{one.port}" for one in known))

    def make_topics(self, *names: str) -> None:
        for name in names:
            self._client.list_topics(self.access.name(name), timeout=10)


@pytest.fixture
def empty() -> Mock:
    """A cluster without topics."""
    return Mock(brokers=2)


@pytest.fixture
def mock(empty: Mock) -> Mock:
    empty.make_topics(*GROUPS, DEAD)
    return empty


@pytest.fixture
async def stream(mock: Mock) -> AsyncIterator[Kafka]:
    made = Kafka(mock.access, groups=GROUPS, holding=("router",), lag_limit=5)
    await made.start()
    yield made
    await made.close()


def entries(*bodies: str) -> list[Entry]:
    return [Entry(topic=INBOUND, key="강남", body=body.encode()) for body in bodies]


async def next_batch(stream: Kafka) -> Batch:
    async with asyncio.timeout(300):
        async for batch in stream.read(INBOUND, "router"):
            return batch
    raise AssertionError("the stream ended")


def bodies(batch: Batch) -> list[str]:
    return [record.body.decode() for record in batch.records]


async def test_whoever_starts_again_goes_on_where_it_was(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed does not come again, what was not does, and the backlog says how much that is."""
    # This cluster does not listen to a member that takes its leave; it has to be missed.
    monkeypatch.setattr("streams.kafka._SESSION_SECONDS", 3)
    first = Kafka(mock.access, groups=GROUPS)
    await first.start()
    await first.publish(*entries("하나"))
    await first.commit(await next_batch(first), publish=[Entry(topic=ROUTED, key="강남", body=b"routed")])
    await first.publish(*entries("둘"))
    seen = await next_batch(first)
    await first.close()

    second = Kafka(mock.access, groups=GROUPS)
    await second.start()
    behind = await second.lags()
    again = await next_batch(second)
    await second.commit(again)

    assert (["둘"], ["둘"]) == (bodies(seen), bodies(again))
    assert ({"router": 1, "cases": 1}, 0) == (behind, (await second.lags())["router"])
    await second.close()


async def test_what_is_parked_can_be_tried_again(stream: Kafka) -> None:
    """A record that nothing could be done with lies apart with its reason until somebody lets it go again."""
    await stream.publish(*entries("독"))
    batch = await next_batch(stream)
    await stream.commit(batch, park=[(batch.records[0], "cannot be read")])
    (parked,) = await stream.parked()
    await stream.retry([parked.id])

    assert ("cannot be read", "router", "독".encode()) == (parked.reason, parked.group, parked.body)
    assert ["독"] == bodies(await next_batch(stream))
    assert 0 == await stream.parked_count()


async def test_a_known_identity_is_published_once(stream: Kafka) -> None:
    entry = Entry(topic=ROUTED, key="강남", body=b"x", identity=b"one")

    assert [[True, False], [False]] == [await stream.publish(entry, entry), await stream.publish(entry)]
    assert 1 == (await stream.lags())["cases"]


async def test_a_backlog_is_told_to_whoever_comes_from_outside(stream: Kafka) -> None:
    """Beyond the limit intake says "try again"; what is on its way inside goes on."""
    await stream.publish(*entries(*"123456"))

    with pytest.raises(Unavailable, match="backlog: router has 6 records before it"):
        await stream.publish(*entries("7"))
    assert [True] == await stream.publish(Entry(topic=ROUTED, key="강남", body=b"x"))


async def test_what_no_topic_takes_is_rejected(stream: Kafka) -> None:
    with pytest.raises(Rejected, match="there is no topic 'gossip'"):
        await stream.publish(Entry(topic="gossip", key="a", body=b"x"))


async def test_topics_that_were_never_made_are_told(empty: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts before `topics create` hears which are missing and what to run."""
    monkeypatch.setattr("streams._cluster._SPREAD_SECONDS", 0)
    empty.make_topics(INBOUND)

    with pytest.raises(ConfigError, match=r"no topic eungdapso\.routed, eungdapso\.dead\. Run: eungdapso topics"):
        await Kafka(empty.access, groups=GROUPS).start()


async def test_a_cluster_is_reached_by_whichever_broker_answers(mock: Mock) -> None:
    """An address of which one server is away is enough to start."""
    access = Access(url=f"kafka://127.0.0.1:1,{mock.access.servers[0]}")
    stream = Kafka(access, groups=GROUPS)
    await stream.start()

    assert {"router": 0, "cases": 0} == await stream.lags()
    await stream.close()


async def test_nobody_there_is_told_with_each_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that reaches nobody says who was asked and why they did not answer, once for the same reason."""
    monkeypatch.setattr("streams._cluster._ANSWER_MS", 200)
    monkeypatch.setattr("streams._access._ASK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        stream = Kafka(Access(url=f"kafka://127.0.0.1:1,127.0.0.1:2,127.0.0.1:{port}"), groups=GROUPS)
        with pytest.raises(Unavailable) as told:
            await stream.start()

    assert "127.0.0.1:1, 127.0.0.1:2: it cannot be reached: " in told.value.reason
    assert f"127.0.0.1:{port}: no answer. Check address and port" in told.value.reason


async def test_a_cluster_that_goes_away_is_told_and_acknowledges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing while no broker answers is Unavailable within the patience, and readiness says why."""
    monkeypatch.setattr("streams._sending._SILENT_MS", 500)
    mock = Mock()
    mock.make_topics(*GROUPS, DEAD)
    stream = Kafka(mock.access, groups=GROUPS, patience_seconds=1)
    await stream.start()
    del mock._client

    with pytest.raises(Unavailable, match="Kafka cannot be used now"):
        await stream.publish(*entries("하나"))
    assert "Kafka cannot be used now" in stream.trouble
    await stream.close()


async def test_a_certificate_file_that_is_none_is_a_mistake_of_the_settings() -> None:
    """Not a cluster that is away: whoever starts hears which setting to mend."""
    for access in (
        Access(url="kafka://127.0.0.1:1", ca_file="missing.pem"),
        Access(url="kafka://a:1", ca_file=__file__),
    ):
        with pytest.raises(ConfigError, match="ca_file: "):
            await Kafka(access, groups=GROUPS).start()


async def test_a_look_that_ends_by_itself_is_told_and_begun_anew(
    stream: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it nobody notices that a reader stands still: readiness says so, and another look begins."""
    with monkeypatch.context() as broken:
        broken.setattr(stream._cluster, "stands", None)
        await until(lambda: bool(stream.trouble))

    assert "the look at it ended by itself: TypeError" in stream.trouble
    await until(lambda: not stream.trouble)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not holds():
            await asyncio.sleep(0.05)


async def test_one_look_serves_whoever_asks_for_the_lags(stream: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody asks as often, the stream does not ask by itself."""
    looks: list[None] = []
    asked = stream._cluster.stands

    async def counted() -> Stands:
        looks.append(None)
        return await asked()

    monkeypatch.setattr("streams._look._SECONDS", 0.4)
    monkeypatch.setattr(stream._cluster, "stands", counted)
    for _ in range(10):
        await stream.lags()
        await asyncio.sleep(0.2)

    assert 10 == len(looks)
    await until(lambda: len(looks) > 10)


async def test_a_letter_that_is_put_back_twice_is_published_once(
    stream: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a letter was published and could not be taken out, trying again takes it out and no more."""
    letter = Record(topic=ROUTED, offset=1, key="k", body=b"x")
    number = await stream.park(letter, group="cases", reason="why")
    with monkeypatch.context() as interrupted:
        interrupted.setattr(stream._letters._dead, "forget", _unavailable)
        with pytest.raises(Unavailable):
            await stream.retry([number])

    assert 1 == await stream.retry([number])
    assert 0 == await stream.parked_count()
    assert 1 == (await stream.lags())["cases"]


async def _unavailable(*_: object) -> None:
    raise Unavailable("now")


async def test_what_is_parked_is_shown_page_by_page(stream: Kafka) -> None:
    """Also where the newest was put back, and pages end between letters of the same moment."""
    ids = [
        await stream.park(Record(topic=ROUTED, offset=n, key="k", body=b"x"), group="cases", reason="")
        for n in range(5)
    ]
    await stream.retry(ids[-1:])

    first = await stream.parked(most=2)
    second = await stream.parked(most=9, before=first[-1].id)

    assert ids[:4][::-1] == [one.id for one in (*first, *second)]
