"""From a mail with a photograph to the officer's disk: in files, on S3, and while S3 hangs."""

import json
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from bench.instance import Instance
from tests import s3
from tests.commands import asked
from tests.test_end_to_end import MONDAY, WASTE, delivered, mail
from tests.waiting import until

PHOTO = bytes(range(256)) * 40
KEYS = {"EUNGDAPSO_S3_ACCESS": "city", "EUNGDAPSO_S3_SECRET": "secret"}
TABLE = """
[s3]
endpoint = "{endpoint}"
timeout_seconds = {seconds}
access_key = {{ env = "EUNGDAPSO_S3_ACCESS" }}
secret_key = {{ env = "EUNGDAPSO_S3_SECRET" }}
"""


def instance_on(folder: Path, objects: str, endpoint: str, *, seconds: int = 30) -> Instance:
    """Returns an instance that keeps its objects there; not started yet."""
    made = Instance(folder, {"EUNGDAPSO_NOW": MONDAY, "EUNGDAPSO_CLOCK": "frozen", **KEYS})
    text = made.config.read_text(encoding="utf-8")
    assert 'objects = "embedded"' in text
    text = text.replace('objects = "embedded"', f'objects = "{objects}"')
    made.config.write_text(text + TABLE.format(endpoint=endpoint, seconds=seconds), encoding="utf-8")
    return made


@pytest.fixture(params=["files", "s3"], scope="module")
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A running pipeline that got a mail with two photographs, and one without."""
    folder = tmp_path_factory.mktemp("city")
    is_shared = request.param == "s3"
    objects = f"s3://{s3.new_bucket()}/seoul" if is_shared else "embedded"
    made = instance_on(folder, objects, s3.address() if is_shared else "https://never.asked")
    made.start()
    try:
        with_photographs(made, "골목 사진.jpg", "골목 사진.jpg")
        mail(made, WASTE + " 사진은 없어요", sender="lee@mail.example")
        made.drain()
        yield made
    finally:
        made.stop()


def with_photographs(instance: Instance, *names: str) -> None:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "kim@mail.example", "minwon@eungdapso.example", "무단투기"
    made["Message-ID"] = f"<{len(names)}@mail.example>"
    made.set_content(WASTE)
    for number, name in enumerate(names):
        made.add_attachment(PHOTO + bytes([number]), maintype="image", subtype="jpeg", filename=name)
    with smtplib.SMTP("127.0.0.1", instance.smtp, timeout=120) as client:
        client.send_message(made)


def told(instance: Instance, *words: str) -> str:
    done = asked(instance, *words)
    assert 0 == done.exit_code, done.stderr
    return done.stdout


def case_of(instance: Instance, sender: str) -> str:
    """Returns the number of the case that this citizen's mail began, as the citizen was told."""
    return str(until(lambda: delivered(instance, "email", sender))[0]["case"])


def test_what_came_along_is_listed(city: Instance) -> None:
    """Each file with its number, name, type, size and place."""
    number = case_of(city, "kim@mail.example")
    rows = json.loads(told(city, "case", "attachment", number, "--json"))
    shown = told(city, "case", "attachment", number)

    assert [
        (1, "골목 사진.jpg", "image/jpeg", 10_241, "raw:2"),
        (2, "골목 사진.jpg", "image/jpeg", 10_241, "raw:3"),
    ] == [(row["number"], row["name"], row["media_type"], row["bytes"], row["place"]) for row in rows]
    assert "raw:3" in shown


def test_a_case_without_any_says_so(city: Instance) -> None:
    """Nothing is no mistake."""
    assert "nothing came along\n" == told(city, "case", "attachment", case_of(city, "lee@mail.example"))


def test_one_is_written_to_a_file(city: Instance, tmp_path: Path) -> None:
    """Byte for byte, for nobody else on the machine, and never over another file."""
    number, out = case_of(city, "kim@mail.example"), tmp_path / "photo.jpg"
    told(city, "case", "attachment", number, "2", "--out", str(out))
    again = asked(city, "case", "attachment", number, "1", "--out", str(out))

    assert PHOTO + b"\x01" == out.read_bytes()
    assert 0 == out.stat().st_mode & 0o077
    assert (2, "File exists") == (again.exit_code, again.stderr[again.stderr.find("File") :][:11])


def test_one_goes_into_a_pipe(city: Instance) -> None:
    """By its place, without --out, the bytes and nothing else."""
    done = asked(city, "case", "attachment", case_of(city, "kim@mail.example"), "raw:2")

    assert (0, PHOTO + b"\x00") == (done.exit_code, done.stdout_bytes)


@pytest.mark.parametrize(("which", "words"), [("골목 사진.jpg", "several"), ("3", "no such"), ("raw:1", "no such")])
def test_which_one_is_asked_back(city: Instance, which: str, words: str) -> None:
    """A name that two have, and what is not there, are said in a sentence; exit 2."""
    done = asked(city, "case", "attachment", case_of(city, "kim@mail.example"), which)

    assert (2, b"") == (done.exit_code, done.stdout_bytes)
    assert words in done.stderr
    assert 1 == len(done.stderr.strip().splitlines())


def test_a_file_that_is_gone_comes_from_the_mail(city: Instance) -> None:
    """What the store lost, or has not got yet, is taken out of the raw payload."""
    number = case_of(city, "kim@mail.example")
    for path in (city.var / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    done = asked(city, "case", "attachment", number, "1")

    assert (0, PHOTO + b"\x00") == (done.exit_code, done.stdout_bytes)


def test_a_backup_says_what_is_not_in_it(city: Instance, tmp_path: Path) -> None:
    """What lies with others is named; raw payloads in files are in the copy."""
    done = asked(city, "backup", str(tmp_path / "copy"))
    is_shared = 'objects = "s3://' in city.config.read_text(encoding="utf-8")

    assert 0 == done.exit_code
    assert is_shared == ("raw payloads are not in it" in done.stderr)
    assert is_shared != (tmp_path / "copy" / "archive").is_dir()


def test_a_store_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    """While S3 takes connections and never answers, citizens are answered, and the pipeline stops in time."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        port = silent.getsockname()[1]
        instance = instance_on(tmp_path, "s3://city", f"http://127.0.0.1:{port}", seconds=600)
        instance.start()
        with_photographs(instance, "골목.jpg")
        until(lambda: delivered(instance, "email", "kim@mail.example"))
        lag = instance.readiness()["lag"]
        seconds = instance.stop()

    assert isinstance(lag, dict)
    assert (True, True) == (lag["attachments"] > 0, lag["archive"] > 0)
    # It did not wait for S3.
    assert seconds < 300


def test_a_secret_that_is_not_set_is_told(tmp_path: Path) -> None:
    """Which setting, which variable, what now; exit 2."""
    instance = instance_on(tmp_path, "s3://city", "http://127.0.0.1:1")
    del instance.extra["EUNGDAPSO_S3_SECRET"]
    # By itself: whoever runs sets up how the process tells what it does.
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "run", "--role", "sinks", "--config", str(instance.config)],
        env=instance.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )

    assert 2 == done.returncode
    assert "s3.secret_key: EUNGDAPSO_S3_SECRET is not set in the environment" in done.stderr
