"""Which accounts a broadcast would go to, and exactly what it would say on each."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from cases.broadcast_model import Draft, Target
from cases.broadcasts import Broadcasts
from config.near import nearest
from config.schema import Account, City
from core.announce import Announcer
from core.errors import ConfigError, Rejected
from core.text import clean
from pipeline.broadcast_files import FileAnnouncer
from pipeline.build import Plan

EVERYBODY = "all"
CORRECTION = "[정정]"
_MOST_TITLE = 60


def announcers(plan: Plan) -> dict[str, Announcer]:
    """Returns who posts, by channel; into files where the way out is not set up."""
    made = {name: part.announcer() for name, part in plan.connectors.items()}
    return {
        name: one if one.is_live else FileAnnouncer(name, one, plan.var / "outbox" / name)
        for name, one in made.items()
        if one is not None
    }


def written(city: City, posting: Mapping[str, Announcer], known: Broadcasts, draft: Draft) -> Draft:
    """Returns the draft as it would be kept: with its title and, account by account, its words.

    What puts another one right goes where that went, and says so. Raises `ConfigError` for a group that is not there,
    `Rejected` for a broadcast that is not.
    """
    text, short, audience = draft.text.strip(), draft.short.strip(), draft.audience
    if draft.corrects:
        text, short = _corrected(text), _corrected(short)
        audience = audience or known.get(draft.corrects).audience
    if not text:
        raise Rejected("there is no text to send")
    audience = audience or EVERYBODY
    chosen = tuple(targets(city, posting, audience, text, short))
    return replace(draft, audience=audience, title=_title(draft.title, text), text=text, short=short, targets=chosen)


def targets(city: City, posting: Mapping[str, Announcer], audience: str, text: str, short: str = "") -> list[Target]:
    """Returns every account of the group with its words. On each platform whoever may answer there comes first: it
    posts where the others only repost. Raises `ConfigError` for a group that is not there."""
    chosen = [_target(account, posting.get(account.platform), text, short) for account in _group(city, audience)]
    platforms = list(dict.fromkeys(account.platform for account in city.accounts))
    answering = {(account.platform, account.handle) for account in city.accounts if account.may_answer}

    def order(target: Target) -> tuple[int, bool, bool]:
        is_answering = (target.platform, target.account) in answering
        return platforms.index(target.platform), bool(target.problem), not is_answering

    return sorted(chosen, key=order)


def unready(city: City, posting: Mapping[str, Announcer]) -> list[str]:
    """Returns which accounts that may broadcast could not post now, a line for each reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for account in _group(city, EVERYBODY):
        if reason := _problem(account, posting.get(account.platform)):
            same = account.platform, reason.replace(account.handle, "<handle>")
            found.setdefault(same, []).append(f"{account.platform}:{account.handle}")
    return [f"cannot broadcast: {', '.join(names)}: {reason}" for (_, reason), names in found.items()]


def _problem(account: Account, one: Announcer | None) -> str:
    if one is None:
        return f"[connectors.{account.platform}] cannot post for everybody; see pipeline.toml"
    return one.problem(account.handle)


def _title(title: str, text: str) -> str:
    """Returns the title of the list that everybody sees: the one given, else how the text begins."""
    first = clean(title) or clean(text).partition("\n")[0]
    return first if len(first) <= _MOST_TITLE else f"{first[: _MOST_TITLE - 1].rstrip()}…"


def _corrected(text: str) -> str:
    """Returns the text with the word that says that it puts another one right."""
    return text if not text or text.startswith(CORRECTION) else f"{CORRECTION} {text}"


def _group(city: City, audience: str) -> Sequence[Account]:
    able = [account for account in city.accounts if account.may_broadcast]
    if audience == EVERYBODY:
        return able
    known = sorted({name for account in able for name in account.groups})
    if audience not in known:
        raise ConfigError(
            f"group {audience}: no account of config/accounts.toml is in it.{nearest(audience, [EVERYBODY, *known])}"
        )
    return [account for account in able if audience in account.groups]


def _target(account: Account, one: Announcer | None, text: str, short: str) -> Target:
    problem = _problem(account, one)
    if one is None:
        return Target(platform=account.platform, account=account.handle, name=account.name, text=text, problem=problem)
    fits = one.fitted(text)
    words = fits if fits == text or not short else one.fitted(short)
    return Target(
        platform=account.platform,
        account=account.handle,
        name=account.name,
        text=words,
        is_linked=one.reposts,
        is_live=one.is_live,
        is_shortened=words not in (text, short),
        problem=problem,
    )
