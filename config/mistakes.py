"""Turns what is wrong with a TOML file into sentences: where, what, and what now."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import ConfigError

_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
_CHOICE = re.compile(r"'([^']*)'")
_MOST_CHOICES = 30


def read_toml(path: Path) -> dict[str, Any]:
    """Returns what the file says; raises `ConfigError` when it cannot be read or is no TOML."""
    return parse_toml(path, read_text(path))


def read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file. Add it, or name another.") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = f":{found[1]}" if found else ""
        raise ConfigError(f"{path}{line}: is no TOML: {_AT_LINE.sub('', str(error))}. Mend this line.") from error


def explain(error: ValidationError, where: str, model: type[BaseModel], *, prefix: tuple[str, ...] = ()) -> list[str]:
    """Returns one sentence a mistake: `where`, the setting's path (`prefix` before it), what is wrong, what now.

    No value is shown but one that is compared with a list of choices: it could be a secret.
    """
    return [f"{where}: {sentence}" for _, sentence in sentences(error, model, prefix=prefix)]


def sentences(error: ValidationError, model: type[BaseModel], *, prefix: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Returns for each mistake the setting's first name ("" when none) and the sentence without where."""
    found: dict[str, tuple[str, str]] = {}
    for mistake in error.errors(include_url=False):
        steps, container = _follow(model, mistake["loc"])
        path = _path((*prefix, *steps))
        # A union complains once for each of its forms; the first complaint says enough.
        found.setdefault(path, (str(steps[0]) if steps else "", _sentence(path, mistake, container)))
    return list(found.values())


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns " Did you mean …?", or " There are: …" when nothing is near."""
    choices = list(dict.fromkeys(known))
    near = difflib.get_close_matches(word, choices, n=1)
    if near:
        return f" Did you mean {near[0]}?"
    if not choices:
        return ""
    return f" There are: {', '.join(choices[:_MOST_CHOICES])}{', …' if len(choices) > _MOST_CHOICES else ''}."


def _sentence(path: str, mistake: ErrorDetails, container: type[BaseModel] | None) -> str:
    fields = container.model_fields if container else {}
    key = str(mistake["loc"][-1]) if mistake["loc"] else ""
    given = mistake.get("input")
    if mistake["type"] == "extra_forbidden":
        return f"{path} is not a setting.{nearest(key, fields)}"
    if mistake["type"] == "missing":
        meaning = fields[key].description if key in fields else None
        return f"{path} is missing. Add it{': ' + meaning if meaning else '.'}"
    if mistake["type"] in ("literal_error", "enum") and isinstance(given, str):
        choices = _CHOICE.findall(str(mistake.get("ctx", {}).get("expected", "")))
        return f'{path} cannot be "{given[:60]}".{nearest(given, choices)}'
    if mistake["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return f"{path}: should be a table: {{ name = value, … }}."
    message = mistake["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
    return f"{path}: {message}." if path else f"{message}."


def _follow(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[list[int | str], type[BaseModel] | None]:
    """Returns the steps of `loc` that stand in the file, and the table in which the last of them stands."""
    steps: list[int | str] = []
    here: Any = model
    container: type[BaseModel] | None = None
    for place, step in enumerate(loc):
        forms = _forms(here)
        table = next((form for form in forms if isinstance(form, type) and issubclass(form, BaseModel)), None)
        if table is None and isinstance(step, str) and not any(get_origin(form) is dict for form in forms):
            # pydantic puts the name of a union's form between the steps.
            continue
        steps.append(step)
        container = table
        last = place == len(loc) - 1
        here = None if last else _inside(forms, table, step)
    return steps, container


def _inside(forms: list[Any], table: type[BaseModel] | None, step: int | str) -> Any:
    if table is not None:
        field = table.model_fields.get(str(step))
        return field.annotation if field else None
    arguments = next((get_args(form) for form in forms if get_args(form)), ())
    return arguments[-1] if isinstance(step, str) and arguments else arguments[0] if arguments else None


def _forms(annotation: Any) -> list[Any]:
    """Returns what an annotation may be: `Annotated` and unions taken apart."""
    if get_origin(annotation) is Annotated:
        return _forms(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [form for part in get_args(annotation) for form in _forms(part)]
    return [annotation]


def _path(steps: Iterable[int | str]) -> str:
    """Returns "letters.receipt.text", list items counted from one: "variants no. 3"."""
    parts: list[str] = []
    for step in steps:
        if isinstance(step, int) and parts:
            parts[-1] += f" no. {step + 1}"
        else:
            parts.append(str(step))
    return ".".join(parts)
