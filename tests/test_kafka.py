"""What the stream on Kafka knows without a broker: places as numbers, what a group holds, when it stands still."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Unavailable
from pipeline.engines import mistakes, notes
from pipeline.settings import PipelineSettings
from streams import _records
from streams._cluster import Access
from streams._places import Held, Stalled, number_of, place_of, places_of
from streams.base import ROUTED, Record
from streams.kafka import Kafka

GROUPS = {ROUTED: ("cases", "search")}
_partitions, _offsets = st.integers(0, 4095), st.integers(0, 2**40)


def record(partition: int, offset: int) -> Record:
    return Record(topic=ROUTED, offset=number_of(partition, offset), key="k", body=b"")


def held_with(*places: tuple[int, int]) -> Held:
    held = Held(ROUTED)
    held.add([(record(*place), place) for place in places])
    return held


@given(_partitions, _offsets)
def test_a_number_says_partition_and_offset(partition: int, offset: int) -> None:
    assert (partition, offset) == place_of(number_of(partition, offset))


@given(_partitions, _offsets, _offsets)
def test_numbers_grow_within_a_partition(partition: int, one: int, other: int) -> None:
    assert (one < other) == (number_of(partition, one) < number_of(partition, other))


async def test_what_was_given_is_not_given_again() -> None:
    held = held_with((0, 0), (1, 0), (0, 1))

    assert [[(0, 0), (1, 0)], [(0, 1)], []] == [[place_of(r.offset) for r in held.next(2)] for _ in range(3)]


async def test_what_is_too_large_for_one_batch_comes_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large records are given out in smaller batches, none left out: what comes later commits them too."""
    monkeypatch.setattr(_records, "BATCH_BYTES", 5)
    held = Held(ROUTED)
    large = [Record(topic=ROUTED, offset=number_of(0, n), key="k", body=b"four") for n in range(3)]
    held.add([(one, None) for one in large])

    assert [[one] for one in large] == [held.next(10) for _ in large]


async def test_what_nobody_was_given_is_not_committed_with_a_later_place() -> None:
    """A partition that went and came back begins again at its committed place, behind what was read before."""
    held = held_with((0, 5), (0, 6), (0, 1))
    held.next(2)

    assert [(0, 5), (0, 6)] == held.upto({0: 6})
    held.commit({0: 6})
    assert [(0, 1)] == [place_of(one.offset) for one in held.next(1)]


async def test_a_new_reader_gets_what_was_not_committed() -> None:
    held = held_with((0, 0), (1, 0), (0, 1))
    held.next(3)
    held.commit({0: 0})
    held.begin()

    assert [(1, 0), (0, 1)] == [place_of(r.offset) for r in held.next(3)]


async def test_a_commit_says_which_events_are_done() -> None:
    """Everything before a place of its partition, whatever batch it came in."""
    held = held_with((0, 0), (1, 0), (0, 1), (0, 2))
    held.next(4)

    assert [(0, 0), (0, 1)] == held.upto({0: 1})


async def test_an_older_batch_is_behind() -> None:
    held = held_with((0, 0), (0, 1))
    held.commit(places_of([record(0, 1)]))

    assert held.is_behind(places_of([record(0, 0)]))
    assert not held.is_behind({0: 2})


async def test_what_others_read_from_now_on_is_dropped() -> None:
    """After a partition went elsewhere nothing of it is handed out, and its place is not ours to know."""
    held = held_with((0, 0), (1, 0))
    held.next(2)
    held.drop({0})

    assert [] == held.next(2)
    assert [(1, 0)] == held.upto({0: 9, 1: 9})


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(5, 0)] * 9, True),
        ([(0, 0)] * 9, False),
        ([(5, taken) for taken in range(9)], False),
        ([(9 - lag, 0) for lag in range(9)], False),
    ],
)
def test_standing_still_is_noticed(looks: list[tuple[int, int]], expected: bool) -> None:
    """Records wait, none comes, and the waiting grows no shorter."""
    stalled = Stalled(6)
    for second, (lag, taken) in enumerate(looks):
        stalled.look(lag, taken, float(second))

    assert expected == stalled.is_so


async def test_a_cluster_that_is_not_there_is_unavailable() -> None:
    stream = Kafka(Access(url="kafka://127.0.0.1:1"), groups=GROUPS, patience_seconds=1)
    with pytest.raises(Unavailable, match="Kafka cannot be used"):
        await stream.start()
    await stream.close()


def test_a_password_is_in_no_repr() -> None:
    assert "geheim" not in repr(Access(url="kafka://a:1", username="u", password="geheim"))


@pytest.mark.parametrize(
    ("engine", "value", "said"),
    [
        ("stream", "kafak://a:1", "kafka://"),
        ("cases", "mysql://a", "postgresql://"),
        ("cases", "postgresql://u:geheim@a/b", "password never stands in a file"),
        ("cases", "postgresql://u@a/b?password=geheim", "password never stands in a file"),
        ("search", "http://a:9200", "elasticsearch://"),
    ],
)
def test_a_wrong_engine_is_said(engine: str, value: str, said: str) -> None:
    (mistake,) = mistakes(PipelineSettings.model_validate({engine: value}), "pipeline.toml")

    assert said in mistake
    assert f"pipeline.toml: {engine}" in mistake


def test_engines_that_do_not_grow_alike_are_told() -> None:
    """Files of one machine behind a stream of many would be parts of a whole that nobody has."""
    (note,) = notes(PipelineSettings.model_validate({"stream": "kafka://a:1", "cases": "postgresql://u@a/b"}))

    assert 'search = "embedded"' in note
    assert [] == notes(PipelineSettings())


def test_engines_of_a_city_that_outgrew_one_machine() -> None:
    engines = {"stream": "kafka://a:1,b:1", "cases": "postgresql://u@a:5432/b", "search": "elasticsearchs://a:9200"}

    assert [] == mistakes(PipelineSettings.model_validate(engines), "pipeline.toml")
