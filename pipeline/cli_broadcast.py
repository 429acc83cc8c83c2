"""`eungdapso broadcast`: one text to everybody who follows the city, on every platform, released by two officers."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cases.broadcast_model import Broadcast, Draft, Target
from cases.broadcasts import APPROVALS
from core.errors import ConfigError
from pipeline.broadcast_targets import EVERYBODY, announcers, written
from pipeline.cli import CONFIG, DEFAULT, show
from pipeline.cli_attachment import printable
from pipeline.cli_case import BY, JSON, Desk, desk
from web.broadcasts import as_posted, as_staff_sees, as_targeted

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
_STATES = {"draft": "승인 대기", "approved": "승인됨", "sending": "보내는 중", "done": "끝남", "recalled": "회수됨"}
_POSTS = {
    "waiting": "대기",
    "queued": "대기",
    "sending": "보내는 중",
    "sent": "게시됨",
    "failed": "실패",
    "uncertain": "확인 필요",
    "recalling": "회수 중",
    "removing": "회수 중",
    "recalled": "회수됨",
    "left": "회수 실패",
    "dropped": "보내지 않음",
}
_ACTS = {
    "drafted": "작성",
    "approved": "승인",
    "sent": "발송",
    "recalled": "회수",
    "tried anew": "다시 시도",
    "is there": "게시 확인",
    "is not there": "미게시 확인",
}


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
    _drafted(config, text, title, short, group, "", dry_run, by, json)


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
    _drafted(config, text, title, short, "", number, dry_run, by, json)


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
    if not found:
        typer.echo("방송이 없습니다")
        return
    table = _table("번호", "상태", "게시", "작성", "제목")
    for one in found:
        table.add_row(one.id, _state(one), _share(one), _at(one), escape(printable(one.title)))
    Console().print(table)


@app.command("show")
def show_(number: ID, json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """Show one whole: its words, who approved, and how far every account has come."""
    with desk(config) as at:
        found = at.store.broadcasts.get(number)
    _tell(found, json=json)


@app.command()
def approve(number: ID, by: BY = "", json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """Say that it may go out; two different officers have to, and whoever drafted it may be one of them."""
    _act(config, _officer(by), json, lambda at: at.store.broadcasts.approve(number, at.by.name))


@app.command()
def send(number: ID, wait: WAIT = 10, by: BY = "", json: JSON = False, config: CONFIG = DEFAULT) -> None:
    """Let it go out; the running pipeline posts. Said again, nothing goes out twice."""
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
    """Say what you saw of a post that nobody could tell of."""
    _act(
        config,
        _officer(by),
        json,
        lambda at: at.store.broadcasts.settle(number, at.by.name, account, is_there=is_there, provider_id=post),
    )


def _drafted(
    config: Path, text: str, title: str, short: str, group: str, corrects: str, dry_run: bool, by: str, json: bool
) -> None:
    with desk(config, by if dry_run else _officer(by)) as at:
        given = Draft(audience=group, title=title, text=_read(text), short=short, targets=(), corrects=corrects)
        new = written(at.plan.city, announcers(at.plan), at.store.broadcasts, given)
        if dry_run:
            _rehearse(new.targets, json=json)
            return
        made = at.store.broadcasts.draft(new, at.by.name)
    if not json:
        _warn(new.targets)
    _tell(made, json=json)


def _rehearse(found: Sequence[Target], *, json: bool) -> None:
    if json:
        show([as_targeted(target) for target in found])
        return
    table = _table("계정", "이름", "방식", "글자", "문제")
    seen: set[str] = set()
    for one in found:
        how = "재게시" if one.is_linked and one.platform in seen else "게시"
        seen.add(one.platform)
        table.add_row(f"{one.platform}:{one.account}", one.name, how, str(len(one.text)), escape(one.problem))
    Console().print(table)
    for text in dict.fromkeys(one.text for one in found):
        platforms = dict.fromkeys(one.platform for one in found if one.text == text)
        typer.echo(f"[{', '.join(platforms)}]\n{_lines(text)}\n")
    _warn(found)
    typer.echo(f"연습입니다. 계정 {len(found)}개, 저장하지 않았습니다")


def _warn(found: Sequence[Target]) -> None:
    """Tells the person who decides what is not as it should be, each thing once."""
    for platform in dict.fromkeys(one.platform for one in found):
        here = [one for one in found if one.platform == platform]
        cut = next((one for one in here if one.is_shortened), None)
        if cut:
            typer.echo(f"{platform}: 글이 길어 줄였습니다. --short로 직접 쓸 수 있습니다:\n  {cut.text}", err=True)
        if not all(one.is_live for one in here):
            typer.echo(f"{platform}: 연결되지 않아 var/outbox/{platform}에 파일로만 남깁니다", err=True)
        for problem in [one for one in here if one.problem]:
            typer.echo(f"{platform}:{problem.account}: {problem.problem}", err=True)


def _officer(by: str) -> str:
    """Returns who acts; two that nobody can tell apart would be one."""
    if not by.strip():
        raise typer.BadParameter("누가 하는지 적어 주십시오: --by 이름", param_hint="--by")
    return by


def _act(config: Path, by: str, json: bool, act: Callable[[Desk], Broadcast]) -> None:
    with desk(config, by) as at:
        found = act(at)
    _tell(found, json=json)


def _looked_on(at: Desk, found: Broadcast, seconds: float) -> Broadcast:
    """Looks on while posts are on their way: not for those that wait for their next try."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(_is_moving(post.state, post.tries) for post in found.posts):
        time.sleep(_LOOK_SECONDS)
        found = at.store.broadcasts.get(found.id)
    return found


def _is_moving(state: str, tries: int) -> bool:
    return state in ("sending", "removing") or (state in ("queued", "recalling") and not tries)


def _tell(found: Broadcast, *, json: bool) -> None:
    if json:
        show(as_staff_sees(found))
        return
    typer.echo(f"{found.id}  {_state(found)}  {printable(found.title)}")
    typer.echo(f"\n{_lines(found.text)}\n")
    if found.posts:
        Console().print(_posts(found))
    for act in found.acts:
        why = f" · {printable(act.why)}" if act.why else ""
        typer.echo(f"{as_posted(act.at):%m-%d %H:%M}  {printable(act.who)}: {_ACTS.get(act.what, act.what)}{why}")
    typer.echo(_next(found))


def _posts(found: Broadcast) -> Table:
    table = _table("계정", "방식", "상태", "시도", "다음 시도", "글 번호·사유")
    for post in found.posts:
        again = as_posted(post.retry_at) if post.state in ("queued", "recalling") and post.tries else None
        note = post.provider_id if post.state == "sent" else post.error or post.provider_id
        table.add_row(
            f"{post.platform}:{post.account}",
            "재게시" if post.role == "repost" else "게시",
            "다시 시도 예정" if again else _POSTS[post.state],
            str(post.tries or ""),
            f"{again:%H:%M:%S}" if again else "",
            escape(printable(note)),
        )
    return table


def _next(found: Broadcast) -> str:
    """Returns what is to be done now."""
    share, count = _share(found), len(found.approvals)
    if found.state == "draft":
        return f"승인 {count}/{APPROVALS}. 서로 다른 두 사람이 승인해야 합니다: broadcast approve {found.id} --by 이름"
    if found.state == "approved":
        return f"보낼 수 있습니다: broadcast send {found.id}"
    unsure = [post for post in found.posts if post.state in ("uncertain", "left", "failed")]
    if unsure:
        return f"{share}. 확인할 계정 {len(unsure)}개: broadcast retry 또는 settle"
    return share


def _share(found: Broadcast) -> str:
    counts = found.counts
    done = "recalled" if found.state == "recalled" else "sent"
    return f"{_POSTS[done]} {counts.get(done, 0)}/{len(found.posts)}"


def _state(found: Broadcast) -> str:
    if found.state == "draft":
        return f"{_STATES['draft']} {len(found.approvals)}/{APPROVALS}"
    return _STATES[found.state]


def _at(found: Broadcast) -> str:
    return f"{as_posted(found.created_at):%m-%d %H:%M}"


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines())


def _read(text: str) -> str:
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise ConfigError("standard input is no UTF-8. Write the text in UTF-8") from error


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold")
    return table
