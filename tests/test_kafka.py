"""What the stream on Kafka knows without a broker: places as numbers, what a group holds, when it stands still."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Unavailable
from pipeline.engines import mistakes, notes
from pipeline.settings import PipelineSettings
from streams import _records
from streams._cluster import Access
from streams._places import Held, Hole, Stalled, number_of, place_of, places_of
from streams.base import ROUTED, Record
from streams.kafka import Kafka

GROUPS = {ROUTED: ("cases", "search")}
_partitions, _offsets = st.integers(0, 4095), st.integers(0, 2**40)


def record(partition: int, offset: int) -> Record:
    return Record(topic=ROUTED, offset=number_of(partition, offset), key="k", body=b"")


def held_with(*places: tuple[int, int]) -> Held:
    held = Held(ROUTED)
    held.begin_at(dict(reversed(places)))
    held.add([record(*place) for place in places])
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
    held.begin_at({0: 0})
    held.add(large)

    assert [[one] for one in large] == [held.next(10) for _ in large]


async def test_what_nobody_was_given_is_not_committed() -> None:
    held = held_with((0, 0), (0, 1), (0, 2))
    held.next(2)
    held.commit({0: 2})

    assert [(0, 2)] == [place_of(one.offset) for one in held.next(9)]


async def test_nothing_behind_a_hole_is_taken_in() -> None:
    """What is skipped would be behind the next commit, and lost."""
    held = held_with((0, 4))

    assert Hole(0, 5, 7) == held.add([record(0, 7), record(0, 8)])
    assert [(0, 4)] == [place_of(one.offset) for one in held.next(9)]


async def test_a_hole_of_the_log_itself_is_passed_over() -> None:
    held = held_with((0, 4))
    late = [record(0, 7), record(0, 8)]
    assert held.add(late) is not None
    held.begin_at({0: 7})

    assert held.add(late) is None
    assert [(0, 4), (0, 7), (0, 8)] == [place_of(one.offset) for one in held.next(9)]


async def test_what_comes_again_is_held_once() -> None:
    held = held_with((0, 4), (0, 5))

    assert held.add([record(0, 4), record(0, 5), record(0, 6)]) is None
    assert [(0, 4), (0, 5), (0, 6)] == [place_of(one.offset) for one in held.next(9)]


async def test_a_partition_that_comes_back_begins_where_somebody_says() -> None:
    held = held_with((0, 4), (0, 5))
    held.drop({0})

    assert {0} == held.unknown({0})
    held.begin_at({0: 9})
    assert held.add([record(0, 8), record(0, 9)]) is None
    assert [(0, 9)] == [place_of(one.offset) for one in held.next(9)]


async def test_a_new_reader_gets_what_was_not_committed() -> None:
    held = held_with((0, 0), (1, 0), (0, 1))
    held.next(3)
    held.commit({0: 0})
    held.begin()

    assert [(1, 0), (0, 1)] == [place_of(r.offset) for r in held.next(3)]


async def test_a_commit_says_which_records_are_done() -> None:
    """Everything before a place of its partition, whatever batch it came in."""
    held = held_with((0, 0), (1, 0), (0, 1), (0, 2))
    held.next(4)
    held.commit({0: 1})
    held.begin()

    assert [(1, 0), (0, 2)] == [place_of(one.offset) for one in held.next(4)]


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
    assert not held.has({0: 9})
    assert held.has({1: 9})


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
