"""Many messages in one request: how they are written down, and which of them the engine can never take."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
from elasticsearch import ApiError

from core.errors import Unavailable
from core.wire import Routed
from sinks._elastic_server import BLOCKED, Connection, blocked, read, shortened
from sinks._words import found_as, message_words, microseconds

_LONGEST_ID_BYTES = 512
# A full batch becomes several requests: while one is under way the next is prepared.
_MOST_AT_ONCE = 512
# What is wrong with one document and will be for ever. Everything else may pass: a shard that moves, a full disk.
_FOR_EVER = frozenset({"document_parsing_exception", "mapper_parsing_exception", "parsing_exception"})
_NO_INDEX = "index_not_found_exception"
_CONFLICT, _TOO_LARGE = 409, 413
_encode = msgspec.json.encode

T = TypeVar("T")


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    channel: str
    account: str
    queue: str
    action: str
    kind: str
    confidential: bool
    received_at: int
    tokens: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One document ready to be sent; `place` is where it stands in its batch."""

    place: int
    name: bytes
    document: bytes


class _Error(msgspec.Struct):
    type: str
    reason: str | None = None


class _Done(msgspec.Struct):
    status: int
    error: _Error | None = None


class _Answer(msgspec.Struct):
    items: list[dict[str, _Done]] = msgspec.field(default_factory=list)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request: who was refused why; whether its index, and the one asked about, exist."""

    refused: Mapping[int, str]
    has_index: bool = True
    has_other: bool = False


def lines(records: Sequence[Routed], refused: dict[int, str]) -> Iterator[Line]:
    """Yields what can be written, and notes in `refused` why the rest can not."""
    for place, record in enumerate(records):
        try:
            yield Line(place=place, name=_name(record), document=_encode(_document(record)))
        except (ValueError, OverflowError) as error:
            refused[place] = f"cannot be indexed: {error}"


def portions(ready: Iterable[Line], most_bytes: int) -> Iterator[list[Line]]:
    """Yields the lines in portions of `most_bytes` and some hundred lines at most, each of at least one line."""
    portion: list[Line] = []
    size = 0
    for line in ready:
        if portion and (size + len(line.document) > most_bytes or len(portion) == _MOST_AT_ONCE):
            yield portion
            portion, size = [], 0
        portion.append(line)
        size += len(line.document)
    if portion:
        yield portion


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Yields the items, each next one being made in a thread while the one before is worked on."""
    with ThreadPoolExecutor(1, "search-ahead") as thread:
        item = next(items, None)
        while item is not None:
            coming = thread.submit(next, items, None)
            yield item
            item = coming.result()


class Bulk:
    """Sends portions and returns when they are acknowledged; raises `Unavailable` when a portion must come again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, portion: Sequence[Line], index: str, *, only_new: bool = False, other: str | None = None) -> Outcome:
        """Puts each document in the place of the one of the same name, or with `only_new` leaves that one there.

        `other`: an index; the outcome tells whether it existed at the very moment of writing.
        """
        action = b'{"create":{"_id":%b}}' if only_new else b'{"index":{"_id":%b}}'
        body = [part for line in portion for part in (action % line.name, line.document)]
        if other is not None:
            body.append(b'{"delete":{"_index":%b,"_id":"-"}}' % _encode(other))
        try:
            done = self._ask(body, index, expected=len(portion) + (other is not None))
        except _TooLarge:
            return self._halves(portion, index, only_new=only_new, other=other)
        has_other = other is not None and self._exists(done.pop())
        refused = {line.place: why for line, one in zip(portion, done, strict=True) if (why := self._refusal(one))}
        lost = any(one.error is not None and one.error.type == _NO_INDEX for one in done)
        return Outcome(refused=refused, has_index=not lost, has_other=has_other)

    def _halves(self, portion: Sequence[Line], index: str, *, only_new: bool, other: str | None) -> Outcome:
        if len(portion) == 1:
            return Outcome(refused={portion[0].place: "too large for the search engine, or for what stands before it"})
        half = len(portion) // 2
        first = self.send(portion[:half], index, only_new=only_new, other=other)
        second = self.send(portion[half:], index, only_new=only_new, other=other)
        return Outcome(
            refused={**first.refused, **second.refused},
            has_index=first.has_index and second.has_index,
            has_other=first.has_other or second.has_other,
        )

    def _ask(self, body: list[bytes], index: str, *, expected: int) -> list[_Done]:
        with self._connection.client() as client:
            try:
                answer = client.bulk(
                    index=index,
                    operations=body,  # type: ignore[arg-type]  # lines that are JSON already are sent as they are
                    require_alias=True,
                    filter_path=["items.*.status", "items.*.error.type", "items.*.error.reason"],
                    # The engine gives up on a shard that is away before we give up on the engine.
                    timeout=f"{max(1, int(self._connection.timeout_seconds / 2))}s",
                )
            except ApiError as error:
                if error.meta.status == _TOO_LARGE:
                    raise _TooLarge from error
                raise
            done = [one for item in read(answer.body, _Answer).items for one in item.values()]
            if len(done) != expected:
                raise msgspec.ValidationError(f"{len(done)} answers to {expected} documents")
            return done

    def _refusal(self, done: _Done) -> str | None:
        """Returns why this one is refused for ever, None when it is not; raises `Unavailable` when it may pass."""
        error = done.error
        if error is None or done.status == _CONFLICT or error.type == _NO_INDEX:
            return None
        if error.type == BLOCKED:
            raise Unavailable(f"{self._connection.name} {blocked(error.reason or '')}")
        reason = f"{error.type}: {shortened(error.reason or '')}"
        if error.type in _FOR_EVER:
            return f"the search engine refuses it: {reason}"
        raise Unavailable(
            f"{self._connection.name} does not take this now ({done.status} {reason}). It is tried again."
        )

    def _exists(self, done: _Done) -> bool:
        if done.error is None:
            return True
        if done.error.type == _NO_INDEX:
            return False
        reason = f"{done.error.type}: {shortened(done.error.reason or '')}"
        raise Unavailable(
            f"the search engine cannot tell whether a rebuild is under way ({reason}). It is tried again."
        )


class _TooLarge(Exception):
    """The whole request was too large for the engine or a proxy."""


def _name(record: Routed) -> bytes:
    name = found_as(record).encode()
    if not name or len(name) > _LONGEST_ID_BYTES:
        raise ValueError(f"an id of {len(name)} bytes; Elasticsearch takes 1 to {_LONGEST_ID_BYTES}")
    return _encode(found_as(record))


def _document(record: Routed) -> _Document:
    message, decision = record.message, record.decision
    return _Document(
        id=found_as(record),
        channel=message.channel,
        account=message.account,
        queue=decision.queue or "",
        action=decision.action,
        kind=decision.kind,
        confidential=decision.confidential,
        received_at=microseconds(message.received_at),
        # A set has an order of its own: that of the text is nobody's business, not even in the engine's log.
        tokens=" ".join(set(message_words(message))),
    )
