"""How much of everything a rate needs: plain formulas over what was measured and what is assumed, each with its name.

One installation has one case store with one primary. What is more than it can take is divided among several, called
cells here: whole installations side by side.
"""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

_SHIPPED = Path(__file__).resolve().with_name("scale.json")
_RESULTS = _SHIPPED.with_name("results")
_DAY = 86_400
_GB = 1e9


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured: microseconds of a processor and bytes, each for one message; see docs/scale.md."""

    intake_us: float
    router_us: float
    sinks_us: float
    kafka_us: float
    postgresql_us: float
    elasticsearch_us: float
    wal_bytes: float
    inbound_bytes: float
    routed_bytes: float
    outbound_bytes: float
    case_bytes: float
    document_bytes: float
    archive_bytes: float
    # What it costs a process, and the brokers, to ask once a second how far all groups are behind.
    look_us: float
    look_us_a_partition: float
    look_broker_us_a_partition: float


class Assumed(msgspec.Struct, frozen=True, kw_only=True):
    """What could not be measured here. Whoever knows better for his site changes it: every figure follows."""

    # No more than this of a core, a disk, a network; of three zones one may go, and nothing left has more than 0.95.
    share: float = 0.6
    most_share: float = 0.95
    zones: int = 3
    # The busiest minute beside the day's mean: disks fill at the mean.
    peak: float = 4.0
    fewest_partitions: int = 24
    most_partitions: int = 4_096
    replication: int = 3
    keep_days: int = 7
    readers_a_partition_and_broker: int = 4_000
    broker_cores: int = 16
    broker_network_bytes: float = 1.25e9
    broker_disk_bytes: float = 8e12
    primary_cores: int = 32
    primary_wal_bytes: float = 200e6
    # Of one row, between two transactions that change it: the counter of case numbers.
    row_seconds: float = 0.001
    batch: int = 256
    # A sink's batches are so far apart in a steady flow.
    batch_seconds: float = 0.1
    most_connections: int = 1_000
    connections: Mapping[str, int] = MappingProxyType({"intake": 2, "router": 4, "sinks": 8, "web": 4})
    most_documents: float = 2_147_483_519
    index_days: int = 365
    node_cores: int = 16
    node_disk_bytes: float = 4e12
    memory_mb: Mapping[str, int] = MappingProxyType({"intake": 125, "router": 505, "sinks": 150, "web": 125})


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a rate needs, all cells together; `lag_limit` and `partitions` (of each topic) are of one cell."""

    rate: float
    cells: int
    intake: int
    router: int
    sinks: int
    web: int
    cores: float
    memory_gb: float
    partitions: int
    lag_limit: int
    brokers: int
    broker_gb: float
    primaries: int
    primary_cores: int
    wal_mb_a_second: float
    cases_gb_a_day: float
    nodes: int
    node_cores: int
    index_gb_a_day: float
    shards: int
    archive_gb_a_day: float

    @property
    def processes(self) -> int:
        return self.intake + self.router + self.sinks + self.web


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """Where something ends, in messages a second of one installation."""

    what: str
    rate: float
    source: str
    then: str
    # Whether one installation ends there; else more of it, or a setting, helps.
    is_end: bool = False


def newest() -> dict[str, Any]:
    """Returns what `measure` found last on this machine; where it never ran, what stands in docs/scale.md."""
    found = sorted(_RESULTS.glob("scale-*.json")) or [_SHIPPED]
    read: dict[str, Any] = json.loads(found[-1].read_text(encoding="utf-8"))
    return read


def costs(read: Mapping[str, Any] | None = None) -> Costs:
    """Returns the costs that follow from what was measured; of several numbers of workers the median counts."""
    found = read or newest()
    routers, sinks, sizes, looks = found["router"], found["sinks"], found["bytes"], found["look"]
    return Costs(
        intake_us=found["intake"]["worker_us"],
        router_us=_usual(routers, "worker_us"),
        sinks_us=_usual(sinks, "worker_us"),
        kafka_us=_usual(routers, "kafka_us") + _usual(sinks, "kafka_us"),
        postgresql_us=_usual(sinks, "postgresql_us") + _usual(routers, "postgresql_us"),
        elasticsearch_us=_usual(sinks, "elasticsearch_us"),
        wal_bytes=_usual(sinks, "wal_bytes"),
        inbound_bytes=sizes["inbound"],
        routed_bytes=sizes["routed"],
        outbound_bytes=sizes["outbound"],
        case_bytes=sizes["cases"],
        document_bytes=sizes["index"],
        archive_bytes=sizes["archive"],
        look_us=looks["us"],
        look_us_a_partition=looks["us_a_partition"],
        look_broker_us_a_partition=looks["broker_us_a_partition"],
    )


def _usual(rows: Sequence[Mapping[str, float]], name: str) -> float:
    return statistics.median(row[name] for row in rows)


def plan(rate: float, cost: Costs, assumed: Assumed | None = None) -> Plan:
    """Returns what the busiest minute's `rate` needs. Full cells beside each other, and one for the rest."""
    given = assumed or Assumed()
    most = cell_rate(cost, given)
    full = math.ceil(rate / most) - 1
    return _sum(rate, _cell(most, cost, given), full, _cell(rate - full * most, cost, given))


def cell_rate(cost: Costs, assumed: Assumed | None = None) -> float:
    """Returns what one installation takes at the share that is wanted."""
    return min(limit.rate for limit in limits(cost, assumed or Assumed()) if limit.is_end)


def workers(rate: float, message_us: float, given: Assumed, *, look: float = 0.0, keyed: bool = True) -> int:
    """Returns how many processes of a role, of one core each, are needed.

    With all of them each has `share` to do; with one zone gone, the one with the most partitions can still do them.
    `look` is what it costs each, of a core, to ask how far everybody is. Averages would need fewer: partitions are
    whole, and 24 of them make 7 workers no quicker than 6.
    """
    load = rate * message_us / 1e6
    least = max(2, math.ceil(load / given.share))
    for count in range(least, 4 * least + 16):
        left = count - math.ceil(count / given.zones)
        parts = _partitions(count, given)
        largest = math.ceil(parts / left) / parts if keyed else 1 / left
        if load / count + look <= given.share and load * largest + look <= given.most_share:
            return count
    raise ValueError(f"{rate:,.0f} messages a second are more than one installation can take")


def limits(cost: Costs, given: Assumed) -> list[Limit]:
    """Returns where one installation ends, the first one first; at the share that is wanted, where it is a share."""
    found = [*_of_the_primary(cost, given), *_of_our_own(cost, given), *_of_the_rest(cost, given)]
    return sorted(found, key=lambda limit: limit.rate)


def _of_the_primary(cost: Costs, given: Assumed) -> list[Limit]:
    share = given.share
    return [
        Limit(
            what="primary of PostgreSQL: cores",
            rate=given.primary_cores * share * 1e6 / cost.postgresql_us,
            source=f"measured, {given.primary_cores} cores assumed",
            then="more cores, then another cell",
            is_end=True,
        ),
        Limit(
            what="primary of PostgreSQL: its log (WAL)",
            rate=given.primary_wal_bytes * share / cost.wal_bytes,
            source=f"measured, {given.primary_wal_bytes / 1e6:g} MB/s assumed",
            then="a faster disk, fewer full pages (longer checkpoints), then another cell",
            is_end=True,
        ),
        Limit(
            what="connections to the primary",
            rate=given.most_connections * share * 1e6 / _connected_us(cost, given),
            source=f"{given.most_connections:,}, and {given.connections['sinks']} a sink, assumed",
            then="a larger `max_connections`; a pooler has to keep sessions: each sink holds a lock of its own",
        ),
    ]


def _of_our_own(cost: Costs, given: Assumed) -> list[Limit]:
    share = given.share
    most_workers = given.most_partitions / 2 * share
    return [
        Limit(
            what="counter of case numbers: one row, once a batch",
            rate=share / given.row_seconds * given.batch_seconds * 1e6 * share / cost.sinks_us,
            source=f"{1000 * given.row_seconds:g} ms a change assumed; each sink changes it at most 10 times a second",
            then="sinks take numbers in larger lots; else another cell",
            is_end=True,
        ),
        Limit(
            what="partitions = 4,096 in the settings: sinks, with twice the partitions",
            rate=most_workers * 1e6 / cost.sinks_us,
            source="settings",
            then="another cell; or cases, search and archive as roles of their own",
            is_end=True,
        ),
        Limit(
            what="everybody asks every second how far all are behind",
            rate=_look_limit(cost, given),
            source="measured",
            then="one process asks and tells the others; or every ten seconds",
            is_end=True,
        ),
    ]


def _of_the_rest(cost: Costs, given: Assumed) -> list[Limit]:
    topic = cost.routed_bytes + cost.inbound_bytes + cost.outbound_bytes
    return [
        Limit(
            what="one shard of the index: documents of a year",
            rate=given.most_documents / given.index_days / _DAY * given.peak,
            source="Lucene; `shards` is 1, no setting",
            then="indexes by month behind the alias, more shards",
        ),
        Limit(
            what="network of 3 brokers",
            rate=given.zones * given.broker_network_bytes * given.share / _network_bytes(cost, given),
            source="measured bytes, 10 Gbit/s assumed",
            then=f"more brokers: each adds a third ({topic / 1000:.1f} KB a message and copy)",
        ),
    ]


def hottest_share(rate: float, message_us: float, given: Assumed | None = None) -> float:
    """Returns what share of all one conversation may say: it has one partition, and that one worker."""
    return min(1.0, (given or Assumed()).share * 1e6 / message_us / rate)


def _cell(rate: float, cost: Costs, given: Assumed) -> Plan:
    roles = _roles(rate, cost, given)
    partitions = _partitions(max(roles["router"], roles["sinks"]), given)
    mean, kept = rate / given.peak, cost.inbound_bytes + cost.routed_bytes + cost.outbound_bytes
    stored = mean * kept * given.replication * given.keep_days * _DAY
    brokers = _brokers(rate, stored, partitions, sum(roles.values()), cost, given)
    shards = math.ceil(mean * _DAY * given.index_days / (given.most_documents / 10)) if rate else 1
    searching = rate * cost.elasticsearch_us * 2 / 1e6 / given.share
    indexed = mean * _DAY * cost.document_bytes * 2
    nodes = max(
        1 if rate <= 100 else given.zones,
        math.ceil(searching / given.node_cores),
        math.ceil(indexed * given.index_days / (given.node_disk_bytes * 0.7)),
    )
    primary_cores = max(2, math.ceil(rate * cost.postgresql_us / 1e6 / given.share))
    return Plan(
        rate=rate,
        cells=1,
        **roles,
        cores=sum(rate * us / 1e6 for us in (cost.intake_us, cost.router_us, cost.sinks_us)) / given.share,
        memory_gb=sum(count * given.memory_mb[role] for role, count in roles.items()) / 1000,
        partitions=partitions,
        lag_limit=max(20_000, math.ceil(rate * 60 / 1000) * 1000),
        brokers=brokers,
        broker_gb=stored / _GB,
        primaries=1,
        primary_cores=primary_cores,
        wal_mb_a_second=rate * cost.wal_bytes / 1e6,
        cases_gb_a_day=mean * _DAY * cost.case_bytes / _GB,
        nodes=nodes,
        node_cores=max(1, math.ceil(searching)),
        index_gb_a_day=indexed / _GB,
        shards=max(1, shards),
        archive_gb_a_day=mean * _DAY * cost.archive_bytes / _GB,
    )


def _roles(rate: float, cost: Costs, given: Assumed) -> dict[str, int]:
    look, counts = 0.0, dict[str, int]()
    for _ in range(8):
        # The more there are the more partitions, and everybody asks after all of them.
        counts = {
            "intake": workers(rate, cost.intake_us, given, look=look, keyed=False),
            "router": workers(rate, cost.router_us, given, look=look),
            "sinks": workers(rate, cost.sinks_us, given, look=look),
        }
        asked = _look_seconds(_partitions(max(counts["router"], counts["sinks"]), given), cost)
        if asked <= look:
            break
        look = asked
    return counts | {"web": 2}


def _brokers(rate: float, stored: float, partitions: int, processes: int, cost: Costs, given: Assumed) -> int:
    looking = processes * partitions * cost.look_broker_us_a_partition / 1e6
    # What a follower does is taken for half of what its leader does.
    working = rate * cost.kafka_us * (1 + 0.5 * (given.replication - 1)) / 1e6
    return max(
        given.zones,
        math.ceil((working + looking) / given.share / given.broker_cores),
        math.ceil(rate * _network_bytes(cost, given) / (given.broker_network_bytes * given.share)),
        math.ceil(stored / (given.broker_disk_bytes * 0.7)),
        math.ceil(3 * partitions * given.replication / given.readers_a_partition_and_broker),
    )


def _network_bytes(cost: Costs, given: Assumed) -> float:
    """Returns what goes out of leaders for a message: to followers, and to one, four and one groups."""
    copies = given.replication - 1
    return cost.inbound_bytes * (copies + 1) + cost.routed_bytes * (copies + 4) + cost.outbound_bytes * (copies + 1)


def _partitions(most_workers: int, given: Assumed) -> int:
    return max(given.fewest_partitions, 2 * most_workers)


def _look_seconds(partitions: int, cost: Costs) -> float:
    return (cost.look_us + partitions * cost.look_us_a_partition) / 1e6


def _look_limit(cost: Costs, given: Assumed) -> float:
    """Of n sinks each loses 2 n looks: what is left over is largest where half of it is lost."""
    left, each = given.share - cost.look_us / 1e6, 2 * cost.look_us_a_partition / 1e6
    # Partitions are whole and workers come in threes: not all of it can be had.
    return 0.9 * left**2 / (4 * each) / cost.sinks_us * 1e6


def _connected_us(cost: Costs, given: Assumed) -> float:
    each = {"intake": cost.intake_us, "router": cost.router_us, "sinks": cost.sinks_us}
    return sum(us * given.connections[role] for role, us in each.items())


_OF_ONE_CELL = {"rate", "cells", "partitions", "lag_limit", "shards"}


def _sum(rate: float, full: Plan, times: int, rest: Plan) -> Plan:
    names = [name for name in Plan.__struct_fields__ if name not in _OF_ONE_CELL]
    total = {name: times * getattr(full, name) + getattr(rest, name) for name in names}
    biggest = full if times else rest
    return Plan(
        rate=rate,
        cells=times + 1,
        partitions=biggest.partitions,
        lag_limit=biggest.lag_limit,
        shards=biggest.shards,
        **total,
    )
