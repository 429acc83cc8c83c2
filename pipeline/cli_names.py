"""Names and times that are given on the command line: unknown ones are refused, with what was probably meant."""

from collections.abc import Iterable
from datetime import datetime

from config.called import called_in
from config.known import is_address
from config.near import WORDS, nearest
from config.schema import City
from core.clock import SEOUL, parse_instant
from core.decision import TRIAGE
from core.errors import ConfigError


def known(option: str, name: str, names: Iterable[str], what: str) -> str:
    """Returns the name when it is one of these; raises `ConfigError`."""
    names = list(names)
    if name not in names:
        raise ConfigError(f"{option} {name}: there is no such {what}.{nearest(name, names)}")
    return name


def queue(option: str, name: str, city: City, *more: str) -> str:
    """Returns the name when it is a queue of the city, or one of `more`; raises `ConfigError`."""
    names = [TRIAGE, *(one.id for one in city.districts), *(one.id for one in city.departments), *more]
    if name not in names:
        hint = nearest(name, names, called=called_in(city), most=len(names))
        raise ConfigError(f"{option} {name}: there is no such queue.{hint}")
    return name


def topic(name: str, city: City) -> str:
    """Returns the name when it is a topic of the city; raises `ConfigError`."""
    names = [one.id for one in city.topics]
    if name not in names:
        raise ConfigError(f"there is no topic {name}.{nearest(name, names, called=called_in(city))}")
    return name


def kind(name: str, kinds: Iterable[str]) -> str:
    """Returns the name when it is a kind of matter; raises `ConfigError`."""
    kinds = [one for one in kinds if one != "none"]
    if name not in kinds:
        raise ConfigError(f"there is no kind {name}.{nearest(name, kinds, called=WORDS['kind'])}")
    return name


def account(option: str, name: str, city: City, channels: Iterable[str]) -> str:
    """Returns the name when an account of the city may be called so; raises `ConfigError`.

    Addresses and telephone numbers stand in no table; offices file under their own names.
    """
    handles = [one.handle for one in city.accounts]
    others = [*channels, *(one.id for one in city.districts), *(one.id for one in city.departments)]
    if name and not is_address(name) and name not in (*handles, *others):
        named = {one.name: one.handle for one in city.accounts}
        hint = nearest(name, handles, called=named)
        raise ConfigError(f"{option} {name}: there is no such account in accounts.toml.{hint}")
    return name


def moment(option: str, text: str) -> datetime:
    """Returns the instant that a day or a time means, Asia/Seoul unless it has a zone; raises `ConfigError`."""
    try:
        return parse_instant(text.strip()).astimezone(SEOUL)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{option} {text}: this is no day or time. Write 2026-11-23 or 2026-11-23T09:00") from error
