"""Broadcasts on a terminal: the list, one whole with every account, and what a draft would do."""

from collections.abc import Iterator, Sequence

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cases.broadcast_model import TROUBLED, Broadcast, Post, Target
from cases.broadcasts import APPROVALS
from pipeline.cli_attachment import printable
from web.shown import in_seoul

# Colours only repeat what the words say.
_STATES = {
    "draft": ("awaits approval", "yellow"),
    "approved": ("approved", "cyan"),
    "sending": ("going out", "cyan"),
    "done": ("done", "green"),
    "recalled": ("taken back", "magenta"),
}
_POSTS = {
    "waiting": ("waits", "dim"),
    "queued": ("due", "cyan"),
    "sending": ("posting", "cyan"),
    "sent": ("posted", "green"),
    "failed": ("failed", "bold red"),
    "uncertain": ("unsure", "bold yellow"),
    "recalling": ("to be removed", "cyan"),
    "removing": ("removing", "cyan"),
    "recalled": ("removed", "green"),
    "left": ("still there", "bold red"),
    "dropped": ("not posted", "dim"),
}
_AGAIN = ("tried again", "yellow")
_ACTS = {"is there": "saw it posted:", "is not there": "saw it is not posted:", "tried anew": "had tried anew:"}


def listing(found: Sequence[Broadcast]) -> None:
    """Prints one line for each."""
    table = _table("id", "state", "posted", "drafted", "by", "title")
    for one in found:
        drafted = f"{in_seoul(one.created_at):%Y-%m-%d %H:%M}"
        table.add_row(one.id, _state(one), _counted(one), drafted, _plain(one.drafted_by), _plain(one.title))
    Console().print(table)


def whole(found: Broadcast) -> None:
    """Prints one with its words, who did what, every account, and last what is to be done now."""
    console = Console(highlight=False)
    console.print(f"[bold]{found.id}[/]  {_state(found)}  {_plain(found.title)}")
    for line in _kin(found):
        typer.echo(line)
    typer.echo(f"\n{lines(found.text)}\n")
    for act in found.acts:
        why = f" {printable(act.why)}" if act.why else ""
        typer.echo(f"{in_seoul(act.at):%m-%d %H:%M}  {printable(act.who)} {_ACTS.get(act.what, act.what)}{why}")
    if found.posts:
        console.print()
        console.print(_accounts(found))
    typer.echo(_next(found))


def rehearsed(found: Sequence[Target]) -> None:
    """Prints what a draft would say where."""
    table = _table("account", "name", "how", "characters", "problem")
    seen: set[str] = set()
    for one in found:
        how = "repost" if one.is_linked and one.platform in seen else "post"
        seen.add(one.platform)
        account = _plain(f"{one.platform}:{one.account}")
        table.add_row(account, _plain(one.name), how, str(len(one.text)), _plain(one.problem))
    Console().print(table)
    for text in dict.fromkeys(one.text for one in found):
        platforms = dict.fromkeys(one.platform for one in found if one.text == text)
        typer.echo(f"[{', '.join(platforms)}]\n{lines(text)}\n")
    typer.echo(f"a rehearsal: {len(found)} accounts, nothing was kept")


def warnings(found: Sequence[Target]) -> Iterator[str]:
    """Returns what is not as the person who decides would expect it, each thing once."""
    for platform in dict.fromkeys(one.platform for one in found):
        here = [one for one in found if one.platform == platform]
        cut = next((one for one in here if one.is_shortened), None)
        if cut:
            yield f"{platform}: the text is too long and was cut; --short says it in your own words:\n  {cut.text}"
        if not all(one.is_live for one in here):
            yield f"{platform}: has no way out and goes to files in var/outbox/{platform}"
        for problem in [one for one in here if one.problem]:
            yield f"{platform}:{problem.account}: {problem.problem}"


def lines(text: str) -> str:
    """Returns a text without anything that would move a terminal's cursor."""
    return "\n".join(printable(line) for line in text.splitlines())


def _kin(found: Broadcast) -> Iterator[str]:
    if found.corrects:
        yield f"puts right {found.corrects}"
    for name in found.corrected_by:
        yield f"was put right by {name}"


def _accounts(found: Broadcast) -> Table:
    table = _table("account", "how", "state", "tries", "next try", "post, or why not")
    for post in found.posts:
        again = in_seoul(post.retry_at) if post.state in ("queued", "recalling") and post.tries else None
        words, style = _AGAIN if again else _POSTS[post.state]
        table.add_row(
            _plain(f"{post.platform}:{post.account}"),
            post.role,
            f"[{style}]{words}[/]",
            str(post.tries or ""),
            f"{again:%H:%M:%S}" if again else "",
            _plain(_note(post)),
        )
    return table


def _note(post: Post) -> str:
    return post.provider_id if post.state == "sent" else post.error or post.provider_id


def _next(found: Broadcast) -> str:
    """Returns how far it has come, and what is to be done now."""
    count = len(found.approvals)
    if found.state == "draft":
        return (
            f"approvals {count}/{APPROVALS}, of two different officers; {printable(found.drafted_by)}, who drafted it, "
            f"may be one of them: broadcast approve {found.id} --by NAME"
        )
    if found.state == "approved":
        return f"ready: broadcast send {found.id} --by NAME"
    counts = found.counts
    told = ", ".join(f"{counts[state]} {words}" for state, (words, _) in _POSTS.items() if counts.get(state))
    if counts.get("uncertain"):
        told += "; look there, then broadcast settle or retry"
    elif any(counts.get(state) for state in TROUBLED):
        told += "; look there, then broadcast retry"
    return f"{_counted(found)}: {told}"


def _counted(found: Broadcast) -> str:
    """Returns how many of all accounts have it; of what was taken back, how many no longer do."""
    done = ("recalled", "dropped") if found.state == "recalled" else ("sent",)
    return f"{sum(found.counts.get(state, 0) for state in done)}/{len(found.posts)}"


def _state(found: Broadcast) -> str:
    words, style = _STATES[found.state]
    more = f" {len(found.approvals)}/{APPROVALS}" if found.state == "draft" else ""
    return f"[{style}]{words}{more}[/]"


def _plain(text: str) -> str:
    return escape(printable(text))


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold")
    return table
