"""Where objects are kept, as pipeline.toml says it: every mistake named, nothing connected, no secret in a file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.errors import ConfigError
from pipeline.engines import Engines, mistakes, notes
from pipeline.settings import PipelineSettings

KEYS = {"access_key": {"env": "EUNGDAPSO_S3_ACCESS"}, "secret_key": {"env": "EUNGDAPSO_S3_SECRET"}}
SET = {"EUNGDAPSO_S3_ACCESS": "who-we-are", "EUNGDAPSO_S3_SECRET": "never-told"}


def engines(settings: dict[str, object], environment: dict[str, str]) -> Engines:
    made = PipelineSettings.model_validate(settings)
    return Engines(settings=made, home=Path("/etc/city"), var=Path("/var/city"), environment=environment, groups={})


@pytest.mark.parametrize("value", ["embedded", "s3://minwon", "s3://minwon/", "s3://minwon/seoul/test", "s3://a.b-c"])
def test_places_for_objects(value: str) -> None:
    """Files, a bucket, and a part of a bucket."""
    assert [] == mistakes(PipelineSettings.model_validate({"objects": value}), "pipeline.toml")


@pytest.mark.parametrize(
    "value",
    [
        "minio",
        "s3://",
        "s3:/minwon",
        "s3://ab",
        "s3://Minwon",
        "s3://key:secret@minwon",
        "s3://minwon//a",
        "s3://minwon/../a",
        "s3://minwon?a=b",
        "https://minio:9000/minwon",
    ],
)
def test_what_is_no_place_is_said(value: str) -> None:
    """Where, what, and what it may be."""
    (mistake,) = mistakes(PipelineSettings.model_validate({"objects": value}), "pipeline.toml")

    assert mistake.startswith("pipeline.toml: objects: ")
    assert '"s3://bucket/prefix"' in mistake


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"access_key": "who-we-are"}, "never stands in a file"),
        ({"endpoint": "minio:9000"}, "https://"),
        ({"endpoint": "http://key:secret@minio:9000"}, "never stands in a file"),
        ({"access_key": {"env": "A"}}, "name both"),
        ({"timeout_seconds": 0}, "greater than 0"),
        ({"buckt": "minwon"}, "not permitted"),
    ],
)
def test_a_wrong_table_is_said(table: dict[str, object], said: str) -> None:
    """[s3] takes what is declared, and secrets only by reference."""
    with pytest.raises(ValidationError, match=said):
        PipelineSettings.model_validate({"s3": table})


def test_files_of_one_machine_behind_a_stream_of_many_are_told() -> None:
    """Each machine would keep a part that no other one finds."""
    others = {"stream": "kafka://a:1", "cases": "postgresql://u@a/b", "search": "elasticsearch://a:1"}
    (note,) = notes(PipelineSettings.model_validate(others))

    assert 'objects = "embedded"' in note
    assert [] == notes(PipelineSettings.model_validate({**others, "objects": "s3://minwon"}))


def test_the_settings_are_what_is_used() -> None:
    """Bucket, prefix and endpoint; making the store asks nobody."""
    shared = engines({"objects": "s3://minwon/seoul", "s3": {"endpoint": "https://minio:9000/", **KEYS}}, SET)

    assert "S3(s3://minwon/seoul)" == repr(shared.objects())
    assert "Files(/var/city/objects)" == repr(engines({}, {}).objects())


@pytest.mark.parametrize("missing", SET)
def test_a_secret_that_is_not_set_is_said(missing: str) -> None:
    """Nobody is asked as somebody else because a variable is missing."""
    environment = {name: value for name, value in SET.items() if name != missing}

    with pytest.raises(ConfigError, match=missing):
        engines({"objects": "s3://minwon", "s3": KEYS}, environment).objects()


AUTHORITIES: dict[str, tuple[str, Callable[[Engines], object]]] = {
    "kafka": ("kafka://a:1", Engines.access),
    "postgresql": ("postgresql://u@a/b", Engines.cases_url),
    "elasticsearch": ("elasticsearchs://a:1", Engines.server),
    "s3": ("s3://minwon", Engines.objects),
}
NAMES = {"kafka": "stream", "postgresql": "cases", "elasticsearch": "search", "s3": "objects"}


@pytest.mark.parametrize("engine", AUTHORITIES)
def test_a_certificate_file_that_is_missing_is_said(engine: str) -> None:
    """Whichever engine's: it is a mistake of the settings, not an engine that is away and may come back."""
    address, made_by = AUTHORITIES[engine]
    made = engines({NAMES[engine]: address, engine: {"ca_file": "signed/nobody.pem"}}, {})

    with pytest.raises(ConfigError, match=rf"{engine}\.ca_file: there is no file /etc/city/signed/nobody\.pem"):
        made_by(made)


def test_one_machine_loads_no_client() -> None:
    """Whoever keeps files never imports the client of S3."""
    import subprocess
    import sys

    program = "import pipeline.roles, pipeline.cli_attachment, sys; sys.exit('obstore' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode
