"""Puts the house together: reads every file, checks every table, gathers all mistakes, constructs the parts.

Nothing here connects to anything: `Plan` is what would run, and its methods make the parts that run.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from msgspec import structs
from pydantic import ValidationError

from cases.clock import Period, parse_period
from cases.letters import Letters
from classifiers.base import Classifier
from config.load import Draft, explain, read_city, read_toml
from config.mistakes import sentences
from config.partial import rest_of
from config.schema import City
from connectors.base import Connector, Poller, Server, Webhook
from core.calendar import Calendar
from core.clock import Clock, Rehearsal, clock_of
from core.decision import Kind
from core.errors import ConfigError
from core.reply import Sender, Style
from core.wire import Seal, Ticket, encode
from pipeline import city_files, demo, engines, migrate_mark, models, parts, place
from pipeline.contact import addressed, country_of, ways, with_contacts
from pipeline.desk import Desk
from pipeline.engines import Engines
from pipeline.settings import PipelineSettings
from router.router import Router
from sinks._files import FileSender
from sinks._pace import Paced, alone
from sinks.archive import Archive
from sinks.archive_objects import ArchiveObjects
from sinks.attachments import Attachments, Contents
from sinks.cases import Cases
from streams.base import INBOUND, OUTBOUND, ROUTED, Record, Stream

if TYPE_CHECKING:
    from cases.store import CaseStore
    from sinks.reply import Courier

T = TypeVar("T")
_NO_FILES: Mapping[str, Path] = {}

GROUPS: Mapping[str, tuple[str, ...]] = {
    INBOUND: ("router",),
    ROUTED: ("cases", "search", "archive", "attachments"),
    OUTBOUND: ("reply",),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that the files say, checked. `notes` are what an operator should know, one a line."""

    path: Path
    settings: PipelineSettings
    city: City
    seen: city_files.Look = city_files.NEVER
    """How the city's files looked when they were read."""
    calendar: Calendar
    deadlines: Mapping[Kind, Period]
    connectors: Mapping[str, Connector[Any]]
    environment: Mapping[str, str]
    var: Path
    notes: tuple[str, ...] = ()

    @property
    def listening(self) -> dict[str, Connector[Any]]:
        """The connectors whose secrets are all there."""
        return {name: part for name, part in self.connectors.items() if not part.missing()}

    @property
    def webhooks(self) -> dict[str, Webhook[Any]]:
        return {name: part for name, part in self.listening.items() if isinstance(part, Webhook)}

    @property
    def servers(self) -> dict[str, Server[Any]]:
        return {name: part for name, part in self.listening.items() if isinstance(part, Server)}

    @property
    def pollers(self) -> dict[str, Poller[Any]]:
        return {name: part for name, part in self.listening.items() if isinstance(part, Poller) and part.polls}

    @property
    def styles(self) -> dict[str, Style]:
        return {name: part.style for name, part in self.connectors.items()}

    def seal(self) -> Seal:
        return place.seal(self.var, self.settings.security.key, self.environment)

    @property
    def engines(self) -> Engines:
        home = self.path.resolve().parent
        return Engines(settings=self.settings, home=home, var=self.var, environment=self.environment, groups=GROUPS)

    def stream(self, *, tidies: bool = False) -> Stream:
        return self.engines.stream(tidies=tidies)

    def store(self, seal: Seal, clock: Clock, *, tries_key: bool = True) -> "CaseStore":
        """Returns the case store; with `tries_key` it opens only for the key that it is sealed with."""
        # Who only routes opens none and needs no database: SQLAlchemy is a third of what they would import.
        from cases.means import Options
        from cases.store import CaseStore

        letters = Letters(self.city, styles=self.styles)
        store = CaseStore(
            self.engines.cases_url(),
            seal=seal,
            clock=clock,
            calendar=self.calendar,
            deadlines={str(kind): period for kind, period in self.deadlines.items()},
            letters=letters,
            public_url=self.settings.web.public_url,
            options=Options(
                named=frozenset(name for name, part in self.connectors.items() if part.names_earlier),
                edited=frozenset(name for name, part in self.connectors.items() if part.edited),
                attachments_most=self.settings.limits.attachments_most,
                threaded=frozenset(name for name, part in self.connectors.items() if part.is_threaded),
                addressed=addressed(self.connectors),
                ways=ways(self.connectors),
                country_code=country_of(self.connectors),
                private_days={name: part.private_days for name, part in self.connectors.items() if part.private_days},
            ),
            key_from=place.key_from(self.var, self.settings.security.key) if tries_key else "",
        )
        for part in self.connectors.values():
            part.memory, part.mark, part.clock, part.chat = store.places, seal.mark, clock, store.chat
            part.seal = seal
        return store

    def classifiers(self, city: City | None = None) -> dict[str, Classifier]:
        """Returns every classifier there is, with the model that `eungdapso train` made for it, if any."""
        classes = {name: parts.find("classifiers", name, Classifier) for name in parts.names("classifiers")}  # type: ignore[type-abstract]
        found = {name: made(city or self.city) for name, made in classes.items()}
        for name, part in found.items():
            part.keep(models.Kept(self.var, name))
            if (data := models.read(self.var, name)) is not None:
                part.use(data, where=str(models.path_of(self.var, name)))
        return found

    def router(self, city: City | None = None) -> Router:
        """Returns what decides; for another city's files, those."""
        city = city or self.city
        found, after_cutoff = self.classifiers(city), self.settings.hours.after_cutoff
        return Router(city, found, self.calendar, self.deadlines, after_cutoff, self.styles)

    def senders(self, degraded: dict[str, str] | None = None, share: Callable[[], int] = alone) -> dict[str, Sender]:
        """Returns what takes replies out: the channel where its outgoing side is set up, else files. What a provider
        that is left alone is left alone for stands in `degraded`; `share` processes send."""
        own = {name: self._sender(part, degraded, share) for name, part in self.connectors.items()}
        return with_contacts(own, self.connectors)

    def _sender(self, part: Connector[Any], degraded: dict[str, str] | None, share: Callable[[], int]) -> Sender:
        sender = part.sender()
        if sender is None:
            return self._files(part)
        wish = getattr(part.settings, "sends_a_second", 0.0)
        pace = structs.replace(part.pace, a_second=wish) if wish else part.pace
        return Paced(part.name, sender, pace, degraded=degraded, share=share)

    def _files(self, part: Connector[Any]) -> FileSender:
        return FileSender(self.var / "outbox" / part.name, part.as_file())

    def replies(
        self,
        store: "CaseStore",
        stream: Stream,
        seal: Seal,
        degraded: dict[str, str] | None = None,
        share: Callable[[], int] = alone,
    ) -> "Courier":
        from sinks.reply import Courier

        async def park(ticket: Ticket, case: str, reason: str) -> None:
            record = Record(topic=OUTBOUND, offset=0, key=case or ticket.row, body=seal.seal(encode(ticket)))
            await stream.park(record, group="reply", reason=reason)

        return Courier(store.outbox, self.senders(degraded, share), park, backoff=self.settings.replies)

    @property
    def contents(self) -> dict[str, Contents]:
        """What takes attachments out of raw payloads, by channel."""
        return {name: opened for name, part in self.connectors.items() if (opened := part.opener())}

    def archive(self, seal: Seal) -> Archive | ArchiveObjects:
        keep_days = self.settings.limits.archive_keep_days
        if self.engines.has_bucket:
            return ArchiveObjects(self.engines.objects(), seal=seal, keep_days=keep_days)
        return Archive(self.var / "archive", seal=seal, keep_days=keep_days)

    def attachments(self, seal: Seal) -> Attachments:
        keep_days = self.settings.limits.archive_keep_days
        return Attachments(self.engines.objects(), self.contents, seal=seal, keep_days=keep_days)

    def cases(self, store: "CaseStore") -> Cases:
        return Cases(store)


@dataclass
class _Mistakes:
    """Collects what is wrong, so that all of it is said at once."""

    found: list[str] = field(default_factory=list)

    def gather(self, make: Callable[[], T]) -> T | None:
        """Returns what is made, None when it could not be."""
        try:
            return make()
        except ConfigError as error:
            self.found.extend(error.mistakes)
            return None


def plan(path: Path, environment: Mapping[str, str] = os.environ, *, city: City | None = None) -> Plan:
    """Returns what pipeline.toml and the city's files say; raises `ConfigError` with every mistake in them.

    With `city` that one is taken, and the city's files are not looked at.
    """
    drafted = draft(path, environment, city=city)
    if drafted.plan is None or drafted.mistakes:
        raise ConfigError(*drafted.mistakes)
    return drafted.plan


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """What the files say with all their mistakes; `plan` is None when too much is missing."""

    plan: Plan | None
    mistakes: tuple[str, ...]
    city: Draft | None


def draft(
    path: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    city: City | None = None,
    instead: Mapping[str, Path] = _NO_FILES,
) -> Drafted:
    """Returns what pipeline.toml and the city's files say, right or wrong; `instead` replaces files of the city."""
    mistakes = _Mistakes()
    settings = _settings(path, mistakes)
    home = path.resolve().parent
    folder = home / settings.city
    var = place.folder(home, settings, environment)
    seen = city_files.look(folder, models.folder_of(var))
    read = None
    if city is None:
        channels = {name: str(table.get("type", name)) for name, table in settings.connectors.items()}
        read = read_city(folder, channels=channels, instead=instead)
        mistakes.found.extend(read.mistakes)
        city = read.city and read.city.model_copy(update={"answer_precision": settings.answer_precision})
    calendar = mistakes.gather(lambda: _calendar(settings))
    deadlines = _deadlines(path, settings, mistakes)
    mistakes.gather(partial(place.check_key, settings.security.key, environment))
    connectors = _connectors(path, settings, environment, mistakes)
    mistakes.found.extend(engines.mistakes(settings, path.name))
    if city is not None:
        mistakes.gather(partial(Letters, city, styles={name: part.style for name, part in connectors.items()}))
    if read is not None:
        mistakes.found[:] = map(read.placed, mistakes.found)
    if city is None or calendar is None:
        return Drafted(plan=None, mistakes=tuple(mistakes.found), city=read)
    made = Plan(
        path=path,
        settings=settings,
        city=city,
        seen=seen if read else city_files.NEVER,
        calendar=calendar,
        deadlines=deadlines,
        connectors=connectors,
        environment=environment,
        var=var,
        notes=(*_notes(connectors), *_more_notes(settings, environment), *engines.notes(settings)),
    )
    return Drafted(plan=made, mistakes=tuple(mistakes.found), city=read)


def make_desk(path: Path, environment: Mapping[str, str], city: bytes = b"") -> Desk:
    """Returns the routing desk; called in the deciding process. Reads the case store, never writes it.

    With `city`, in JSON, it decides by that one and not by the files.
    """
    planned = plan(path, environment, city=City.model_validate_json(city) if city else None)
    seal, clock = planned.seal(), clock_of(environment)
    if isinstance(clock, Rehearsal):
        clock.start()
    store = planned.store(seal, clock)
    store.open()
    return Desk(
        seal=seal,
        parsers={name: read for name, part in planned.listening.items() if (read := part.parser())},
        router=planned.router(),
        contexts=store.contexts,
        now=clock,
        remake=lambda other: planned.router(City.model_validate_json(other)),
    )


def _settings(path: Path, mistakes: _Mistakes) -> PipelineSettings:
    said = read_toml(path)
    try:
        return PipelineSettings.model_validate(said)
    except ValidationError as error:
        told = sentences(error, PipelineSettings)
        mistakes.found.extend(f"{path.name}: {sentence}" for _, sentence in told)
        # What else stands there is looked at all the same.
        return rest_of(PipelineSettings, said, [steps for steps, _ in told]) or PipelineSettings()


def _calendar(settings: PipelineSettings) -> Calendar:
    hours = settings.hours
    return Calendar(
        opens=hours.opens,
        closes=hours.closes,
        lunch=hours.lunch,
        days_off=hours.days_off,
        working_days=hours.working_days,
    )


def _deadlines(path: Path, settings: PipelineSettings, mistakes: _Mistakes) -> dict[Kind, Period]:
    periods: dict[Kind, Period] = {}
    for kind, text in settings.deadlines.items():
        try:
            periods[kind] = parse_period(text)
        except ValueError as error:
            mistakes.found.append(f"{path.name}: deadlines.{kind}: {error}")
    return periods


def _connectors(
    path: Path, settings: PipelineSettings, environment: Mapping[str, str], mistakes: _Mistakes
) -> dict[str, Connector[Any]]:
    made = {
        name: mistakes.gather(partial(_connector, path, name, table, environment))
        for name, table in settings.connectors.items()
    }
    found = {name: part for name, part in made.items() if part is not None}
    for part in found.values():
        part.public_url = settings.web.public_url.rstrip("/")
    return found


def _connector(path: Path, name: str, table: Mapping[str, Any], environment: Mapping[str, str]) -> Connector[Any]:
    where = f"{path.name}: [connectors.{name}]"
    kind = table.get("type", name)
    try:
        part = parts.find("connectors", str(kind), Connector)
    except ConfigError as error:
        raise ConfigError(*(f"{where}: {mistake}" for mistake in error.mistakes)) from error
    values = {key: value for key, value in table.items() if key != "type"}
    try:
        settings = part.Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(*explain(error, path.name, part.Settings, prefix=("connectors", name))) from error
    return part(name, settings, environment=environment)


def _notes(connectors: Mapping[str, Connector[Any]]) -> list[str]:
    return [
        f"connectors.{name} does not start: {', '.join(missing)} "
        f"{'is' if len(missing) == 1 else 'are'} not set in the environment"
        for name, part in connectors.items()
        if (missing := part.missing())
    ]


def _more_notes(settings: PipelineSettings, environment: Mapping[str, str]) -> list[str]:
    notes, key = [], settings.security.key
    if key is not None and not key.value(environment):
        notes.append(f"security.key: {key.env} is not set in the environment; nothing starts without it")
    if without := [kind for kind in get_args(Kind) if kind != "none" and kind not in settings.deadlines]:
        notes.append(f"deadlines: none for {', '.join(without)}; such cases have no legal date")
    return notes


def prepared(path: Path) -> Plan:
    """Returns the plan with its folder made and, when no secret is set, the demo's secrets in its environment."""
    var = place.folder(path.resolve().parent, _settings(path, _Mistakes()), os.environ)
    place.prepare(var)
    migrate_mark.check(var, _settings(path, _Mistakes()))
    environment, is_demo = demo.environment(var, os.environ)
    made = plan(path, environment)
    if not is_demo:
        return made
    return replace(made, notes=(*made.notes, f"no secret is set: random ones for trying out are in {var / 'demo.env'}"))
