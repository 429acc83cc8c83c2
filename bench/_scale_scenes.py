"""What is played on a plan: a quiet day, an event, a killed worker, a lost zone, a database that stands still."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bench._scale_flow import Gone, Outcome, Scene, Stage, play
from bench._scale_model import Assumed, Costs, Plan, hottest_share

_SECONDS, _AT, _EVENT_SECONDS = 300.0, 60.0, 60.0
_EVENT = 10.0
# The database is back after ten seconds; who waits for it tries again after up to thirteen.
_STOPPED_SECONDS = 10.0 + 12.8
_RESTART_SECONDS = 15.0


def scenes(planned: Plan, cost: Costs, given: Assumed) -> Iterator[tuple[str, Scene]]:
    """Yields what is played, with its name; of several cells the first one."""
    rate = planned.rate / planned.cells
    base = _base(planned, cost)
    yield "the busiest minute, all the time", base
    yield "the same, conversations by Zipf (1.0)", _with(base, skew=1.0)
    share = hottest_share(rate, cost.sinks_us, given)
    yield f"one conversation says {0.9 * share:.1%} of all", _with(base, hottest=0.9 * share)
    if share < 0.5:
        yield f"one conversation says {2 * share:.1%} of all", _with(base, hottest=2 * share)
    event = {"rate": lambda now: rate * (_EVENT if _AT <= now < _AT + _EVENT_SECONDS else 1.0)}
    yield "ten times as many for a minute, lag_limit 20,000", _with(base, lag_limit=20_000.0, **event)
    yield (
        f"the same, lag_limit {10 * rate * _EVENT_SECONDS:,.0f}",
        _with(base, lag_limit=_EVENT * rate * _EVENT_SECONDS, seconds=900.0, **event),
    )
    for role in ("router", "sinks"):
        killed = Gone(role=role, at=_AT, count=1, back_after_seconds=_RESTART_SECONDS)
        yield f"one of {role} is killed", _with(base, gone=(killed,))
    yield "a zone is lost", _with(base, gone=tuple(_zone(planned, given)))
    every = Gone(
        role="sinks",
        at=_AT,
        count=base.sinks.workers,
        unnoticed_seconds=math.inf,
        back_after_seconds=_STOPPED_SECONDS,
    )
    yield "PostgreSQL stands still for 10 s", _with(base, gone=(every,))
    yield "a fifth more than the sinks can do", _with(base, rate=lambda _now: 1.2 * capacity(base.sinks))


def capacity(stage: Stage) -> float:
    """Returns how many messages a second all of its workers do."""
    return stage.workers * stage.share * 1e6 / stage.message_us


def drained(read: Mapping[str, Any], row: Mapping[str, Any], role: str, price: Mapping[str, Any]) -> float:
    """Returns the seconds in which a preloaded topic is worked off, each message at the costs in the row `price`.

    Workers and servers share the cores that others left.
    """
    servers = price["kafka_us"] + price["postgresql_us"] + price["elasticsearch_us"]
    count, number = row["per_second"] * row["wall_s"], int(row["workers"])
    left = max(0.1, read["cores"] - row["cores_others"])
    pace = min(number * 1e6 / price["worker_us"], left * 1e6 / (price["worker_us"] + servers))
    stage = Stage(workers=number, message_us=number * 1e6 / pace, share=1.0)
    free = Stage(workers=number, message_us=1.0, share=1.0)
    router, sinks = (stage, free) if role == "router" else (free, stage)
    scene = Scene(
        rate=lambda _now: 0.0,
        router=router,
        sinks=sinks,
        # Evenly for one worker, two, three and four.
        partitions=12,
        seconds=240.0,
        preloaded=count,
        lag_limit=1e9,
    )
    return play(scene).drained_at


def line(outcome: Outcome) -> str:
    """Returns how much waited, as a small picture: the time runs from left to right."""
    marks, most = " ▁▂▃▄▅▆▇█", max(1.0, outcome.longest_lag)
    width = 40
    size = max(1, len(outcome.lags) // width)
    tops = [outcome.lags[begin : begin + size].max() for begin in range(0, len(outcome.lags), size)]
    return "".join(marks[math.ceil((len(marks) - 1) * top / most)] if top >= 1 else marks[0] for top in tops[:width])


def _base(planned: Plan, cost: Costs) -> Scene:
    cells, rate = planned.cells, planned.rate / planned.cells
    return Scene(
        rate=lambda _now: rate,
        router=Stage(workers=math.ceil(planned.router / cells), message_us=cost.router_us),
        sinks=Stage(workers=math.ceil(planned.sinks / cells), message_us=cost.sinks_us),
        partitions=planned.partitions,
        seconds=_SECONDS,
        lag_limit=float(planned.lag_limit),
    )


def _zone(planned: Plan, given: Assumed) -> Iterator[Gone]:
    for role in ("router", "sinks"):
        count = math.ceil(getattr(planned, role) / planned.cells / given.zones)
        yield Gone(role=role, at=_AT, count=count, back_after_seconds=math.inf)


def _with(scene: Scene, **changed: Any) -> Scene:
    return replace(scene, **changed)
