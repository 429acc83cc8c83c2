"""The ground that every part's `Settings` stands on: unknown keys refused, secrets only by reference."""

import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Settings(BaseModel):
    """A TOML table. Every field has a description with its unit; units stand in names (`timeout_seconds`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Secret(BaseModel):
    """A secret by reference: `{ env = "NAME" }`. Shows its name, never its value."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    env: str

    def value(self, environment: Mapping[str, str] = os.environ) -> str:
        """Returns the secret, "" when it is not set."""
        return environment.get(self.env, "")


def _refuse_plain(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError('a secret never stands in a file; write { env = "NAME" } and set NAME in the environment')  # noqa: TRY004
    return value


SecretRef = Annotated[Secret, BeforeValidator(_refuse_plain)]
