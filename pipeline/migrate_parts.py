"""Makes what a migration moves: each part with the files that it comes from and the engine that it goes to."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import func, select

from cases.database import Database
from cases.schema import messages
from cases.store import CaseStore
from core.clock import machine_clock
from pipeline import migrate_log, migrate_source
from pipeline.build import Plan
from pipeline.engines import EMBEDDED
from pipeline.migrate_count import Part
from pipeline.migrate_mark import Mark
from pipeline.migrate_source import Source


def parts(plan: Plan, mark: Mark, *, is_begun: bool) -> list[Part]:
    """Returns the parts that this migration moves, in their order; none of them is connected to anything."""
    makes = _Makes(plan, mark, is_begun)
    known = {"cases": makes.cases, "stream": makes.stream, "objects": makes.objects, "search": makes.search}
    return [known[name](to) for name, to in mark.moving.items()]


@dataclass(frozen=True)
class _Makes:
    """Only who moves to an engine loads what speaks to it."""

    plan: Plan
    mark: Mark
    is_begun: bool

    def cases(self, to: str) -> Part:
        from pipeline.migrate_cases import Cases

        file = self.plan.var / migrate_source.FILE
        return Cases(file, self.plan.engines.cases_url(), to=to, migration=self.mark.id)

    def stream(self, to: str) -> Part:
        from pipeline.migrate_kafka import Topics

        file, engines = self.plan.var / migrate_log.FILE, self.plan.engines
        return Topics(file, engines.access(), engines.groups, to=to, migration=self.mark.id)

    def objects(self, to: str) -> Part:
        from pipeline.migrate_objects import Objects

        plan = self.plan
        return Objects(
            plan.var,
            plan.engines.objects,
            seal=plan.seal(),
            keep_days=plan.settings.limits.archive_keep_days,
            to=to,
            is_begun=self.is_begun,
        )

    def search(self, to: str) -> Part:
        from pipeline.migrate_index import Index

        return Index(
            self.plan.engines.server(),
            self.plan.settings.elasticsearch.index,
            to=to,
            store=self._store,
            count=self._messages,
            is_begun=self.is_begun,
        )

    @contextmanager
    def _store(self) -> Iterator[CaseStore]:
        """Lends the case store that the index is made from: the file, or the server where the cases have long been."""
        with ExitStack() as stack:
            plan = self.plan
            if "cases" in self.mark.moving:
                file = stack.enter_context(migrate_source.up_to_date(plan.var / migrate_source.FILE))
                plan = replace(plan, settings=plan.settings.model_copy(update={"cases": EMBEDDED}), var=file.parent)
            # The migration has tried the key; nothing is written to the old files, no such word either.
            store = plan.store(self.plan.seal(), machine_clock, tries_key=False)
            store.open()
            stack.callback(store.close)
            yield store

    def _messages(self) -> int:
        """Returns how many messages that store has."""
        if "cases" in self.mark.moving:
            with Source(self.plan.var / migrate_source.FILE) as source:
                return source.count(messages)
        database = Database(self.plan.engines.cases_url())
        database.open()
        try:
            with database.read() as connection:
                return int(connection.execute(select(func.count()).select_from(messages)).scalar_one())
        finally:
            database.close()
