"""The pipeline as a flow: conversations on partitions, workers that have them, a backlog that pushes back.

A fluid in small steps: what comes is drawn (Poisson), what is worked on is as much as a worker's time allows. What
counts is what a model of averages leaves out: uneven keys, bursts, and workers that are gone for a while.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Rate = Callable[[float], float]
_STAGES = ("router", "sinks")
_CONVERSATIONS = 200_000


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Workers of one role: what a message costs one of them, and how much of it may be done in a second."""

    workers: int
    message_us: float
    # Of one core: what is left of it when it has asked how far everybody is, and waited.
    share: float = 0.95


@dataclass(frozen=True, kw_only=True)
class Gone:
    """`count` workers of a role do nothing from `at` on. Their partitions lie still until the group notices."""

    role: str
    at: float
    count: int
    # Nobody else gets their partitions sooner: the session's timeout; 0 for a role that waits as a whole.
    unnoticed_seconds: float = 12.0
    back_after_seconds: float = 15.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is played. `skew` is Zipf's exponent of how much each conversation says; `hottest` a share of its own."""

    rate: Rate
    router: Stage
    sinks: Stage
    partitions: int = 24
    seconds: float = 60.0
    step_seconds: float = 0.1
    lag_limit: float = 20_000.0
    gone: Sequence[Gone] = ()
    skew: float = 0.0
    hottest: float = 0.0
    seed: int = 7
    # Records that wait at the beginning.
    preloaded: float = 0.0
    # Batches are a tenth of a second apart, in router, cases, relay and reply: a message waits for half of each.
    passage_seconds: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Messages and seconds. What was offered is taken or refused; what was taken is done or queued."""

    offered: float
    refused: float
    done: float
    queued: float
    longest_lag: float
    p50: float
    p99: float
    lags: Array = field(repr=False)
    drained_at: float = float("inf")

    @property
    def refused_share(self) -> float:
        return self.refused / self.offered if self.offered else 0.0


def play(scene: Scene) -> Outcome:
    """Returns what became of every message."""
    chance = np.random.default_rng(scene.seed)
    weights = _weights(scene, chance)
    steps = round(scene.seconds / scene.step_seconds)
    queues = {role: np.zeros(scene.partitions) for role in _STAGES}
    queues["router"] += scene.preloaded * weights
    taken = np.zeros((steps + 1, scene.partitions))
    done = np.zeros((steps + 1, scene.partitions))
    taken[0] = queues["router"]
    lags, refused, is_full = np.zeros(steps), 0.0, False
    for step in range(steps):
        now = step * scene.step_seconds
        # Who takes in looks once a second how far the others are.
        if now % 1.0 < scene.step_seconds:
            is_full = max(queue.sum() for queue in queues.values()) > scene.lag_limit
        came = chance.poisson(scene.rate(now) * scene.step_seconds * weights).astype(float)
        refused += came.sum() if is_full else 0.0
        came *= not is_full
        routed = _worked(scene, "router", queues["router"] + came, now)
        ended = _worked(scene, "sinks", queues["sinks"] + routed, now)
        queues["router"] += came - routed
        queues["sinks"] += routed - ended
        taken[step + 1], done[step + 1] = taken[step] + came, done[step] + ended
        lags[step] = sum(queue.sum() for queue in queues.values())
    return _outcome(scene, taken, done, refused, lags)


def _worked(scene: Scene, role: str, waiting: Array, now: float) -> Array:
    """Returns how much of each partition is handled in this step."""
    stage = scene.router if role == "router" else scene.sinks
    dead, taken_over = _absent(scene, role, now)
    owner = np.arange(scene.partitions) % stage.workers
    here = owner >= dead
    if taken_over and dead < stage.workers:
        # The rest have all partitions among them.
        owner = dead + np.arange(scene.partitions) % (stage.workers - dead)
        here = np.full(scene.partitions, True)
    can = 1e6 * stage.share * scene.step_seconds / stage.message_us
    wanted = np.bincount(owner, weights=waiting * here, minlength=stage.workers)
    part = np.minimum(1.0, can / np.maximum(wanted, 1e-12))
    handled: Array = waiting * here * part[owner]
    return handled


def _absent(scene: Scene, role: str, now: float) -> tuple[int, bool]:
    """Returns how many workers (the first ones) are away now, and whether others have their partitions."""
    away = [one for one in scene.gone if one.role == role and one.at <= now < one.at + one.back_after_seconds]
    if not away:
        return 0, True
    return max(one.count for one in away), all(now >= one.at + one.unnoticed_seconds for one in away)


def _weights(scene: Scene, chance: np.random.Generator) -> Array:
    """Returns the share of each partition: conversations by Zipf, thrown onto partitions by the hash of their key."""
    if not scene.skew:
        weights = np.full(scene.partitions, 1.0 / scene.partitions)
    else:
        sizes = np.arange(1, _CONVERSATIONS + 1) ** -scene.skew
        places = chance.integers(0, scene.partitions, _CONVERSATIONS)
        weights = np.bincount(places, weights=sizes, minlength=scene.partitions) / sizes.sum()
    weights *= 1.0 - scene.hottest
    weights[-1] += scene.hottest
    return weights


def _outcome(scene: Scene, taken: Array, done: Array, refused: float, lags: Array) -> Outcome:
    times: Array = np.arange(len(taken), dtype=np.float64) * scene.step_seconds
    delays, sizes = _delays(taken, done, times)
    order = np.argsort(delays)
    sums = np.cumsum(sizes[order])
    at = [delays[order][np.searchsorted(sums, share * sums[-1])] if len(sums) else 0.0 for share in (0.5, 0.99)]
    empty = np.flatnonzero(lags < 0.5)
    total = float(taken[-1].sum())
    return Outcome(
        offered=total + refused,
        refused=refused,
        done=float(done[-1].sum()),
        queued=float(lags[-1]),
        longest_lag=float(lags.max()),
        p50=float(at[0]) + scene.passage_seconds,
        p99=float(at[1]) + scene.passage_seconds,
        lags=lags,
        drained_at=float(times[empty[0] + 1]) if len(empty) else float("inf"),
    )


def _delays(taken: Array, done: Array, times: Array) -> tuple[Array, Array]:
    """Returns delays and how many messages had them: in a partition what came first is done first."""
    delays, sizes = [np.zeros(0)], [np.zeros(0)]
    for part in range(taken.shape[1]):
        marks = np.unique(done[:, part])
        middle = (marks[1:] + marks[:-1]) / 2
        # A little is added so that both curves grow everywhere and can be read the other way round.
        rising = np.arange(len(times)) * 1e-9
        out = np.interp(middle, done[:, part] + rising, times)
        came = np.interp(middle, taken[:, part] + rising, times)
        delays.append(np.maximum(0.0, out - came))
        sizes.append(np.diff(marks))
    return np.concatenate(delays), np.concatenate(sizes)
