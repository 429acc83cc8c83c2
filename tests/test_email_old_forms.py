"""Forms of mail that few programs write any more: comments in addresses and dates, headers that copy others' order."""

from datetime import UTC, datetime

import pytest

from connectors._mail import headers, quotes

HOTMAIL = "Date: Thu, 26 Jun 2014 13:53:45 +0400\nSubject: Test\nFrom: office@seoul.example\nTo: citizen@example.kr"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"Pete(A wonderful \\) chap) <pete(his account)@silly.test(his host)>", "pete@silly.test"),
        (b"John Doe <jdoe@machine(comment).  example>", "jdoe@machine.example"),
        (b"<two addresses@example.kr>", ""),
        (b"<" + b" " * 16_000 + b"@>", ""),
    ],
)
def test_an_address_may_hold_comments(written: bytes, read: str) -> None:
    """Comments and blanks around dots are no part of an address; words with blanks between are none."""
    assert read == headers.mailbox(written).address


def test_a_date_may_hold_comments() -> None:
    """Comments and blanks within a time change nothing."""
    at = datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC)

    assert at == headers.date(b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600")
    assert at == headers.date(b"Fri, 21 Nov 1997 09:55:06 -0600 (CST)")


def test_a_copied_header_may_begin_with_its_date() -> None:
    """In a reply what is below a whole copied header is the quoted mail, whatever line comes first."""
    assert "감사합니다." == quotes.cut(f"감사합니다.\n{HOTMAIL}\n접수되었습니다.", reply=True)


@pytest.mark.parametrize("is_reply", [True, False])
def test_a_citizens_own_list_stays(is_reply: bool) -> None:
    """Lines with labels that are no whole header are what the citizen wrote."""
    text = "날짜: 12월 1일\n제목: 가로등 고장\n장소: 노원구 상계동\n일시: 밤 9시"

    assert text == quotes.cut(text, reply=is_reply)
