"""Parts are found by their name: `[connectors.sms]` is connectors/sms.py and the one subclass in it."""

import difflib
import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

from core.errors import ConfigError

P = TypeVar("P")


def names(folder: str) -> list[str]:
    """Returns the names of the parts in a folder: every module but `base` and those that begin with `_`."""
    package = importlib.import_module(folder)
    found = (module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg)
    return sorted(name for name in found if name != "base" and not name.startswith("_"))


def find(folder: str, name: str, base: type[P]) -> type[P]:
    """Returns the part's class; raises `ConfigError` with the nearest name when there is no such file."""
    known = names(folder)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else f" There are: {', '.join(known)}."
        raise ConfigError(f"there is no {folder}/{name}.py.{hint}")
    return only_subclass(importlib.import_module(f"{folder}.{name}"), base)


def only_subclass(module: ModuleType, base: type[P]) -> type[P]:
    """Returns the one concrete subclass of `base` that is defined in this module itself."""
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise ConfigError(f"{module.__name__} must define one {base.__name__}; it defines {len(classes)}")
    return classes[0]
