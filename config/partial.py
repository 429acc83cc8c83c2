"""What can be read of a row that has a mistake: the rest of it is looked at all the same."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from itertools import takewhile
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError, create_model

from config.mistakes import Steps, fields_of

M = TypeVar("M", bound=BaseModel)

_BLANKS: Mapping[Any, Any] = {str: "", float: 0.0, tuple: ()}


def rest_of(model: type[M], table: Any, wrong: Sequence[Steps]) -> M | None:
    """Returns the row without what stands at these steps, None when nothing can be read of it.

    What it needs and does not have is blank: "", 0, () or None.
    """
    if not isinstance(table, dict):
        return None
    left = deepcopy(table)
    single: list[tuple[dict[str, Any], str, str]] = []
    for steps in wrong:
        # Without one entry of a list the others would stand on other lines.
        keys = [str(step) for step in takewhile(lambda step: isinstance(step, str), steps)]
        around = _around(left, keys)
        if around is None:
            # A table in which something is missing.
            around, keys = _around(left, keys[:-1]), keys[:-1]
        if around is not None:
            value = around.pop(keys[-1])
            single += [(around, keys[-1], value)] if isinstance(value, str) else []
    rest = _read(model, left)
    for around, key, value in single:
        # A name alone where a list of names should stand is a name all the same.
        around[key] = [value]
        read = _read(model, left)
        rest = read or rest
        if read is None:
            del around[key]
    return rest


def _read(model: type[M], left: dict[str, Any]) -> M | None:
    missing = frozenset(name for name, field in fields_of(model).items() if field.is_required() and name not in left)
    try:
        return _lenient(model, missing).model_validate(left)  # type: ignore[no-any-return]  # made of the model
    except ValidationError:
        return None


def _around(table: dict[str, Any], keys: Sequence[str]) -> dict[str, Any] | None:
    """Returns the table in which the last key stands, None when it is not there."""
    here: Any = table
    for key in keys[:-1]:
        here = here.get(key) if isinstance(here, dict) else None
    return here if keys and isinstance(here, dict) and keys[-1] in here else None


@lru_cache(maxsize=256)
def _lenient(model: type[M], missing: frozenset[str]) -> type[M]:
    """Returns the shape in which these settings may be left out."""
    blank: dict[str, Any] = {}
    for name in missing:
        kind = model.model_fields[name].annotation
        blank[name] = (kind, _BLANKS.get(get_origin(kind) or kind))
    made: type[M] = create_model(model.__name__, __base__=model, **blank)
    return made
