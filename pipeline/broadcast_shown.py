"""Broadcasts on a terminal: the list, one whole with every account, and what a draft would do."""

from collections.abc import Iterator, Sequence

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cases.broadcast_model import TROUBLED, Broadcast, Post, Target
from cases.broadcasts import APPROVALS
from pipeline.broadcast_files import PREFIX
from pipeline.cli_attachment import printable
from pipeline.cli_table import put, table
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
    "stays": ("cannot be removed", "bold red"),
    "kept": ("stays there, known", "dim"),
    "dropped": ("not posted", "dim"),
}
_AGAIN = ("tried again", "yellow")
_UNABLE = ("cannot post", "bold red")
_ACTS = {"is there": "saw it posted:", "is not there": "saw it is not posted:", "tried anew": "had tried anew:"}


def listing(found: Sequence[Broadcast]) -> None:
    """Prints one line for each."""
    made = table("id", "state", "posted", "drafted", "by", "title", cut=("title",))
    for one in found:
        drafted = f"{in_seoul(one.created_at):%Y-%m-%d %H:%M}"
        made.add_row(one.id, _state(one), _counted(one), drafted, _plain(one.drafted_by), _plain(one.title))
    put(made)


def whole(found: Broadcast) -> None:
    """Prints one with its words, who did what, every account, and last what is to be done now."""
    console = Console(highlight=False)
    console.print(f"[bold]{found.id}[/]  {_state(found)}  {_plain(found.title)}", soft_wrap=True)
    for line in _kin(found):
        typer.echo(line)
    typer.echo(f"\n{lines(found.text)}\n")
    for act in found.acts:
        why = f" {printable(act.why)}" if act.why else ""
        typer.echo(f"{in_seoul(act.at):%m-%d %H:%M}  {printable(act.who)} {_ACTS.get(act.what, act.what)}{why}")
    if found.posts:
        typer.echo()
        put(_accounts(found), console)
    typer.echo(_next(found))


def brief(found: Broadcast) -> None:
    """Prints one line: how far it has come, and what is to be done now."""
    typer.echo(f"{found.id}: {_next(found)}")


def rehearsed(found: Sequence[Target]) -> None:
    """Prints what a draft would say where."""
    made = table("account", "name", "how", "characters", "problem")
    seen: set[str] = set()
    for one in found:
        how = "repost" if one.is_linked and one.platform in seen else "post"
        seen.add(one.platform)
        account = _plain(f"{one.platform}:{one.account}")
        made.add_row(account, _plain(one.name), how, str(len(one.text)), _plain(one.problem))
    put(made)
    for text in dict.fromkeys(one.text for one in found):
        platforms = dict.fromkeys(one.platform for one in found if one.text == text)
        typer.echo(f"[{', '.join(platforms)}]\n{lines(text)}\n")
    typer.echo(f"a rehearsal: {len(found)} accounts, nothing was kept")


def warnings(found: Sequence[Target]) -> Iterator[str]:
    """Returns what is not as the person who decides would expect it, each thing once. Which account cannot post, and
    why, stands in its row of the table."""
    for platform in dict.fromkeys(one.platform for one in found):
        here = [one for one in found if one.platform == platform]
        cut = next((one for one in here if one.is_shortened), None)
        if cut:
            yield f"{platform}: the text is too long and was cut; --short says it in your own words:\n  {cut.text}"
        if not all(one.is_live for one in here):
            yield f"{platform}: has no way out and goes to files in var/outbox/{platform}"


def lines(text: str) -> str:
    """Returns a text without anything that would move a terminal's cursor."""
    return "\n".join(printable(line) for line in text.splitlines())


def _kin(found: Broadcast) -> Iterator[str]:
    if found.corrects:
        yield f"puts right {found.corrects}"
    for name in found.corrected_by:
        yield f"was put right by {name}"


def _accounts(found: Broadcast) -> Table:
    made = table("account", "how", "state", "tries", "next try", "post, or why not")
    for post in found.posts:
        again = in_seoul(post.retry_at) if post.state in ("queued", "recalling") and post.tries else None
        is_unable = post.state == "waiting" and post.error
        words, style = _AGAIN if again else _UNABLE if is_unable else _POSTS[post.state]
        made.add_row(
            _plain(f"{post.platform}:{post.account}"),
            post.role,
            f"[{style}]{words}[/]",
            str(post.tries or ""),
            f"{again:%H:%M:%S}" if again else "",
            _plain(_note(post)),
        )
    return made


def _note(post: Post) -> str:
    # The name of a file is longer than a line and says nothing more.
    where = f"a file in var/outbox/{post.platform}" if post.provider_id.startswith(PREFIX) else post.provider_id
    return where if post.state == "sent" else post.error or where


def _next(found: Broadcast) -> str:
    """Returns how far it has come, and what is to be done now."""
    if found.state == "draft":
        return f"{_approvals(found)}: broadcast approve {found.id} --by NAME{_unable(found)}"
    if found.state == "approved":
        return f"ready: broadcast send {found.id} --by NAME{_unable(found)}"
    counts = found.counts
    told = ", ".join(f"{counts[state]} {words}" for state, (words, _) in _POSTS.items() if counts.get(state))
    return "; ".join([f"{_counted(found)}: {told}", *_to_do(found)])


def _approvals(found: Broadcast) -> str:
    so_far = f"approvals {len(found.approvals)}/{APPROVALS}"
    if found.approvals:
        return f"{so_far}, by {printable(', '.join(found.approvals))}; somebody else has to approve, too"
    return f"{so_far}, of two different officers; {printable(found.drafted_by)}, who drafted it, may be one of them"


def _unable(found: Broadcast) -> str:
    """Returns how many accounts could not post as it is now; which ones, and why, stands in the table."""
    count = sum(bool(post.error) for post in found.posts)
    return f"\n{count} of {len(found.posts)} accounts cannot post: broadcast show {found.id}" if count else ""


def _to_do(found: Broadcast) -> Iterator[str]:
    """Returns what helps, each thing once."""
    counts, name = found.counts, found.id
    if counts.get("uncertain"):
        yield f"look there, then broadcast settle {name} ACCOUNT --there, or broadcast retry {name} ACCOUNT"
    if any(counts.get(state) for state in ("failed", "left")):
        yield f"mend why, then broadcast retry {name}"
    if counts.get("stays") and not found.corrected_by:
        yield f"tell the right words: broadcast correct {name} TEXT"
    if counts.get("stays") or counts.get("left"):
        yield f"what is deleted by hand, or shall stay: broadcast settle {name} ACCOUNT --not-there, or --there"


def _counted(found: Broadcast) -> str:
    """Returns how many of all accounts have it; of what was taken back, how many no longer do."""
    done = ("recalled", "dropped") if found.state == "recalled" else ("sent",)
    return f"{sum(found.counts.get(state, 0) for state in done)}/{len(found.posts)}"


def _state(found: Broadcast) -> str:
    words, style = _STATES[found.state]
    more = f" {len(found.approvals)}/{APPROVALS}" if found.state == "draft" else ""
    counts = found.counts
    trouble = ", ".join(f"{counts[state]} {_POSTS[state][0]}" for state in TROUBLED if counts.get(state))
    return f"[{style}]{words}{more}[/]" + (f", [bold red]{trouble}[/]" if trouble else "")


def _plain(text: str) -> str:
    return escape(printable(text))
