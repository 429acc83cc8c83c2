"""The model of what a rate needs, and the simulation beside it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bench._scale_flow import Gone, Outcome, Scene, Stage, play
from bench._scale_model import Assumed, Costs, cell_rate, hottest_share, limits, plan
from bench._scale_scenes import capacity, scenes

_COST = Costs(
    intake_us=600,
    router_us=700,
    sinks_us=2_000,
    kafka_us=900,
    postgresql_us=500,
    elasticsearch_us=900,
    wal_bytes=6_000,
    inbound_bytes=1_000,
    routed_bytes=1_800,
    outbound_bytes=200,
    case_bytes=5_000,
    document_bytes=500,
    archive_bytes=400,
    look_us=6_000,
    look_us_a_partition=220,
    look_broker_us_a_partition=50,
)
_rates = st.floats(1, 3_000_000)
_ROUTER = Stage(workers=2, message_us=700)


def _scene(sinks: Stage, rate: float, **more: object) -> Scene:
    return Scene(rate=lambda _now: rate, router=_ROUTER, sinks=sinks, **more)  # type: ignore[arg-type]


@given(_rates, _rates)
@settings(deadline=None, max_examples=40)
def test_more_messages_never_need_less(one: float, other: float) -> None:
    """Whatever the rates are: the higher one needs no fewer processes, brokers, nodes or primaries."""
    less, more = (plan(rate, _COST) for rate in sorted((one, other)))
    for name in ("cells", "intake", "router", "sinks", "processes", "brokers", "primaries", "nodes"):
        assert getattr(less, name) <= getattr(more, name), name


@given(st.floats(1, 20_000))
@settings(deadline=None, max_examples=40)
def test_without_a_zone_the_rest_is_enough(rate: float) -> None:
    """When the zone with the most processes of a role is gone, the others can still do all of it."""
    planned = plan(min(rate, cell_rate(_COST)), _COST)
    for role in ("intake", "router", "sinks"):
        count = getattr(planned, role)
        left = count - -(-count // Assumed().zones)
        assert planned.rate * getattr(_COST, f"{role}_us") / 1e6 <= left


def test_a_cell_stays_below_every_end() -> None:
    """Each of the cells of a million messages a second has no more than the first end of one installation."""
    planned = plan(1_000_000, _COST)
    first = min(limit.rate for limit in limits(_COST, Assumed()) if limit.is_end)
    assert planned.rate / planned.cells <= first


def test_the_partitions_are_twice_the_workers() -> None:
    """Partitions can be raised later only at a price: there are twice as many as any role has processes."""
    planned = plan(cell_rate(_COST) * 0.9, _COST)
    assert planned.partitions >= 2 * max(planned.router, planned.sinks)


@given(
    st.floats(0, 3_000),
    st.integers(1, 6),
    st.floats(0, 1),
    st.integers(0, 3),
    st.floats(100, 50_000),
)
@settings(deadline=None, max_examples=20)
def test_nothing_gets_lost_on_the_way(rate: float, workers: int, hottest: float, dead: int, limit: float) -> None:
    """What was offered was refused, is done, or waits."""
    gone = (Gone(role="sinks", at=3, count=min(dead, workers), back_after_seconds=8),)
    scene = _scene(
        Stage(workers=workers, message_us=2_000),
        rate,
        seconds=15,
        hottest=hottest,
        gone=gone if dead else (),
        lag_limit=limit,
    )
    outcome = play(scene)
    assert abs(outcome.offered - outcome.refused - outcome.done - outcome.queued) < 1e-3


@given(st.floats(0.1, 0.85))
@settings(deadline=None, max_examples=8)
def test_below_capacity_the_backlog_is_bounded(share: float) -> None:
    """With less than they can do, no more waits than comes in two seconds, however long it goes on."""
    sinks = Stage(workers=2, message_us=2_000)
    rate = share * capacity(sinks)
    assert play(_scene(sinks, rate, seconds=60)).longest_lag < 2 * rate


@given(st.floats(1.1, 2.5))
@settings(deadline=None, max_examples=8)
def test_above_capacity_the_backlog_grows(share: float) -> None:
    """With more than they can do, what is over waits, and there is more of it every second."""
    sinks = Stage(workers=2, message_us=2_000)
    rate = share * capacity(sinks)
    outcome = play(_scene(sinks, rate, seconds=60, lag_limit=1e9))
    assert outcome.queued > 0.8 * 60 * (rate - capacity(sinks))


def test_a_full_backlog_pushes_back() -> None:
    """Beyond `lag_limit` messages are refused, and no more wait than that and what comes before the next look."""
    outcome = play(_scene(Stage(workers=1, message_us=2_000), 1_000, seconds=90, lag_limit=5_000))
    assert outcome.refused > 0
    assert outcome.longest_lag < 5_000 + 1_000 * 2


def test_a_killed_worker_delays_its_own_partitions_only() -> None:
    """The median does not notice that one of four is gone; the slowest wait for the session's timeout."""
    outcome = _killed(4)
    assert outcome.p50 < 1
    assert 8 < outcome.p99 < 20


def _killed(workers: int) -> Outcome:
    gone = (Gone(role="sinks", at=10, count=1),)
    return play(_scene(Stage(workers=workers, message_us=2_000), 300 * workers, seconds=60, gone=gone))


def test_a_conversation_has_one_worker() -> None:
    """At its share one conversation waits for nobody; with more than its worker can do it waits on and on."""
    rate = 1_000.0
    share = hottest_share(rate, _COST.sinks_us)
    sinks = Stage(workers=6, message_us=_COST.sinks_us)
    assert play(_scene(sinks, rate, seconds=60, hottest=0.8 * share)).p99 < 2
    assert play(_scene(sinks, rate, seconds=60, hottest=3 * share)).p99 > 10


def test_what_is_planned_holds_in_the_simulation() -> None:
    """At the rate that it was made for, a plan answers within seconds and refuses nobody, without a zone, too."""
    wanted = "the busiest minute, all the time", "a zone is lost", "a fifth more than the sinks can do"
    made = dict(scenes(plan(1_000, _COST), _COST, Assumed()))
    steady, zone, over = (play(made[name]) for name in wanted)
    assert steady.p99 < 1
    assert 0 == zone.refused
    assert zone.queued < zone.longest_lag / 2
    assert over.queued > 1_000
