"""What a message costs: processor time of each role and each server, and bytes, with one to four workers.

Processor time is asked of the system for a process and all its children; it is hardly moved by what else the machine
does, as paces are. Records wait in the topic when the workers begin with them.
"""

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError
from msgspec.structs import replace

from bench._scale_watch import Kept, Looker, Watched, _cpu_seconds, ends, every_record, published
from bench.instance import SEAL, TOKEN, Instance
from bench.live import launcher
from bench.load import offer, request
from bench.texts import texts
from core.errors import ConfigError
from core.message import Arrival
from core.wire import decode, encode
from pipeline.build import GROUPS, prepared
from streams._cluster import Access, Cluster, create_topics
from streams.base import INBOUND, OUTBOUND, ROUTED

_DOOR_PER_SECOND, _TRICKLE_PER_SECOND, _TRICKLE_COUNT = 300, 50, 1_000
_LONGEST_SECONDS = 240.0
# Handled before anything is counted: models are loaded and caches are warm.
_WARM, _SETTLES_SECONDS = 300, 6.0
_LOOKS, _LOOKED_AT = 20, (24, 240)
_MOST_WORKERS = 4


def measure(count: int, *, most: int = _MOST_WORKERS) -> dict[str, Any]:
    """Returns every figure; `count` messages for each number of workers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eungdapso-scale-")))
        servers = {name: _started(stack, name) for name in ("kafka", "postgresql", "elasticsearch")}
        site = _Site(folder, servers)
        inbound = _redated(site.door(count), site.seal())
        routers, routed = site.workers("router", INBOUND, inbound, most)
        sinks, _ = site.workers("sinks", ROUTED, routed, most)
        return {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "cores": len(os.sched_getaffinity(0)),
            "messages": count,
            "intake": site.figures["intake"],
            "router": routers,
            "sinks": sinks,
            "trickle": site.trickle(),
            "bytes": site.sizes,
            "look": asyncio.run(_looks(servers["kafka"])),
        }


def _started(stack: ExitStack, name: str) -> Any:
    server = launcher(name)
    server.prepare()
    stack.callback(server.stop)
    os.environ[server.variable] = server.start()
    return server


class _Site:
    """Servers of our own, and workers of one role at a time on topics, tables and an index of their own."""

    def __init__(self, folder: Path, servers: Mapping[str, Any]) -> None:
        self.figures: dict[str, dict[str, float]] = {}
        self.sizes: dict[str, float] = {}
        self._folder = folder
        self._servers = {
            "kafka": servers["kafka"]._process.pid,
            "postgresql": servers["postgresql"]._server.pid,
            "elasticsearch": servers["elasticsearch"]._process.pid,
        }
        self._logs = Path(servers["kafka"]._data)
        self._extra = {SEAL: secrets.token_hex(32)}
        self._looker = Looker(os.environ[servers["postgresql"].variable])

    def door(self, count: int) -> list[Kept]:
        """Offers messages to one intake at a fixed rate; returns the records."""
        one = self._instances("door", "intake", 1)[0]
        one.start()
        wanted = _requests(one, count)
        asyncio.run(offer(one.http, wanted[:_WARM], per_second=_DOOR_PER_SECOND))
        with self._watched({"intake": one}) as watched:
            watched.begin()
            report = asyncio.run(offer(one.http, wanted[_WARM:], per_second=_DOOR_PER_SECOND))
            self.figures["intake"] = watched.figures(len(report.acknowledged))
        one.stop()
        self.figures["intake"]["p99_ms"] = 1000 * report.percentile(0.99)
        _say("intake", self.figures["intake"])
        kept = asyncio.run(every_record(one.config, one.environment, INBOUND))
        self.sizes["inbound"] = self._topic("door", INBOUND) / len(kept)
        return kept

    def workers(
        self, role: str, topic: str, records: Sequence[Kept], most: int
    ) -> tuple[list[dict[str, float]], list[Kept]]:
        """Returns the figures of one worker, two, …; and what the first wrote."""
        rows, written = [], list[Kept]()
        for number in range(1, most + 1):
            name = f"{role}{number}"
            members = self._instances(name, role, number)
            rows.append(self._worked(role, members, topic, records) | {"workers": number})
            _say(name, rows[-1])
            if number == 1 and role == "router":
                written = asyncio.run(every_record(members[0].config, members[0].environment, ROUTED))
                self.sizes["routed"] = self._topic(name, ROUTED) / len(written)
            elif number == 1:
                self._sized(name, members[0], len(records))
        return rows, written

    def trickle(self) -> dict[str, float]:
        """One of each role, few messages a second: what small batches cost, and how long an answer takes."""
        members = {role: self._instances("trickle", role, 1)[0] for role in ("router", "sinks", "intake")}
        with ExitStack() as stack:
            _set_up(members["sinks"])
            for member in members.values():
                member.is_prepared = True
                stack.callback(member.stop)
                member.start()
            wanted, port = _requests(members["intake"], _WARM + _TRICKLE_COUNT), members["intake"].http
            asyncio.run(offer(port, wanted[:_WARM], per_second=_TRICKLE_PER_SECOND))
            self._until(lambda: self._looker.are_all_sent("trickle", _WARM))
            watched = stack.enter_context(self._watched(members))
            watched.begin()
            asyncio.run(offer(port, wanted[_WARM:], per_second=_TRICKLE_PER_SECOND))
            self._until(lambda: self._looker.are_all_sent("trickle", _WARM + _TRICKLE_COUNT))
            made = watched.figures(_TRICKLE_COUNT)
        made |= self._looker.delays("trickle")
        _say("trickle", made)
        return made

    def seal(self) -> Any:
        one = self._instances("door", "intake", 1)[0]
        os.environ.update(one.environment)
        return prepared(one.config).seal()

    def _worked(self, role: str, members: Sequence[Instance], topic: str, records: Sequence[Kept]) -> dict[str, float]:
        first = members[0]
        with ExitStack() as stack:
            _set_up(first)
            for member in members:
                member.is_prepared = True
                stack.callback(member.stop)
                member.start()
            asyncio.run(published(first.config, first.environment, topic, records[:_WARM]))
            self._until(lambda: self._is_done(role, first, _WARM))
            # Those that came last to the group may still be loading.
            time.sleep(_SETTLES_SECONDS)
            watched = stack.enter_context(
                self._watched({f"{role}{place}": member for place, member in enumerate(members)})
            )
            watched.begin()
            asyncio.run(published(first.config, first.environment, topic, records[_WARM:]))
            self._until(lambda: self._is_done(role, first, len(records)))
            return watched.figures(len(records) - _WARM)

    def _is_done(self, role: str, one: Instance, count: int) -> bool:
        if role == "sinks":
            return self._looker.are_all_sent(one.name, count) and not one_lag(one)
        return asyncio.run(_ends(one, ROUTED)) >= count

    def _until(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not is_done():
            if time.monotonic() > deadline:
                raise RuntimeError("it does not come to its end")
            time.sleep(0.5)

    def _instances(self, name: str, role: str, number: int) -> list[Instance]:
        return [
            Instance(self._folder / f"{name}-{role}{place}", role=role, name=name, extra=self._extra)
            for place in range(number)
        ]

    def _watched(self, members: Mapping[str, Instance]) -> Watched:
        pids = {name: one.process.pid for name, one in members.items() if one.process is not None}
        return Watched(pids, self._servers, self._looker)

    def _sized(self, name: str, one: Instance, count: int) -> None:
        self.sizes["outbound"] = self._topic(name, OUTBOUND) / count
        self.sizes |= self._looker.sizes(name, os.environ["EUNGDAPSO_LIVE_ELASTICSEARCH"])
        files = [path.stat().st_size for path in (one.var / "archive").rglob("*") if path.is_file()]
        self.sizes["archive"] = sum(files) / count

    def _topic(self, prefix: str, topic: str) -> int:
        # As many bytes as the segments have: they are made longer beforehand only where they are compacted.
        return sum(path.stat().st_size for path in self._logs.glob(f"{prefix}.{topic}-*/*.log"))


def _set_up(one: Instance) -> None:
    """Makes topics, tables and index, as operations do before anything runs."""
    one.engines.prepare(one.config, one.environment)
    command = [sys.executable, "-m", "pipeline", "setup", "--config", str(one.config)]
    subprocess.run(command, env=one.environment, check=True, capture_output=True)


async def _looks(broker: Any) -> dict[str, float]:
    """Returns what it costs to ask how far all groups are behind, whoever asks and whoever answers."""
    few, many = [await _look(broker, partitions) for partitions in _LOOKED_AT]
    more = _LOOKED_AT[1] - _LOOKED_AT[0]
    each, answering = (many[0] - few[0]) / more, (many[1] - few[1]) / more
    return {
        "us": max(0.0, few[0] - _LOOKED_AT[0] * each),
        "us_a_partition": each,
        # Where the difference drowns in noise, all of it is taken for the partitions'.
        "broker_us_a_partition": max(answering, many[1] / _LOOKED_AT[1] / 2),
    }


async def _look(broker: Any, partitions: int) -> tuple[float, float]:
    access = Access(url=broker.url, prefix=f"look{partitions}.")
    await create_topics(access, list(GROUPS), partitions=partitions, replication=1, in_sync=1, keep_days=1)
    cluster = Cluster(access, GROUPS)
    for _ in range(60):
        # A broker makes hundreds of partitions one after the other.
        try:
            await cluster.start()
            await cluster.lags()
        except (ConfigError, KafkaError):
            await cluster.close()
            await asyncio.sleep(1)
        else:
            break
    begun, asked = time.process_time(), _cpu_seconds(broker._process.pid)
    for _ in range(_LOOKS):
        await cluster.lags()
    spent = time.process_time() - begun, _cpu_seconds(broker._process.pid) - asked
    await cluster.close()
    return 1e6 * spent[0] / _LOOKS, 1e6 * spent[1] / _LOOKS


def one_lag(one: Instance) -> int:
    """Returns how many records the groups of the sinks have before them."""
    os.environ.update(one.environment)
    return asyncio.run(_lag(prepared(one.config).stream()))


async def _lag(stream: Any) -> int:
    await stream.start()
    lags = await stream.lags()
    await stream.close()
    return sum(lags[group] for group in lags if group != "router")


async def _ends(one: Instance, topic: str) -> int:
    return await ends(one.config, one.environment, topic)


def _requests(one: Instance, count: int) -> list[tuple[str, bytes]]:
    words = texts(1000)
    return [
        (sid := f"SM{n:032d}", request(one.base, TOKEN, sid, f"+8210{n:08d}", f"{words[n % len(words)]} {n}"))
        for n in range(count)
    ]


def _redated(kept: Sequence[Kept], seal: Any) -> list[Kept]:
    """Lets all have come on a working day at two in the afternoon: what is answered then is answered at once."""
    at = datetime.now(UTC).replace(hour=5, minute=0, second=0, microsecond=0)
    at -= timedelta(days=max(0, at.weekday() - 4) if at < datetime.now(UTC) else 3 if at.weekday() == 0 else 1)
    made = []
    for key, body in kept:
        arrival = decode(seal.open(body), Arrival)
        message = replace(arrival.message, received_at=at) if arrival.message else None
        made.append((key, seal.seal(encode(replace(arrival, received_at=at, message=message)))))
    return made


def _say(what: str, figures: Mapping[str, float]) -> None:
    told = " · ".join(f"{name} {value:,.4g}" for name, value in figures.items())
    sys.stderr.write(f"{what}: {told}\n")
