"""What every stream promises: durable when `publish` returns, at least once, in order within a key."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

INBOUND, ROUTED, OUTBOUND = "inbound", "routed", "outbound"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A record to be published. Two entries of a topic with the same non-empty `identity` are one."""

    topic: str
    key: str
    body: bytes
    identity: bytes = b""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it was read. `offset` grows within a topic (and within a key of it)."""

    topic: str
    offset: int
    key: str
    body: bytes


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What a group reads at once: never empty, in order."""

    topic: str
    group: str
    records: tuple[Record, ...]


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A record that nothing could be done with, as `dead list` shows it. `id` names it to `retry`."""

    id: int
    topic: str
    group: str
    key: str
    reason: str
    parked_at: datetime
    body: bytes


class Stream(ABC):
    """A log of topics that consumer groups read at their own pace.

    `groups` says which groups read which topic: what all of them have committed may be forgotten.
    Constructing connects to nothing; `start` does. All methods but `close` raise `Unavailable` when the engine
    cannot be reached or cannot make things durable now; the same call may then be tried again.
    """

    groups: Mapping[str, Sequence[str]]
    # Whether identities are known after a restart and to every process. Where they are not, a record may come twice
    # and whoever reads it recognises it.
    remembers: ClassVar[bool] = True

    @property
    def trouble(self) -> str:
        """Why nothing could be made durable when it was last tried, "" when it could."""
        return ""

    @abstractmethod
    async def start(self) -> None:
        """Connects and recovers. Raises `ConfigError` when the place cannot be used at all."""

    @abstractmethod
    async def close(self) -> None:
        """Finishes what was begun and lets go; may be called twice."""

    @abstractmethod
    async def publish(self, *entries: Entry) -> list[bool]:
        """Makes all entries durable, or none. True for each new one, False for each whose identity was known.

        Raises `Unavailable` when the groups in `holding` are further behind than `lag_limit` and an entry is for
        a topic that takes from outside (`inbound`).
        """

    @abstractmethod
    def read(self, topic: str, group: str, *, most: int = 256) -> AsyncIterator[Batch]:
        """Yields batches from the group's committed place on, for ever; waits without polling.

        A batch may be asked for before the one before it is committed; after a restart everything uncommitted
        comes again.
        """

    @abstractmethod
    async def commit(
        self, batch: Batch, *, publish: Sequence[Entry] = (), park: Sequence[tuple[Record, str]] = ()
    ) -> None:
        """Makes durable, in this order or at once: `publish`, the parked records with their reasons, the group's place.

        Committing an older batch again changes nothing. `publish` here is never refused for backlog.
        """

    @abstractmethod
    async def lags(self) -> dict[str, int]:
        """Returns for each group how many records it has before it."""

    @abstractmethod
    async def parked_count(self) -> int:
        """Returns how many records are parked; cheap, for whoever looks every second."""

    @abstractmethod
    async def parked(self, *, most: int = 1000, before: int | None = None) -> list[Parked]:
        """Returns the parked records, newest first; with `before` only those whose id is lower: the next page."""

    @abstractmethod
    async def retry(self, ids: Sequence[int]) -> int:
        """Publishes these parked records again to their topics, in the order of their ids, out of `parked`; returns
        how many. All or none, where `remembers`; else, interrupted, none is lost, and some may be published twice:
        whoever reads recognises them.
        """

    @abstractmethod
    async def park(self, record: Record, *, group: str, reason: str) -> int:
        """Parks something that was no part of a batch (an undeliverable reply); returns its id."""
