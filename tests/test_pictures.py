"""Pictures beside an answer: made small and bare, kept sealed with the letter, carried where they can be."""

import io
import random
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from cases.model import By
from cases.store import CaseStore
from connectors.email import Email, EmailSettings
from core.errors import ConfigError
from core.reply import Picture
from pipeline.pictures import picture_of
from tests.casework import WASTE, Time, delivered, dispatched, message, opened
from tests.test_email import NOTICE
from tests.test_photo import photograph

OFFICER = By("박지훈")
PICTURE = Picture(name="1.jpg", media_type="image/jpeg", data=b"\xff\xd8photo")


def noise(path: Path, *, size: tuple[int, int] = (1_600, 1_200), kind: str = "PNG") -> Path:
    """Writes a picture that no encoder makes small by itself."""
    pixels = random.Random(3).randbytes(size[0] * size[1] * 3)
    Image.frombytes("RGB", size, pixels).save(path, kind)
    return path


def test_a_photograph_is_made_to_fit(tmp_path: Path) -> None:
    """At most a thousand pixels on a side and 200,000 bytes, whatever it was."""
    made = picture_of(noise(tmp_path / "big.png"), 2)

    assert ("2.jpg", "image/jpeg") == (made.name, made.media_type)
    assert len(made.data) <= 200_000
    assert (1_000, 750) == Image.open(io.BytesIO(made.data)).size


def test_where_it_was_taken_stays_here(tmp_path: Path) -> None:
    """An officer's telephone notes where it was; the citizen does not get that."""
    (tmp_path / "a.jpg").write_bytes(photograph())
    made = picture_of(tmp_path / "a.jpg", 1)

    assert b"Exif" not in made.data
    assert {} == dict(Image.open(io.BytesIO(made.data)).getexif())


@pytest.mark.parametrize("body", [b"", b"%PDF-1.7", b"\xff\xd8\xff", photograph()[:60], b"GIF89a" + bytes(50)])
def test_what_is_no_picture_is_refused(tmp_path: Path, body: bytes) -> None:
    """With its name, before anything is written."""
    (tmp_path / "a.jpg").write_bytes(body)
    with pytest.raises(ConfigError, match=r"a\.jpg"):
        picture_of(tmp_path / "a.jpg", 1)


def test_a_picture_goes_with_the_answer(store: CaseStore, time: Time) -> None:
    """With the officer's words and with no other letter; the history says that there was one."""
    number = opened(store, dispatched(message(WASTE, time)))
    notice = delivered(store, time)
    store.officer.answer(number, "치웠습니다.", OFFICER, pictures=(PICTURE,))
    result = delivered(store, time)
    noted = [entry.detail["pictures"] for entry in store.views.history(number) if entry.what == "answered"]

    assert ([()], [(PICTURE,)]) == ([one.pictures for one in notice], [one.pictures for one in result])
    assert [["1.jpg"]] == noted


def test_a_mail_has_it_attached() -> None:
    """Words first, then the picture with its bytes; the same reply is the same bytes."""
    email = Email("email", EmailSettings())
    reply = replace(NOTICE, text="치웠습니다.", pictures=(PICTURE,))
    parts = list(message_from_bytes(email.as_eml(reply), policy=policy.default).walk())

    assert email.as_eml(reply) == email.as_eml(reply)
    assert ["multipart/mixed", "text/plain", "image/jpeg"] == [part.get_content_type() for part in parts]
    assert ("치웠습니다.", PICTURE.data) == (parts[1].get_content().strip(), parts[2].get_content())
    assert "1.jpg" == parts[2].get_filename()
