"""What lies in a mail beside its text: pictures, winmail.dat, attached mails, invitations."""

import random
import struct
from base64 import b64encode
from datetime import UTC, datetime

import pytest

from connectors._mail import lzfu, rtf, tnef
from connectors.email import Email, EmailSettings
from core.message import Envelope, Message

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
HEAD = "From: citizen@example.kr\nTo: minwon@eungdapso.example\nSubject: 민원\nMessage-ID: <1@x>\nMIME-Version: 1.0\n"
EMAIL = Email("email", EmailSettings())


def bytes_of(raw: str) -> bytes:
    return raw.replace("\n", "\r\n").encode()


def parsed(raw: str) -> Message:
    envelope = Envelope(sender="citizen@example.kr", recipients=("minwon@eungdapso.example",))
    return EMAIL.parse(EMAIL.arrival(bytes_of(raw), envelope, NOON))


def mixed(*parts: str) -> str:
    inner = "".join(f"--cut\n{part}\n" for part in parts)
    return f'{HEAD}Content-Type: multipart/mixed; boundary="cut"\n\n{inner}--cut--\n'


TEXT = "Content-Type: text/plain; charset=utf-8\n\n보도블록이 깨졌습니다."


# winmail.dat, written as MS-OXTNEF describes it.


def attribute(level: int, name: int, value: bytes) -> bytes:
    return struct.pack("<BII", level, name, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def properties(*values: tuple[int, int, bytes]) -> bytes:
    made = struct.pack("<I", len(values))
    for tag, kind, value in values:
        count = b"" if kind in (2, 3, 11, 64) else struct.pack("<II", 1, len(value))
        made += struct.pack("<HH", kind, tag) + count + value + b"\0" * (-len(value) % 4)
    return made


def winmail(*, text: str = "", files: dict[str, bytes] | None = None) -> bytes:
    made = b"\x78\x9f\x3e\x22\x01\x00" + attribute(1, 0x00069007, struct.pack("<II", 949, 0))
    if text:
        wide = (text + "\0").encode("utf-16-le")
        made += attribute(1, 0x00069003, properties((0x0017, 3, b"\1\0\0\0"), (0x1000, 0x1F, wide)))
    for name, data in (files or {}).items():
        made += attribute(2, 0x00069002, b"\0" * 14) + attribute(2, 0x0006800F, data)
        made += attribute(2, 0x00018010, b"SHORT~1.JPG\0")
        wide = (name + "\0").encode("utf-16-le")
        made += attribute(2, 0x00069005, properties((0x3707, 0x1F, wide), (0x370E, 0x1E, b"image/jpeg\0")))
    return made


def packed(data: bytes) -> str:
    return (
        "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
        + b64encode(data).decode()
    )


def test_files_in_winmail_dat() -> None:
    """What Outlook packed up is there as its own files, with their bytes."""
    raw = mixed(
        TEXT, packed(winmail(text="the same", files={"파손 사진.jpg": b"\xff\xd8photo", "b.jpg": b"\xff\xd8b"}))
    )
    message = parsed(raw)

    assert "보도블록이 깨졌습니다." == message.text
    assert [("파손 사진.jpg", "image/jpeg"), ("b.jpg", "image/jpeg")] == [
        (a.name, a.media_type) for a in message.attachments
    ]
    assert b"\xff\xd8photo" == EMAIL.attachment(bytes_of(raw), message.attachments[0].place)


def test_text_in_winmail_dat() -> None:
    """A mail that says something only inside winmail.dat says that."""
    raw = f"{HEAD}{packed(winmail(text='가로등이 꺼졌습니다.'))}\n"

    assert ("가로등이 꺼졌습니다.", ()) == (parsed(raw).text, parsed(raw).attachments)


# RTF packed as MS-OXRTFCP describes it. The two packed texts are the examples of that document.
HELLO = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
CROSSING = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")


def rtf_in(text: bytes) -> bytes:
    """Returns it as a property that is not packed."""
    return struct.pack("<IIII", len(text) + 12, len(text), 0x414C454D, 0) + text


def only_rtf(value: bytes) -> str:
    """Returns what a mail says whose only body is this property."""
    head = b"\x78\x9f\x3e\x22\x01\x00" + attribute(1, 0x00069007, struct.pack("<II", 949, 0))
    return parsed(f"{HEAD}{packed(head + attribute(1, 0x00069003, properties((0x1009, 0x102, value))))}\n").text


def test_packed_rtf_is_unpacked() -> None:
    """The examples that the format's document gives."""
    assert b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n" == lzfu.unpacked(HELLO)
    assert b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}" == lzfu.unpacked(CROSSING)
    assert "hello world" == only_rtf(HELLO)


KOREAN = rb"""{\rtf1\ansi\ansicpg949\deff0\uc1
{\fonttbl{\f0\fnil\fcharset129 \'b1\'bc\'b8\'b2;}{\f1\fnil\fcharset0 Arial;}}
{\colortbl;\red0\green0\blue0;}{\*\generator Riched20}{\info{\title \'c1\'a6\'b8\'f1}}\pard\f0\fs20 """


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("".join(f"\\'{byte:02x}" for byte in "가로등이 꺼졌습니다.".encode("cp949")), "가로등이 꺼졌습니다."),
        ("".join(f"\\u{ord(letter)}?" for letter in "똠방각하 뷁"), "똠방각하 뷁"),
        ("\\u-10179?\\u-8704? \\f1 A&B\\f0\\par\\par\\par {\\b 2}\\tab\\{3\\}", "😀 A&B\n\n2 {3}"),
        ("{\\uc2\\u44032\\'b0\\'a1}\\u44033 ?{\\v hidden}{\\pict\\bin4 }}}}x}{\\*\\x {a}b}", "가각"),
        (
            "{\\*\\htmltag64 <p>}\\htmlrtf {\\htmlrtf0 \\'b0\\'a1{\\*\\htmltag72 </p>}\\htmlrtf\\par}\\htmlrtf0 b",
            "가\nb",
        ),
    ],
)
def test_rtf_is_read_as_it_was_written(body: str, said: str) -> None:
    """Korean in bytes and in numbers, what stands for a number left out, lines; nothing of what only describes."""
    assert said == only_rtf(rtf_in(KOREAN + body.encode() + b"}"))


def test_rtf_beside_files() -> None:
    """The text is read, and the files keep the places that they have without it."""
    raw = winmail(files={"사진.jpg": b"\xff\xd8photo"}) + attribute(
        1, 0x00069003, properties((0x1009, 0x102, rtf_in(KOREAN + b"\\u44032?}")))
    )
    message = parsed(f"{HEAD}{packed(raw)}\n")

    assert ("가", [("사진.jpg", "raw:1")]) == (message.text, [(one.name, one.place) for one in message.attachments])


def test_damaged_rtf_is_read_as_far_as_it_goes() -> None:
    """Whatever octets stand in it, however deep, reading ends with a text."""
    chance = random.Random(7)
    whole = KOREAN + b"{" * 3_000 + b"\\u44032?" * 50
    for _ in range(300):
        spoiled = bytearray(whole[: chance.randrange(1, len(whole))])
        spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        kind = chance.choice((0x414C454D, 0x75465A4C))
        text = rtf.text_of(struct.pack("<IIII", 0, 2**32 - 1, kind, 0) + bytes(spoiled))

        assert text.encode("utf-8") is not None


def test_winmail_dat_that_cannot_be_read() -> None:
    """One that cannot be read stays what it is, a file."""
    assert ["winmail.dat"] == [one.name for one in parsed(mixed(TEXT, packed(b"not tnef"))).attachments]


def test_damaged_winmail_dat_is_read_as_far_as_it_goes() -> None:
    """Whatever octets stand in it, reading ends and gives no more than was asked for."""
    whole, chance = winmail(text="가로등", files={"a.jpg": b"a" * 100, "b.jpg": b"b" * 100}), random.Random(5)
    for _ in range(2_000):
        spoiled = bytearray(whole[: chance.randrange(6, len(whole))])
        spoiled[chance.randrange(4, len(spoiled))] = chance.randrange(256)

        assert 2 >= len(tnef.read(bytes(spoiled), 2))


def test_picture_within_the_text() -> None:
    """A picture that the text shows is an attachment, with a name when it has none."""
    related = (
        'Content-Type: multipart/related; boundary="in"\n\n--in\nContent-Type: text/html\n\n<img src="cid:1">\n'
        "--in\nContent-Type: image/png\nContent-ID: <1>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--in--"
    )

    assert ["image2.png"] == [one.name for one in parsed(mixed(related)).attachments]


INNER = """Content-Type: message/rfc822

From: =?utf-8?B?67CV66+87KSA?= <park@example.kr>
Subject: =?utf-8?B?67aI67KVIO2YhOyImOuniQ==?=
Content-Type: text/plain; charset=utf-8

현수막이 신호등을 가립니다."""


def test_attached_mail_is_read() -> None:
    """Who attaches a mail wants it read: its subject, author and text stand below their own."""
    message = parsed(mixed(TEXT, INNER))
    below = "[첨부된 메일]\n제목: 불법 현수막\n보낸 사람: 박민준\n\n현수막이 신호등을 가립니다."

    assert f"보도블록이 깨졌습니다.\n\n{below}" == message.text
    assert ["message/rfc822"] == [one.media_type for one in message.attachments]


def test_mail_attached_to_a_reply_is_ours() -> None:
    """What a reply brings back is what we wrote."""
    raw = mixed(TEXT, INNER).replace("Subject: 민원", "Subject: Re: 민원\nIn-Reply-To: <ours@eungdapso.example>", 1)

    assert "보도블록이 깨졌습니다." == parsed(raw).text


def test_mails_within_mails_end() -> None:
    """Mails that lie in mails without end are read two deep."""
    inner = TEXT
    for number in range(30):
        inner = f"Content-Type: message/rfc822\n\nSubject: {number}\n{inner}"

    assert ["제목: 29", "제목: 28"] == [
        line for line in parsed(mixed(inner)).text.split("\n") if line.startswith("제목")
    ]


def invitation(method: str, *lines: str) -> str:
    event = "\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])
    zone = "BEGIN:VTIMEZONE\nTZID:Korea\nBEGIN:STANDARD\nDTSTART:19700101T000000\nEND:STANDARD\nEND:VTIMEZONE"
    return (
        f"Content-Type: text/calendar; charset=utf-8; method={method}\n\nBEGIN:VCALENDAR\nMETHOD:{method}\n{zone}\n"
        f"BEGIN:VALARM\nSUMMARY:no\nEND:VALARM\n{event}\nEND:VCALENDAR"
    )


def test_invitation_in_words() -> None:
    """An invitation says what, when (in Seoul) and where."""
    said = parsed(
        mixed(
            TEXT,
            invitation(
                "REQUEST",
                "SUMMARY:주민 설명회\\, 1차",
                "DTSTART:20261125T050000Z",
                "DTEND;TZID=Asia/Seoul:20261125T153000",
                "LOCATION:강남구청 3층\n  대회의실",
            ),
        )
    ).text

    assert said.endswith(
        "[일정]\n제목: 주민 설명회, 1차\n때: 2026-11-25 14:00 ~ 2026-11-25 15:30\n곳: 강남구청 3층 대회의실"
    )


def test_cancelled_day_elsewhere() -> None:
    """A cancelled one says so; whole days have no hour, and foreign zones are named."""
    said = parsed(
        mixed(invitation("CANCEL", "DTSTART;VALUE=DATE:20261201", 'DTEND;TZID="Asia/Tokyo":20261202T090000'))
    ).text

    assert "[일정 취소]\n때: 2026-12-01 ~ 2026-12-02 09:00 (Asia/Tokyo)" == said
