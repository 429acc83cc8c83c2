"""The table of recordings: current for our own, silent about what stands in others'."""

from pathlib import Path

from bench import _recordings_own
from bench.recordings import PAGE, kept, others_of, page, read

MAIL = """From: =?utf-8?B?6rmA7Iuc66+8?= <citizen@example.kr>
To: minwon@eungdapso.example
Subject: =?utf-8?B?6rCA66Gc65Ox?=
Message-ID: <1@mail.example.kr>
Date: Fri, 20 Nov 2026 11:59:00 +0900
Content-Type: text/plain; charset=utf-8

노원구 상계동 가로등이 꺼졌습니다.
"""


def test_the_page_is_current() -> None:
    """What the page tells of our own recordings is what the channels make of them now."""
    assert page(kept()) == PAGE.read_text(encoding="utf-8")


def test_our_own_recordings_are_right() -> None:
    """Text, sender, id, time and attachments are as they should be, or it is said what stands instead."""
    assert [] == [row for row in _recordings_own.rows() if not row.is_right]


def test_others_words_stay_out_of_the_table(tmp_path: Path) -> None:
    """A mail that both readings agree on is right in all columns; none of its words is in its row."""
    (tmp_path / "lamp.eml").write_text(MAIL, encoding="utf-8")
    rows = read(tmp_path)

    assert ["| `lamp.eml` | email | right | right | right | right | – |  |"] == [str(row) for row in rows]
    assert "상계동" not in others_of(rows)


def test_a_reading_that_differs_is_not_right(tmp_path: Path) -> None:
    """A mail whose label lies is told as read otherwise, until somebody looked and gave a reason."""
    lying = MAIL.replace("charset=utf-8", "charset=iso-8859-1").encode()
    (tmp_path / "lamp.eml").write_bytes(lying)

    assert [False] == [row.is_right for row in read(tmp_path)]


def test_what_is_no_recording_is_left_out(tmp_path: Path) -> None:
    """Licences and pictures have no row."""
    (tmp_path / "LICENSE").write_text("MIT", encoding="utf-8")

    assert [] == read(tmp_path)
