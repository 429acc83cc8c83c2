"""The promises of every channel's settings: explained, and with a unit where they are a quantity."""

import importlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from connectors.base import Connector
from pipeline.parts import find, names

CHANNELS = names("connectors")


def settings_fields(model: type[BaseModel], at: str = "") -> Iterator[tuple[str, Any]]:
    for name, described in model.model_fields.items():
        yield f"{at}{name}", described
        for inner in re.findall(r"[\w.]+", str(described.annotation)):
            module, _, cls = inner.rpartition(".")
            found = getattr(importlib.import_module(module), cls, None) if module.startswith("connectors") else None
            if isinstance(found, type) and issubclass(found, BaseModel):
                yield from settings_fields(found, f"{at}{name}.")


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_setting_is_explained(channel: str) -> None:
    """Every setting says what it is for."""
    part: Any = find("connectors", channel, Connector)

    assert [] == [name for name, described in settings_fields(part.Settings) if not described.description]


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_quantity_names_its_unit(channel: str) -> None:
    """A setting that is a quantity has its unit in its name: `timeout_seconds`; or it says what is counted:
    `connections`, `connections_from_one`."""
    part: Any = find("connectors", channel, Connector)
    quantities = [name for name, described in settings_fields(part.Settings) if described.annotation in (int, float)]
    unit = re.compile(r"(.*\.)?(\w+_(seconds|hours|days|bytes|characters|a_second|a_minute)|port|[a-z]+s(_from_one)?)")

    assert [] == [name for name in quantities if not unit.fullmatch(name)]
