"""Files that messages only name: which are to be fetched now, by whom, and what became of them. Used from threads."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, func, select, text, update

from cases.database import anew
from cases.ledger import read_message
from cases.means import Means
from cases.model import By, Case, case_of
from cases.pieces import Piece
from cases.schema import UNFETCHED, fetches, from_stored, messages, to_stored
from cases.views import find, row_of
from core.errors import Rejected
from core.message import Location, Message
from core.wire import decode, encode

State = Literal["queued", "fetching", "fetched", "refused", "failed"]
_EVERYONE = By("")
# What nobody has tried yet comes first: links that are dead, tried again and again, would keep everything else waiting.
_DUE = f"""SELECT id, message, place, channel, received_at, sealed, tries, first_try_at FROM fetches
WHERE {UNFETCHED} AND channel = {{place}} AND retry_at <= {{place}}
ORDER BY CASE tries WHEN 0 THEN 0 ELSE 1 END, received_at {{order}}, id LIMIT {{place}}"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the caller has to fetch. `tries` counts this one."""

    id: str
    message: str
    channel: str
    received_at: datetime
    piece: Piece
    tries: int
    first_try_at: datetime


class Got(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a try: `fetched` with the file as it is now known, `queued` again from `retry_at` (the machine's
    clock) on, or an end: `refused` is never kept, `failed` was given up."""

    id: str
    state: State
    piece: Piece | None = None
    error: str = ""
    retry_at: datetime | None = None


class Fetch(msgspec.Struct, frozen=True, kw_only=True):
    """How far a file has come, as staff see it."""

    state: State
    piece: Piece
    error: str = ""
    tries: int = 0


class Fetches:
    """Two processes never have the same row: who takes one has it for so long, and then somebody else may. To fetch a
    file twice, because one was paused beyond that, is harmless: it is kept once, by its digest."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database
        self._holder = means.new_id()

    def begin(self) -> None:
        """Lets go at once of what a process before this one had, where only one process can be."""
        if self._database.is_sqlite:
            with self._database.write() as connection:
                left = update(fetches).where(fetches.c.state == "fetching")
                connection.execute(left.values(state="queued", retry_at=self._means.machine()))

    def waiting(self) -> dict[str, float]:
        """Returns the channels with files to fetch, and in how many seconds the first may be."""
        first = select(fetches.c.channel, func.min(fetches.c.retry_at)).where(text(UNFETCHED))
        with self._database.read() as connection:
            rows = connection.execute(first.group_by(fetches.c.channel)).all()
        machine = self._means.machine()
        return {channel: max(0.0, (at - machine).total_seconds()) for channel, at in rows}

    @anew
    def claim(self, channel: str, most: int, *, seconds: float, newest_first: bool) -> list[Wanted]:
        """Takes files to fetch them, for so many seconds."""
        machine = self._means.machine()
        query = _DUE.replace("{order}", "DESC" if newest_first else "ASC") + self._database.locked(skip=True)
        with self._database.write() as connection:
            rows = self._database.rows(connection, query, channel, to_stored(machine), most)
            taken = (
                update(fetches)
                .where(fetches.c.id.in_([row.id for row in rows]))
                .values(
                    state="fetching",
                    tries=fetches.c.tries + 1,
                    retry_at=machine + timedelta(seconds=seconds),
                    first_try_at=func.coalesce(fetches.c.first_try_at, to_stored(machine)),
                    claimed_by=self._holder,
                )
            )
            if rows:
                connection.execute(taken)
            return self._readable(connection, rows, machine)

    @anew
    def settle(self, got: Got) -> Message | None:
        """Writes down what became of a file; nothing when it is another's by now.

        A place that a photograph names stands in the history of a case that has none. Returns the message it came with
        when the case awaits exactly that, and it surely lies in one district.
        """
        values: dict[str, Any] = {"state": got.state, "error": got.error}
        if got.retry_at is not None:
            values["retry_at"] = got.retry_at
        if got.piece is not None:
            values["sealed"] = self._means.seal.seal(encode(got.piece))
        mine = (fetches.c.id == got.id) & (fetches.c.claimed_by == self._holder) & (fetches.c.state == "fetching")
        with self._database.write() as connection:
            if connection.execute(update(fetches).where(mine).values(**values)).rowcount == 0:
                return None
            if got.piece is None or got.piece.location is None:
                return None
            return self._located(connection, got, got.piece.location)

    def of(self, number: str, by: By = _EVERYONE) -> dict[tuple[str, int], Fetch]:
        """Returns how far the files of a case have come, by message and place in it."""
        with self._database.read() as connection:
            case = find(connection, number, by)
            known = select(fetches).join(messages, messages.c.id == fetches.c.message)
            rows = connection.execute(known.where(messages.c.number == case.number)).all()
        return {
            (row.message, row.place): Fetch(
                state=row.state,
                piece=decode(self._means.seal.open(row.sealed), Piece),
                error=row.error,
                tries=row.tries,
            )
            for row in rows
        }

    def counts(self) -> dict[str, int]:
        """Returns how many wait and how many were given up, for who watches."""
        with self._database.read() as connection:
            waiting = connection.execute(select(func.count()).select_from(fetches).where(text(UNFETCHED))).scalar_one()
        return {"unfetched": waiting}

    def _readable(self, connection: Connection, rows: Sequence[Any], machine: datetime) -> list[Wanted]:
        """Returns what can be read; a row that was sealed with another key is given up and harms no other."""
        wanted = []
        for row in rows:
            try:
                piece = decode(self._means.seal.open(bytes(row.sealed)), Piece)
            except Rejected as error:
                bad = update(fetches).where(fetches.c.id == row.id)
                connection.execute(bad.values(state="failed", error=error.reason))
                continue
            first = machine if row.first_try_at is None else from_stored(row.first_try_at)
            wanted.append(
                Wanted(
                    id=row.id,
                    message=row.message,
                    channel=row.channel,
                    received_at=from_stored(row.received_at),
                    piece=piece,
                    tries=row.tries + 1,
                    first_try_at=first,
                )
            )
        return wanted

    def _located(self, connection: Connection, got: Got, location: Location) -> Message | None:
        """Writes the place into the history of a case that has none."""
        row = connection.execute(
            select(messages.c.number, messages.c.sealed, messages.c.id)
            .join(fetches, fetches.c.message == messages.c.id)
            .where(fetches.c.id == got.id)
        ).one_or_none()
        if row is None or row.number is None:
            return None
        found = row_of(connection, row.number, to_change=True)
        if found is None or not _is_placeless(case_of(found)):
            return None
        districts, is_sure = (got.piece.districts, got.piece.is_sure) if got.piece else ((), False)
        ledger = self._means.ledger(connection)
        words = f"{location.lat:.5f}, {location.lon:.5f}"
        near = f"{'in' if is_sure else 'in or near'} {', '.join(districts)}" if districts else "nowhere that we know"
        why = f"a photograph was taken {near}"
        ledger.event(row.number, "photo location", why=why, cause=row.id, words=words)
        ledger.flush()
        if not (found["awaits_place"] and is_sure and len(districts) == 1):
            return None
        with suppress(Rejected):
            return read_message(self._means.seal, row.sealed)
        return None


def _is_placeless(case: Case) -> bool:
    return case.awaits_place or not case.district
