"""`eungdapso case` and `eungdapso key`: an officer's work from the terminal."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from msgspec.structs import asdict

from cases.keys import BROADCASTS
from cases.letters import moment
from cases.model import STATES, By, Case, Entry
from cases.store import CaseStore
from core.clock import clock_of
from core.decision import Kind
from core.errors import ConfigError, Unavailable
from core.wire import Routed
from pipeline import bell, cli_heard, cli_names
from pipeline.build import Plan, prepared
from pipeline.cli import CONFIG, DEFAULT, show, told
from pipeline.cli_table import put, table
from pipeline.engines import EMBEDDED
from pipeline.preview import shown
from web.shown import as_found, in_seoul

app = typer.Typer(
    help="List, read and work on cases. What an officer writes reaches the citizen in the channel.",
    no_args_is_help=True,
)
key = typer.Typer(
    help="Keys by which programs use the API, each for one queue or for broadcasts: made, listed, taken back.",
    no_args_is_help=True,
)

NUMBER = Annotated[
    str, typer.Argument(metavar="N", help="The case's number, e.g. 20261123-000001-0; `case list` shows them.")
]
JSON = Annotated[bool, typer.Option("--json", help="For machines.")]
BY = Annotated[str, typer.Option("--by", help="Who acts; stands in the history.")]
WHY = Annotated[str, typer.Option("--why", help="The reason; the citizen may read it.")]
_MOST_HITS = 1_000


@dataclass(frozen=True)
class Desk:
    """An open case store beside a running instance, or without one."""

    plan: Plan
    store: CaseStore
    by: By


@contextmanager
def desk(config: Path, by: str = "") -> Iterator[Desk]:
    """Opens the store, and rings for the relay when the work is done."""
    with told():
        plan = prepared(config)
        if plan.settings.cases == EMBEDDED and not (plan.var / "cases.sqlite").exists():
            typer.echo(f"note: {plan.var} holds no cases yet; another folder is named in EUNGDAPSO_VAR", err=True)
        store = plan.store(plan.seal(), clock_of(plan.environment))
        store.open()
        try:
            yield Desk(plan, store, By(by or os.environ.get("USER", "terminal")))
        finally:
            store.close()
        bell.ring(plan.var / bell.OUTBOX)


@app.command("list")
def list_(
    queue: Annotated[str | None, typer.Option(help="Only this queue: gangnam, hq.bus, triage, …")] = None,
    state: Annotated[str | None, typer.Option(help=f"Only this state: {', '.join(STATES)}.")] = None,
    search: Annotated[str, typer.Option(help="Only what contains these words; recorded mail without a case too.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    after: Annotated[
        str, typer.Option("--after", metavar="N", help="The page behind this case: the number that a page ends with.")
    ] = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """List cases, the next due first. The number of the last one, given as --after, leads to the next page."""
    with desk(config) as at:
        _must_be_known(at.plan, queue, state)
        if search and after:
            raise ConfigError("--after goes on in a list; what --search finds is one page. Set a higher --limit")
        rows = _searched(at, search, queue, state, limit) if search else _listed(at, queue, state, limit, after)
        if json:
            show(rows)
        else:
            _print(rows)
        if not search and len(rows) == limit:
            typer.echo(f"go on with --after {rows[-1]['number']}", err=True)


def _must_be_known(plan: Plan, queue: str | None, state: str | None) -> None:
    if state is not None:
        cli_names.known("--state", state, STATES, "state")
    if queue is not None:
        cli_names.queue("--queue", queue, plan.city)


def _listed(at: Desk, queue: str | None, state: Any, limit: int, after: str) -> list[dict[str, Any]]:
    views = at.store.views
    last = views.case(after, at.by) if after else None
    return [as_found(case) for case in views.listed(queue=queue, state=state, limit=limit, after=last)]


def _searched(at: Desk, words: str, queue: str | None, state: str | None, limit: int) -> list[dict[str, Any]]:
    try:
        with closing(at.plan.engines.find()) as find:
            ids = find(words, _MOST_HITS)
    except Unavailable as error:
        raise Unavailable(f"the search index cannot be read: {error.reason}. A running pipeline mends it") from error
    rows: dict[str, dict[str, Any]] = {}
    for found in at.store.views.found(ids):
        if (queue is None or (found.case and found.case.queue == queue)) and state in (None, found.state):
            rows.setdefault(found.number or found.message, as_found(found.case or found))
    return list(rows.values())[:limit]


def _print(rows: list[dict[str, Any]]) -> None:
    if not rows:
        typer.echo("nothing found")
        return
    # A narrow terminal cuts the topic off and nothing else.
    made = table("number", "state", "queue", "topic", "received", "due", cut=("topic",))
    for row in rows:
        urgent = "[bold]![/bold]" if row.get("urgent") else ""
        made.add_row(
            urgent + (row["number"] or "—"),
            row["state"],
            " ".join(row.get(name) or "" for name in ("queue", "unit", "assignee")).strip(),
            row.get("topic") or row.get("reason", ""),
            f"{row['received_at']:%m-%d %H:%M}" if row.get("received_at") else "",
            f"{row['due_at']:%m-%d}" if row.get("due_at") else "",
        )
    put(made)


@app.command("show")
def show_(number: NUMBER, json: JSON = False, by: BY = "", config: CONFIG = DEFAULT) -> None:
    """Show a case whole: what was written, what was decided and why, what happened, what was sent."""
    with desk(config, by) as at:
        views = at.store.views
        case, decided = views.case(number, at.by), views.decisions(number, at.by)
        whole = _whole(case, decided, views.history(number, at.by))
    if json:
        show(whole)
        return
    _print([whole])
    _print_words(whole)
    for line in whole["history"]:
        typer.echo(_history_line(line))


def _print_words(whole: dict[str, Any]) -> None:
    """Who wrote what, and what was made of it."""
    address = whole["reply_to"] or "nowhere to write to"
    typer.echo(f"from {whole['author'] or 'nobody who gave a name'} by {whole['channel']}, answers to {address}")
    for message in whole["messages"]:
        typer.echo(f"\n[{moment(message['received_at'])}] {message['subject']}".rstrip())
        typer.echo(message["text"])
    decision = whole["decision"]
    if decision:
        because = "; ".join(decision["because"]) or "nothing that anyone knows"
        typer.echo(f"\ndecided by the rule '{decision['rule']}': {because}")
    typer.echo()


def _history_line(line: dict[str, Any]) -> str:
    detail = line["detail"]
    words = [
        line["what"],
        line["why"],
        *(str(detail[name]) for name in ("letter", "channel", "text") if name in detail),
    ]
    return f"{line['at']:%Y-%m-%d %H:%M}  {line['who']}: {' · '.join(word for word in words if word)}"


def _whole(case: Case, decided: Sequence[Routed], history: Sequence[Entry]) -> dict[str, Any]:
    return as_found(case) | {
        "author": case.author,
        "reply_to": case.reply_to,
        "messages": [
            {"received_at": in_seoul(r.message.received_at), "subject": r.message.subject, "text": r.message.text}
            for r in decided
        ],
        "decision": shown(decided[0].decision) if decided else None,
        "history": [
            {"at": in_seoul(e.at), "who": e.who, "what": e.what, "why": e.why, "detail": e.detail} for e in history
        ],
    }


def _act(config: Path, by: str, act: Callable[[Desk], Case], json: bool) -> None:
    with desk(config, by) as at:
        case = act(at)
        if json:
            show(as_found(case))
            return
        _print_state(case)


def _print_state(case: Case) -> None:
    due = f", due {in_seoul(case.due_at):%Y-%m-%d}" if case.due_at and case.is_open else ""
    typer.echo(f"{case.number}: {case.state} in {case.queue or 'no queue'}{due}")


@app.command()
def answer(
    number: NUMBER,
    text: Annotated[str, typer.Argument(help="What the citizen is answered.")],
    picture: Annotated[
        list[Path] | None, typer.Option(help="A photograph that goes with it, where the channel carries any; several.")
    ] = None,
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Answer the citizen; the case is done. Says first where the words go: to the citizen, or nowhere."""
    with desk(config, by) as at:
        case = _answered(at, number, text, picture or [])
        heard = at.store.officer.heard(case.number, at.by)
        if json:
            show(as_found(case) | {"words": cli_heard.fields(heard, at.plan) if heard else None})
            return
        if heard:
            typer.echo(cli_heard.sentence(heard, case.number, at.plan))
        _print_state(case)


def _answered(at: Desk, number: str, text: str, paths: Sequence[Path]) -> Case:
    if not paths:
        return at.store.officer.answer(number, text, at.by)
    from pipeline.pictures import picture_of

    channel = at.store.views.case(number, at.by).channel
    part = at.plan.connectors.get(channel)
    most = part.pictures if part else 0
    if len(paths) > most:
        raise ConfigError(f"--picture: {channel} carries {most or 'no'} pictures; answer in words, or give fewer")
    pictures = tuple(picture_of(path, place + 1) for place, path in enumerate(paths))
    return at.store.officer.answer(number, text, at.by, pictures=pictures)


@app.command()
def assign(
    number: NUMBER,
    unit: Annotated[str, typer.Option(help="A unit of the case's district: 청소, 주차, …")] = "",
    to: Annotated[str, typer.Option("--to", help="The officer.")] = "",
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Give the case to a unit, an officer, or both."""
    _act(config, by, lambda at: at.store.officer.assign(number, at.by, unit=unit, to=to), json)


@app.command()
def kind(
    number: NUMBER,
    to: Annotated[
        str, typer.Argument(metavar="KIND", help=f"One of {', '.join(k for k in get_args(Kind) if k != 'none')}.")
    ],
    why: WHY = "",
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Change the kind, and with it the legal date; a date that moved is told to the citizen."""

    def change(at: Desk) -> Case:
        return at.store.officer.set_kind(number, cli_names.kind(to, get_args(Kind)), at.by, why=why)

    _act(config, by, change, json)


@app.command()
def topic(
    number: NUMBER,
    to: Annotated[str, typer.Argument(metavar="TOPIC", help="A topic's id, as config/topics.toml has it.")],
    why: WHY = "",
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Say what the case is about; `eungdapso train` learns from it."""

    def change(at: Desk) -> Case:
        return at.store.officer.set_topic(number, cli_names.topic(to, at.plan.city), at.by, why=why)

    _act(config, by, change, json)


@app.command()
def transfer(
    number: NUMBER,
    to: Annotated[str, typer.Option("--to", help="The queue that gets it: gangnam, hq.bus, triage, …")],
    why: WHY,
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Hand the case to another queue; the citizen is told who has it."""

    def change(at: Desk) -> Case:
        return at.store.officer.transfer(number, cli_names.queue("--to", to, at.plan.city), at.by, why=why)

    _act(config, by, change, json)


@app.command()
def extend(number: NUMBER, why: WHY, by: BY = "", json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """Extend the period once, by its own length, with the reason that the law asks for."""
    _act(config, by, lambda at: at.store.officer.extend(number, at.by, why=why), json)


@app.command()
def close(number: NUMBER, why: WHY, by: BY = "", json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """End the case without an answer, with a lawful reason that the citizen is told."""
    _act(config, by, lambda at: at.store.officer.close(number, at.by, why=why), json)


@app.command()
def withdraw(
    number: NUMBER,
    why: Annotated[str, typer.Option("--why", help="What the citizen said, if anything.")] = "",
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """End the case because the citizen took it back."""
    _act(config, by, lambda at: at.store.officer.withdraw(number, at.by, why=why), json)


@app.command()
def release(
    number: NUMBER,
    back: Annotated[bool, typer.Option("--back", help="Take the release back.")] = False,
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Let everybody who asks the same read this answered case, masked; confidential ones are never shown."""
    _act(config, by, lambda at: at.store.officer.release(number, at.by, released=not back), json)


@app.command()
def reopen(number: NUMBER, why: WHY, by: BY = "", json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """Take a finished case up again in its queue."""
    _act(config, by, lambda at: at.store.officer.reopen(number, at.by, why=why), json)


@key.command()
def add(
    queue: Annotated[
        str, typer.Option("--queue", help="The queue that the key opens: gangnam, hq.bus, triage, …; or broadcasts.")
    ],
    holder: Annotated[str, typer.Option("--for", help="Who holds it; broadcasts are approved in this name.")] = "",
    by: BY = "",
    config: CONFIG = DEFAULT,
) -> None:
    """Make a key for one queue. It is shown once and kept as a digest."""
    with desk(config, by) as at:
        cli_names.queue("--queue", queue, at.plan.city, BROADCASTS)
        typer.echo(at.store.keys.add(queue, by=at.by.name, holder=holder))


@key.command("list")
def keys(json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """List the keys that open something: the id by which one is taken back, its queue, its maker and its holder."""
    with desk(config) as at:
        rows = [asdict(one) | {"created_at": in_seoul(one.created_at)} for one in at.store.keys.listed()]
    if json:
        show(rows)
        return
    lines = [("id", "queue", "made", "by", "for")]
    lines += [
        (row["id"], row["queue"], f"{row['created_at']:%Y-%m-%d %H:%M}", row["created_by"], row["holder"])
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines if rows else ():
        typer.echo("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())


@key.command()
def revoke(
    named: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `key list` shows it, or the key.")],
    config: CONFIG = DEFAULT,
) -> None:
    """Take a key back; from now on it opens nothing."""
    with desk(config) as at:
        gone = at.store.keys.revoke(named)
        typer.echo(f"{gone.id}: revoked, it opened {gone.queue}")
