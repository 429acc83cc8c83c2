"""docs/reference/settings.md, made from the settings themselves: `python -m pipeline.reference` writes it anew."""

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connectors.base import Connector
from core.settings import Secret
from pipeline import parts
from pipeline.settings import PipelineSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "settings.md"
_HEAD = """# Settings

Made from the code by `python -m pipeline.reference`; a test keeps it current. Every table of `pipeline.toml`, with what
each setting means and what holds when it is left out. A secret is always `{ env = "NAME" }`.
"""


def page() -> str:
    """Returns the whole page."""
    tables = [_HEAD, _table("pipeline.toml", PipelineSettings)]
    for name in parts.names("connectors"):
        part: type[Connector[Any]] = parts.find("connectors", name, Connector)
        tables.append(_table(f"[connectors.{name}]", part.Settings))
    return "\n".join(tables)


def _table(title: str, settings: type[BaseModel]) -> str:
    inner = {name: kind for name, field in settings.model_fields.items() if (kind := _inner(field)) is not None}
    plain = {name: field for name, field in settings.model_fields.items() if name not in inner}
    rows = [f"| `{name}` | {_words(field)} | {_default(field)} |" for name, field in plain.items()]
    text = "\n".join([f"## {title}", "", "| setting | meaning | left out |", "|---|---|---|", *rows, ""])
    return "\n".join([text, *(_table(_below(title, name), kind) for name, kind in inner.items())])


def _below(title: str, name: str) -> str:
    return f"{title[:-1]}.{name}]" if title.startswith("[") else f"[{name}]"


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    """Returns the table that this setting is, None for a plain value."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not Secret:
            return kind
    return None


def _words(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Secret):
        return f'`{{ env = "{value.env}" }}`'
    if isinstance(value, tuple | list):
        value = ", ".join(str(one) for one in value)
    return "nothing" if value in (None, "", {}) else f"`{value}`"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
