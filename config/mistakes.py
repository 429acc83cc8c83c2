"""Turns what is wrong with a TOML file into sentences: where, what, and what now."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config import broken
from config.fields import CODE, HANDLE, ID, LINE_ENDS, UNSEEN
from config.near import OTHERWISE, WORDS, closest, nearest
from core.errors import ConfigError

__all__ = ["explain", "in_order", "nearest", "read_text", "read_toml", "sentences"]

Steps = tuple[str | int, ...]
Table = type[BaseModel]

_WHERE = re.compile(r"(.+?\.toml):(\d+): ")
_CHOICE = re.compile(r"'([^']*)'")
# What texts of these shapes look like.
_SHAPES = {
    ID: 'should begin with a small letter and hold only small letters, digits, points and hyphens: "flea-market".',
    HANDLE: 'should be the name without @, of letters, digits, points and _: "Seoul_eds".',
    CODE: 'should be five digits: "11110".',
}
_BOUNDS = ("ge", "le")
_DENYING = ("not_", "no_", "except", "unless", "without")
_A_LIST = 'should be a list: ["…", "…"].'
_A_DAY = "should be a day or a time: 2026-12-01 or 2026-12-01T09:00:00."
_SHOULD_BE = {
    "model_type": "should be a table: { name = value, … }.",
    "model_attributes_type": "should be a table: { name = value, … }.",
    "dict_type": "should be a table: { name = value, … }.",
    "tuple_type": _A_LIST,
    "list_type": _A_LIST,
    "string_type": 'should be text in quotation marks: "…".',
    "string_too_short": "is empty. Write something, or remove it.",
    "bool_type": "should be true or false.",
    "bool_parsing": "should be true or false.",
    "date_type": _A_DAY,
    "date_parsing": _A_DAY,
    "date_from_datetime_parsing": _A_DAY,
    "date_from_datetime_inexact": "should be a day without a time: 2026-12-01.",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Returns what the file says; raises `ConfigError` when it cannot be read or is no TOML."""
    said = broken.read(read_text(path))
    if said.faults:
        raise ConfigError(*(f"{path}:{fault.line}: {fault.says}" for fault in said.faults))
    return said.says


def read_text(path: Path) -> str:
    """Returns the text, line ends and syllables in one form; raises `ConfigError` when it is not there or not UTF-8."""
    try:
        # A pipe would be waited for, a device never ends.
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: is no file. Put a text file there, or remove it.")
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file. Add it, or name another.") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    # Some editors take Korean syllables apart: they look the same and are another name.
    return unicodedata.normalize("NFC", text)


def explain(error: ValidationError, where: str, model: type[BaseModel], *, prefix: tuple[str, ...] = ()) -> list[str]:
    """Returns one sentence a mistake: `where`, the setting's path (`prefix` before it), what is wrong, what now.

    No value is shown but one that is compared with a list of choices: it could be a secret.
    """
    return [f"{where}: {sentence}" for _, sentence in sentences(error, model, prefix=prefix)]


def sentences(
    error: ValidationError, model: type[BaseModel], *, prefix: tuple[str, ...] = ()
) -> list[tuple[Steps, str]]:
    """Returns for each mistake the steps to it in the file and the sentence without where."""
    found: dict[str, tuple[Steps, list[ErrorDetails], Table | None]] = {}
    for mistake in error.errors(include_url=False):
        if _is_consequence(mistake):
            continue
        steps, container = _follow(model, mistake["loc"])
        _, mistakes, _ = found.setdefault(_path((*prefix, *steps)), (tuple(steps), [], container))
        mistakes.append(mistake)
    entries = {steps[:-1] for steps, _, _ in found.values() if steps and isinstance(steps[-1], int)}
    return [
        (steps, _sentence(path, str(steps[-1]) if steps else "", mistakes, container))
        for path, (steps, mistakes, container) in found.items()
        # Of a list whose entries are wrong, that it might have been a single word is no mistake.
        if steps not in entries
    ]


def in_order(mistakes: Iterable[str]) -> list[str]:
    """Returns them as one reads: file after file, in each from the first line to the last."""
    told = list(dict.fromkeys(map(readable, mistakes)))
    found = [_WHERE.match(mistake) for mistake in told]
    files = list(dict.fromkeys(at[1] for at in found if at))
    places = [(files.index(at[1]), int(at[2])) if at else (-1, 0) for at in found]
    return [mistake for _, mistake in sorted(zip(places, told, strict=True), key=lambda pair: pair[0])]


def readable(sentence: str) -> str:
    """Returns it without what commands a terminal or turns the direction: it quotes what stands in the files."""
    return LINE_ENDS.sub(" ", UNSEEN.sub("?", sentence))


def _is_consequence(mistake: ErrorDetails) -> bool:
    """Whether a list is only too short because its entries are wrong."""
    given = mistake.get("input")
    return (
        mistake["type"] == "too_short"
        and isinstance(given, list | tuple)
        and len(given) != mistake.get("ctx", {}).get("actual_length")
    )


def _sentence(path: str, key: str, mistakes: list[ErrorDetails], container: Table | None) -> str:
    fields = fields_of(container)
    first = mistakes[0]
    if first["type"] == "extra_forbidden":
        return f"{path} is not a setting.{_instead(key, container)}"
    if first["type"] == "missing":
        meaning = " ".join((fields[key].description or "").split()) if key in fields else ""
        return f"{path} is missing. Add it{': ' + meaning if meaning else '.'}"
    # A union complains once for each of its forms; of the choices that it has, the nearest is meant.
    for mistake in mistakes:
        given = mistake.get("input")
        choices = _CHOICE.findall(str(mistake.get("ctx", {}).get("expected", "")))
        if mistake["type"] in ("literal_error", "enum") and isinstance(given, str):
            called = WORDS.get(_bare(key), {})
            if len(mistakes) == 1 or closest(given, [*choices, *called]):
                return f'{path} cannot be "{given[:60]}".{nearest(given, choices, called=called)}'
    return f"{path}: {_what_now(first, fields.get(key))}" if path else f"{first['msg']}."


def _instead(key: str, container: Table | None) -> str:
    """Returns what to write in place of a setting that is none."""
    fields = fields_of(container)
    if key in OTHERWISE:
        return f" {OTHERWISE[key]}"
    if key.startswith(_DENYING) and f"not_{key}" not in fields and "context" in fields:
        return " No condition can be turned round: write a row above this one for what is meant otherwise."
    inner = [
        name
        for name, field in fields.items()
        for form in _forms(field.annotation)
        if isinstance(form, type) and issubclass(form, BaseModel) and key in fields_of(form)
    ]
    if inner:
        return f" Write it in {inner[0]}: {inner[0]} = {{ {key} = … }}."
    return nearest(key, fields, called=WORDS[""])


def _what_now(mistake: ErrorDetails, field: FieldInfo | None) -> str:
    if mistake["type"] in _SHOULD_BE:
        return _SHOULD_BE[mistake["type"]]
    context = mistake.get("ctx", {})
    if mistake["type"] == "string_pattern_mismatch" and context.get("pattern") in _SHAPES:
        return _SHAPES[context["pattern"]]
    if mistake["type"] == "too_short" and mistake.get("input") in ([], ()):
        return "names nothing. Name something, or remove it."
    if mistake["type"] == "too_short":
        return f"has {context['actual_length']} entries, at least {context['min_length']} are needed. Add some."
    message = mistake["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
    return f"{message}.{_bounds(field)}"


def _bounds(field: FieldInfo | None) -> str:
    bounds = {name: getattr(m, name) for m in (field.metadata if field else ()) for name in _BOUNDS if hasattr(m, name)}
    return f" Write a number from {bounds['ge']} to {bounds['le']}." if len(bounds) == len(_BOUNDS) else ""


def _bare(key: str) -> str:
    return key.partition(" ")[0]


def fields_of(table: Table | None) -> dict[str, FieldInfo]:
    """Returns the settings of a table by the names that stand in the file."""
    return {field.alias or name: field for name, field in table.model_fields.items()} if table else {}


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
        field = fields_of(table).get(str(step))
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
