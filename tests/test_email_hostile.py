"""Mail is the most hostile thing that comes in: whatever the bytes, a message or Rejected, in bounded time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors._mail import decode, headers, html, mime
from connectors.email import Email, EmailSettings
from core.errors import Rejected
from core.message import Attachment, Envelope, Message
from core.wire import decode as from_wire
from core.wire import encode as to_wire

RECORDINGS = sorted((Path(__file__).with_name("fixtures") / "connectors" / "email").glob("*.raw.eml"))
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
EMAIL = Email("email", EmailSettings(trusted_authserv_id="mx.eungdapso.example"))
NASTY = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"--",
        b"=?euc-kr?B?",
        b"=?utf-8*ko?q?=ED=A0=80?=",
        b"\x1b$)C\x0e",
        b"\xff\xfe",
        b"charset=utf-16",
        b"charset=utf-7",
        b"charset=punycode",
        b"charset=unicode_escape",
        b"boundary=",
        b"*0*=",
        b"%FF'",
        b"&#" + b"9" * 5_000 + b";",
        b"<",
        b'"',
        b"(" * 50,
    ]
)


def outcome(raw: bytes, sender: str = "citizen@example.kr") -> str:
    arrival = EMAIL.arrival(raw, Envelope(sender=sender, recipients=("minwon@eungdapso.example",)), NOON)
    try:
        message = EMAIL.parse(arrival)
    except Rejected:
        return "rejected"
    places = [EMAIL.attachment(raw, attachment.place) for attachment in message.attachments]
    same = from_wire(to_wire(message), Message) == message
    return "message" if same and len(places) == len(message.attachments) else "malformed"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes(raw: bytes) -> None:
    """Any bytes at all are a message, or Rejected when there are none."""
    assert outcome(raw) == ("message" if raw.strip() else "rejected")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_recordings(data: st.DataObject) -> None:
    """A recording with nasty bytes in several places is still a message that the wire carries."""
    raw = data.draw(st.sampled_from(RECORDINGS)).read_bytes()
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(raw)))
        raw = raw[:start] + data.draw(NASTY) + raw[start + data.draw(st.integers(0, 30)) :]

    assert "message" == outcome(raw, data.draw(st.sampled_from(["", "a@b", "é@ö", "nobody", "\ud800@x"])))


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_charset_gives_text(raw: bytes, label: str) -> None:
    """Whatever the label says, bytes become text."""
    assert isinstance(decode.text_of(raw, label), str)


@pytest.mark.parametrize(
    "label", ["punycode", "idna", "unicode_escape", "zlib", "base64", "rot13", "mbcs", "\0", "a" * 99]
)
def test_what_is_no_charset_is_not_used(label: str) -> None:
    """Codecs that are no charsets are taken for an unknown label."""
    assert "시민" == decode.text_of("시민".encode(), label)


@pytest.mark.parametrize(
    ("expected", "raw", "label"),
    [
        ("뷁 똠방각하", "뷁 똠방각하".encode("cp949"), "euc-kr"),
        ("안녕하세요", "안녕하세요".encode(), "ks_c_5601-1987"),
        ("타", "타".encode("cp949"), "euc-kr"),
        ("안녕하세요", "안녕하세요".encode("cp949"), "utf-8"),
        ("안녕하세요", "안녕하세요".encode("cp949"), "iso-8859-1"),
        ("안녕하세요", "안녕하세요".encode("cp949"), "x-unknown"),
        ("café", "café".encode("latin-1"), "iso-8859-1"),
        ("the café is open", "the café is open".encode("latin-1"), ""),
        ("안녕하세요 강남구\ufffd", "안녕하세요 강남구".encode() + b"\xff", "utf-8"),
        ("한글", "한글".encode("iso2022_kr"), "us-ascii"),
        ("日本語", "日本語".encode("iso2022_jp"), "iso-2022-jp"),
        ("中文", "中文".encode("gb18030"), "gb2312"),
    ],
)
def test_wrong_labels_are_seen_through(expected: str, raw: bytes, label: str) -> None:
    """The label is believed as far as the bytes bear it out."""
    assert expected == decode.text_of(raw, label)


# The shapes of mail that cost others minutes. A bound on the work shows by the test coming to its end.

BIG = 300_000


@pytest.mark.parametrize(
    "raw",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2_000)),
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * (BIG // 5),
        b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
        b"a: b\r\n" * (BIG // 6),
        b"Subject: x\r\n" + b" y\r\n" * (BIG // 4),
        b"Subject: " + b"=?utf-8?q?a?= " * (BIG // 15),
        b"From: " + b"a" * BIG + b"\r\n\r\nx",
        b"References: " + b"a@" * (BIG // 2) + b"\r\n\r\nx",
        b"Content-Type: text/plain" + b';a="' * (BIG // 4) + b"\r\n\r\nx",
        b"In-Reply-To: <a@b>\r\n\r\n" + b"On <a@b> 2026. 1 1:1\r\n" * (BIG // 22),
        b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"x \r\n" * (BIG // 4),
        b"Content-Type: text/plain; charset=utf-8\r\n\r\na" + "\u0315\u0301".encode() * (BIG // 4),
        b"Content-Type: text/html\r\n\r\n" + b"<!--" * (BIG // 4),
        b"Content-Type: text/html\r\n\r\n" + b"<a " * (BIG // 3),
        b"Content-Type: text/html\r\n\r\n" + b"<div><b>x" * (BIG // 9),
    ],
    ids=lambda raw: raw[:40].decode("latin-1").encode("unicode_escape").decode(),
)
def test_costly_shapes_are_read(raw: bytes) -> None:
    """Nesting, repetition and unclosed things are read to an end and still give a message."""
    assert "message" == outcome(raw)


def of_parts(count: int) -> bytes:
    """Returns a mail with a text and so many files, wrapped as programs do."""
    files = [
        b'--b\r\nContent-Type: image/jpeg; name="%d.jpg"\r\n\r\n%d\r\n' % (number, number)
        for number in range(1, count + 1)
    ]
    text = b"--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n"
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + text + b"".join(files) + b"--b--\r\n"


def attachments(raw: bytes) -> tuple[Attachment, ...]:
    return EMAIL.parse(EMAIL.arrival(raw, Envelope(recipients=("minwon@eungdapso.example",)), NOON)).attachments


def test_parts_and_depth_are_bounded() -> None:
    """However many parts a mail claims to have, on however many levels, only so many are made."""
    nested = b"".join(b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (n, n + 1) for n in range(1, 20))
    after = b"".join(b"--%d\r\n\r\nx\r\n" % n * 500 for n in range(20, 0, -1))
    raw = b"Content-Type: multipart/mixed; boundary=1\r\n\r\n" + nested + after

    assert mime.PARTS < len(mime.read(raw).leaves()) <= mime.PARTS + mime.DEPTH


def test_as_many_parts_as_there_may_be_are_all_listed() -> None:
    """A text and 199 files are 200 parts: each file is there with its name, whatever they are wrapped in."""
    listed = attachments(of_parts(199))

    assert [f"{number}.jpg" for number in range(1, 200)] == [one.name for one in listed]


def test_what_is_behind_the_last_part_is_seen_and_opened() -> None:
    """Of 300 files those beyond the bound are one more: its name says how many, and as a mail it holds all of them."""
    raw = of_parts(300)
    *listed, rest = attachments(raw)
    opened = attachments(EMAIL.attachment(raw, rest.place))

    assert (199, "나머지 첨부 101개.eml") == (len(listed), rest.name)
    assert [f"{number}.jpg" for number in range(200, 301)] == [one.name for one in opened]


def test_zip_is_not_opened() -> None:
    """An archive is an attachment of its own bytes, whatever is in it."""
    bomb = b"PK\x03\x04" + b"\0" * 100
    raw = b"Content-Type: application/zip; name=../../etc/bomb.zip\r\n\r\n" + bomb
    arrival = EMAIL.arrival(raw, Envelope(recipients=("minwon@eungdapso.example",)), NOON)
    attachment = EMAIL.parse(arrival).attachments[0]

    assert ("bomb.zip", len(bomb)) == (attachment.name, attachment.size)


@pytest.mark.parametrize(
    ("expected", "source"),
    [
        ("보임", "<p style='display:none'>숨김</p><p>보임</p>"),
        ("보임", "<style>p{}</style><script>if (a<b) '</p>'</script>보임"),
        ("보임", '<span hidden>숨김</span><span class="not hidden">보임</span>'),
        ("여기 (https://a.example/?b=1&c=2)", '<a href="https://a.example/?b=1&amp;c=2">여기</a>'),
        ("https://a.example/", '<a href="https://a.example/">https://a.example/</a>'),
        ("여기", '<a href="javascript:alert(1)">여기</a>'),
        ("1 < 2 & 3 > 2", "1 < 2 &amp; 3 &gt; 2"),
        ("가\n나", "가<br>나"),
        ("> 인용", "<blockquote>인용</blockquote>"),
        ("남은 글 <b", "남은 글 <b"),
    ],
)
def test_html_is_read_as_it_is_seen(expected: str, source: str) -> None:
    """Of HTML a reader's text is left: nothing hidden, links with their address."""
    assert expected == html.text_of(source).strip()


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (("citizen@example.kr", "시민"), '"시민" <Citizen@Example.KR>'),
        (("citizen@example.kr", "시민"), "citizen@example.kr (시민)"),
        (("", ""), "<>"),
        (("", "시민"), "시민 <nobody>"),
        (("a@b.kr", ""), "a@b.kr, c@d.kr"),
        (("받는이@예시.한국", ""), "받는이@예시.한국"),
        (("", "x"), "x <a@b\r\n\tBcc: c@d>"),
    ],
)
def test_mailbox(expected: tuple[str, str], value: Any) -> None:
    """A From gives one address in lower case and a name, or nothing."""
    box = headers.mailbox(value.encode())

    assert expected == (box.address, box.name)
