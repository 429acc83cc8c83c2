"""`eungdapso broadcast`: one text to everybody who follows the city, on every platform, released by two officers."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from cases.broadcast_model import Broadcast, Draft
from core.errors import ConfigError
from pipeline import place
from pipeline.broadcast_shown import brief, listing, rehearsed, warnings, whole
from pipeline.broadcast_targets import EVERYBODY, announcers, written
from pipeline.cli import CONFIG, DEFAULT, show
from pipeline.cli_case import BY, JSON, Desk, desk
from pipeline.engines import EMBEDDED
from web.broadcasts import as_staff_sees, as_targeted

app = typer.Typer(
    help="Tell everybody at once: draft, have two officers approve, send, put right, take back.", no_args_is_help=True
)

ID = Annotated[str, typer.Argument(metavar="ID", help="The broadcast, as `broadcast list` shows it.")]
TEXT = Annotated[str, typer.Argument(help="What everybody is told; - reads it from standard input.")]
TITLE = Annotated[str, typer.Option("--title", help="Stands in the public list; left out: how the text begins.")]
SHORT = Annotated[str, typer.Option("--short", help="What is said where the text is too long.")]
GROUP = Annotated[str, typer.Option("--group", help="Only accounts of this group of config/accounts.toml.")]
DRY = Annotated[bool, typer.Option("--dry-run", help="Show what would go out where, and keep nothing.")]
WAIT = Annotated[float, typer.Option("--wait", min=0, help="Look on for so many seconds at most.")]
_LOOK_SECONDS = 0.25


@app.command()
def draft(
    text: TEXT,
    title: TITLE = "",
    short: SHORT = "",
    group: GROUP = EVERYBODY,
    dry_run: DRY = False,
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Write one; shows account by account exactly what would go out. Nothing goes out before two officers approve."""
    asked = Draft(audience=group, title=title, text=text, short=short, targets=())
    _drafted(config, asked, by, dry_run=dry_run, json=json)


@app.command()
def correct(
    number: ID,
    text: TEXT,
    title: TITLE = "",
    short: SHORT = "",
    dry_run: DRY = False,
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Write another one in its place. When two officers have approved and it is sent, the wrong one is taken back."""
    asked = Draft(audience="", title=title, text=text, short=short, targets=(), corrects=number)
    _drafted(config, asked, by, dry_run=dry_run, json=json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 20,
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """List broadcasts, the newest first."""
    with desk(config) as at:
        found = at.store.broadcasts.listed(limit=limit)
    if json:
        show([as_staff_sees(one) for one in found])
        return
    if found:
        listing(found)
    else:
        typer.echo("there is no broadcast")


@app.command("show")
def show_(number: ID, json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """Show one whole: its words, who approved, and how far every account has come."""
    with desk(config) as at:
        found = at.store.broadcasts.get(number)
    _tell(found, json=json)


@app.command()
def approve(number: ID, by: BY = "", json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """Say that it may go out; two different officers have to. Who drafted it may be one of them, and counts once."""
    _act(config, _officer(by), json, lambda at: at.store.broadcasts.approve(number, at.by.name))


@app.command()
def send(number: ID, wait: WAIT = 10, by: BY = "", json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """Let it go out; the running pipeline posts. Says so when none runs. Said again, nothing goes out twice."""
    with desk(config, _officer(by)) as at:
        found = _looked_on(at, at.store.broadcasts.send(number, at.by.name), wait)
    _tell(found, json=json)


@app.command()
def recall(
    number: ID,
    why: Annotated[str, typer.Option("--why", help="The reason; it stands in the history.")],
    wait: WAIT = 10,
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Take it back everywhere; one officer may. What has not gone out yet no longer does."""
    with desk(config, _officer(by)) as at:
        found = _looked_on(at, at.store.broadcasts.recall(number, at.by.name, why), wait)
    _tell(found, json=json)


@app.command()
def retry(
    number: ID,
    account: Annotated[str, typer.Argument(help="Only this account: x:Seoul_eds; left out: all that failed.")] = "",
    wait: WAIT = 10,
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Try anew what failed. What is unsure goes out again only when its account is named: look there first."""
    with desk(config, _officer(by)) as at:
        found = _looked_on(at, at.store.broadcasts.again(number, at.by.name, account), wait)
    _tell(found, json=json)


@app.command()
def settle(
    number: ID,
    account: Annotated[str, typer.Argument(help="The account where you looked: x:Seoul_eds.")],
    is_there: Annotated[bool, typer.Option("--there/--not-there", help="Whether the post stands there.")],
    post: Annotated[str, typer.Option("--post", help="The platform's id of the post, if you know it.")] = "",
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Say what you saw of a post that nobody could tell of, or that could not be taken back."""
    _act(
        config,
        _officer(by),
        json,
        lambda at: at.store.broadcasts.settle(number, at.by.name, account, is_there=is_there, provider_id=post),
    )


def _drafted(config: Path, asked: Draft, by: str, *, dry_run: bool, json: bool) -> None:
    with desk(config, by if dry_run else _officer(by)) as at:
        given = replace(asked, text=_read(asked.text))
        new = written(at.plan.city, announcers(at.plan), at.store.broadcasts, given)
        made = None if dry_run else at.store.broadcasts.draft(new, at.by.name)
    if made is None and json:
        show([as_targeted(target) for target in new.targets])
        return
    if made is None:
        rehearsed(new.targets)
    if not json:
        for warning in warnings(new.targets):
            typer.echo(warning, err=True)
    if made is not None:
        _tell(made, json=json)


def _officer(by: str) -> str:
    """Returns who acts; two that nobody can tell apart would be one."""
    if not by.strip():
        raise typer.BadParameter("say who acts: --by NAME", param_hint="--by")
    return by


def _act(config: Path, by: str, json: bool, act: Callable[[Desk], Broadcast]) -> None:
    """Does it and says in a line what is next; the table is what `show` is for."""
    with desk(config, by) as at:
        found = act(at)
    if json:
        show(as_staff_sees(found))
    else:
        brief(found)


def _looked_on(at: Desk, found: Broadcast, seconds: float) -> Broadcast:
    """Looks on while posts are on their way: not for those that wait for their next try. Says so when nobody will
    bring them out."""
    is_here = at.plan.settings.cases == EMBEDDED
    if is_here and _is_left(found) and not place.is_held(at.plan.var, "sinks"):
        typer.echo(f"{found.id}: no instance runs here that would post; `eungdapso run` starts one", err=True)
        return found
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(_is_moving(post.state, post.tries) for post in found.posts):
        time.sleep(_LOOK_SECONDS)
        found = at.store.broadcasts.get(found.id)
    if not is_here and seconds and _is_left(found):
        typer.echo(
            f"{found.id}: nobody has begun within {seconds:g} s; does an instance with the role sinks run?", err=True
        )
    return found


def _is_moving(state: str, tries: int) -> bool:
    return state in ("sending", "removing") or (state in ("queued", "recalling") and not tries)


def _is_left(found: Broadcast) -> bool:
    """Whether there is something to do that nobody has begun."""
    due = [post for post in found.posts if post.state in ("queued", "sending", "recalling", "removing")]
    return bool(due) and all(post.state in ("queued", "recalling") and not post.tries for post in due)


def _tell(found: Broadcast, *, json: bool) -> None:
    if json:
        show(as_staff_sees(found))
    else:
        whole(found)


def _read(text: str) -> str:
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise ConfigError("standard input is no UTF-8. Write the text in UTF-8") from error
