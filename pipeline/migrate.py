"""Moves an installation from the files of its folder to engines that others run, and proves that everything arrived.

In this order: look at the targets, mark the folder, fill, compare, give free. Killed anywhere it is begun again and
goes on: what is the same already stays, everything else is done anew. Until everything was compared nobody can use
the new engines: the folder's mark says so here, the case store's revision everywhere else.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from core.errors import ConfigError, Rejected
from core.wire import Seal
from pipeline import migrate_mark as marks
from pipeline import migrate_source, place
from pipeline.build import Plan
from pipeline.engines import EMBEDDED
from pipeline.migrate_count import Compared, Progress
from pipeline.migrate_mark import Mark
from pipeline.migrate_parts import parts

_ROLES = ("intake", "router", "sinks", "web")
_ENGINES = ("cases", "stream", "objects", "search")
_ID_BYTES = 8


class Opened(msgspec.Struct, frozen=True):
    """How many of so many sealed things the key opened."""

    opened: int
    of: int

    @property
    def closed(self) -> int:
        return self.of - self.opened


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in the end, as it is written to var/. It holds counts and digests, nothing of what they count."""

    id: str
    begun_at: datetime
    ended_at: datetime
    moved: Mapping[str, str]
    compared: Sequence[Compared]
    opened_before: Opened
    opened_after: Opened

    @property
    def is_whole(self) -> bool:
        """Whether everything arrived, and the key opens it as it did before."""
        opens = self.opened_after.closed <= self.opened_before.closed
        return opens and all(one.is_same for one in self.compared)


class Migration:
    """One migration of the folder of a plan: begun now, or taken up where it was killed. Making it changes nothing."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._var = plan.var
        self._mark, self.is_begun = _mark(plan)
        self.parts = parts(plan, self._mark, is_begun=self.is_begun)

    def look(self) -> list[tuple[str, str, int]]:
        """Returns what would move: engine, what, how many. Asks the targets whether they can take it."""
        for part in self.parts:
            part.check()
        return [(part.name, what, count) for part in self.parts for what, count in part.look()]

    def run(self, progress: Progress) -> Report:
        """Moves and compares everything. When all is the same, and only then, the new engines can be used.

        Raises `ConfigError` when something has to be set right first, `Unavailable` when it may go on later.
        """
        with self._alone():
            if self._mark.state == "verified":
                report = self._written()
            else:
                before = self._opened(self._plan.seal(), new=False)
                self._fill(progress)
                report = self._compared(before, progress)
            if report.is_whole:
                self._give_free()
        return report

    def _fill(self, progress: Progress) -> None:
        for part in self.parts:
            part.check()
        marks.write(self._var, self._mark)
        for part in self.parts:
            part.begin()
        for part in self.parts:
            # What a run that was killed has brought whole is left as it is.
            if not self.is_begun or not all(one.is_same for one in part.compare(progress)):
                part.move(progress)

    def _compared(self, before: Opened, progress: Progress) -> Report:
        compared = [one for part in self.parts for one in part.compare(progress)]
        report = Report(
            id=self._mark.id,
            begun_at=self._mark.begun_at,
            ended_at=datetime.now(UTC),
            moved=self._mark.moving,
            compared=compared,
            opened_before=before,
            opened_after=self._opened(self._plan.seal(), new=True),
        )
        marks.write_durably(self.report, msgspec.json.format(msgspec.json.encode(report)))
        return report

    def _give_free(self) -> None:
        marks.write(self._var, msgspec.structs.replace(self._mark, state="verified"))
        for part in self.parts:
            part.finish()
        marks.write(self._var, msgspec.structs.replace(self._mark, state="done"))

    @property
    def report(self) -> Path:
        return self._var / f"moved-{self._mark.id}.json"

    def _written(self) -> Report:
        try:
            return msgspec.json.decode(self.report.read_bytes(), type=Report)
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(f"{self.report}: cannot be read ({error}). Bring it back from a copy") from error

    def _opened(self, seal: Seal, *, new: bool) -> Opened:
        """Returns how much of a sample the key opens; raises `ConfigError` when it is another key."""
        sealed = [one for part in self.parts for one in part.samples(new=new)]
        opened = sum(_opens(seal, one) for one in sealed)
        if sealed and not opened:
            raise ConfigError(
                "the key opens nothing of what lies here: it is another one. Set [security] key, or var/key, to the "
                "key that this installation was sealed with"
            )
        return Opened(opened, len(sealed))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps every role of this folder from starting, and stale copies out of the way."""
        with ExitStack() as stack:
            mine = place.Lock(self._var, "migrate")
            try:
                mine.take()
            except ConfigError as error:
                raise ConfigError(
                    f"{self._var}: another migration of this folder runs ({mine.holder}). Let it come to its end, this "
                    "one changes nothing. If nobody waits for it, end that process and run this again: it goes on "
                    "where that one was"
                ) from error
            stack.callback(mine.release)
            for role in _ROLES:
                lock = place.Lock(self._var, role)
                try:
                    lock.take()
                except ConfigError as error:
                    raise ConfigError(
                        f"{self._var}: an instance runs here ({role}). Stop it first; what citizens send meanwhile "
                        "their providers send again later"
                    ) from error
                stack.callback(lock.release)
            migrate_source.tidy(self._var)
            yield


def _mark(plan: Plan) -> tuple[Mark, bool]:
    """Returns the mark of the migration that is to be, or of the one that was begun, and whether it was."""
    known = marks.read(plan.var)
    is_begun = known is not None and known.state != "done"
    before = {} if known is None else dict(known.moved if is_begun else known.everything)
    moving = {name: to for name in _ENGINES if name not in before and (to := _address(plan, name)) != EMBEDDED}
    if known is not None and is_begun:
        if moving != known.moving:
            raise ConfigError(
                f"{plan.var / marks.NAME}: an unfinished migration moves {_said(known.moving)}; {plan.path.name} says "
                f"{_said(moving) or 'nothing of that'}. Set it as it was; or delete {marks.NAME} and begin anew with "
                "empty targets"
            )
        return known, True
    if not moving:
        raise ConfigError(
            f"{plan.path.name}: names no engine that anything has still to move to. Set stream, cases, search or "
            'objects to the server that shall have it, e.g. cases = "postgresql://user@host:5432/name"'
        )
    made = Mark(
        id=secrets.token_hex(_ID_BYTES),
        state="unfinished",
        begun_at=datetime.now(UTC).replace(microsecond=0),
        moving=moving,
        moved=before,
    )
    return made, False


def _address(plan: Plan, name: str) -> str:
    return str(getattr(plan.settings, name))


def _said(moving: Mapping[str, str]) -> str:
    return ", ".join(f"{name} to {to}" for name, to in moving.items())


def _opens(seal: Seal, sealed: bytes) -> bool:
    try:
        seal.open(sealed)
    except Rejected:
        return False
    return True
