"""What is peculiar to records of calls and visits: who may be written to, what was answered, what is no record."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.base import Request, Words
from connectors.record import Record, RecordSettings
from core.errors import ConfigError, Forged, Rejected
from core.message import Message, Settled

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
KEY = {"EUNGDAPSO_PHONE_KEY": "a key"}
CALL = {"id": "c-1", "office": "gangnam", "text": "보안등이 꺼졌다고 합니다."}


def channel(environment: dict[str, str] = KEY) -> Record:
    return Record("phone", RecordSettings(), environment=environment)


def request(body: bytes) -> Request:
    headers = {"content-type": "application/json", "authorization": "Bearer a key"}
    return Request(method="POST", url="", path="/hooks/phone", query="", headers=headers, body=body, received_at=NOW)


def parsed(**changed: Any) -> Message:
    return channel().parse(request(json.dumps(CALL | changed).encode()))[0]


def test_nobody_is_written_to_who_did_not_agree() -> None:
    """Without consent the number is known, and nothing goes there."""
    silent = parsed(caller={"number": "010-1234-5678"})
    agreed = parsed(caller={"number": "010-1234-5678"}, notify=True)

    assert ("+821012345678", "", False) == (silent.author.handle, silent.reply_to, silent.replyable)
    assert ("+821012345678", True) == (agreed.reply_to, agreed.replyable)


def test_what_was_answered_says_by_whom() -> None:
    """The officer's name, or the office's where none is told."""
    assert Settled(by="박주무관", answer="안내함") == parsed(answered=True, answer="안내함", officer="박주무관").settled
    assert Settled(by="gangnam") == parsed(answered=True).settled
    assert parsed().settled is None


def test_a_summary_is_the_subject() -> None:
    """Where nothing else was written down it is the text, too."""
    assert ("보안등", "보안등") == ((said := parsed(text="", summary="보안등")).subject, said.text)


def test_a_time_without_a_zone_is_seoul_s() -> None:
    """As everywhere."""
    assert datetime(2026, 11, 23, 0, 50, tzinfo=UTC) == parsed(started_at="2026-11-23T09:50:00").sent_at


@pytest.mark.parametrize(
    "changed",
    [
        {"id": ""},
        {"id": "두 번"},
        {"id": "x" * 201},
        {"office": "강남"},
        {"office": "../etc"},
        {"text": "", "summary": " "},
        {"text": "가" * 20_001},
        {"caller": {"name": "가" * 10_000}},
        {"caller": {"number": "call me"}},
        {"notify": True},
        {"notify": "yes"},
        {"started_at": "yesterday"},
        {"started_at": "0001-01-01T00:00:00"},
        {"started_at": "2026-11-23T10:00:00", "ended_at": "2026-11-23T09:00:00"},
        {"lat": 37.5},
        {"lat": 91, "lon": 0},
        {"lat": 1e300, "lon": 0},
        {"answer": "안내함"},
        {"anwser": "a slip of the pen"},
    ],
)
def test_what_is_no_record_is_refused(changed: dict[str, Any]) -> None:
    """With what is wrong with it."""
    with pytest.raises(Rejected) as refusal:
        parsed(**changed)

    assert 422 == refusal.value.status


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 50_000, b'{"id": "\xff"}', "가".encode("euc-kr")])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """Whatever else it is."""
    with pytest.raises(Rejected) as refusal:
        channel().parse(request(body))

    assert refusal.value.status in (400, 422)


def test_without_the_call_centre_s_key_its_hook_is_shut() -> None:
    """Offices file by the API all the same: the channel starts."""
    with pytest.raises(Forged):
        channel({}).verify(request(b"{}"), now=0)

    assert () == channel({}).missing()


def test_send_speaks_as_the_call_centre() -> None:
    """What `eungdapso send` posts is let in and read; without the key it says which is missing."""
    words = Words(text="보안등이 꺼졌습니다.", sender="010-1234-5678", public_url="", now=0)
    spoken = channel().spoken(words)
    read = channel().parse(request(spoken.body))[0]

    assert ("/hooks/phone", "보안등이 꺼졌습니다.", "+821012345678") == (spoken.path, read.text, read.reply_to)
    with pytest.raises(ConfigError, match="EUNGDAPSO_PHONE_KEY"):
        channel({}).spoken(words)


def test_a_key_that_is_missing_is_told_with_the_other_way() -> None:
    """Whoever tries the channel without a call centre learns how offices file."""
    with pytest.raises(
        ConfigError, match=r"EUNGDAPSO_PHONE_KEY is not set\. Set it and start again, or .*/api/v1/records"
    ):
        channel({}).spoken(Words(text="보안등", sender="", public_url="", now=0))
