"""Sources that sign in their own way: a table says how, and what is no message is taken and forgotten."""

import hashlib
import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import Request, Words
from connectors.webhook import Standard, WebhookSettings
from core.errors import Forged, Rejected

NOW = 1_795_396_500
SECRET = "a-secret-of-nobody"
SLACK = {
    "header": "X-Slack-Signature",
    "prefix": "v0=",
    "content": "v0:{timestamp}:{body}",
    "timestamp_header": "X-Slack-Request-Timestamp",
}
GITHUB = {"header": "X-Hub-Signature-256", "prefix": "sha256="}
# The time and the signatures stand in one header: `t=1795396500,v1=…`.
ONE_HEADER = {
    "header": "Pay-Signature",
    "prefix": "v1=",
    "content": "{timestamp}.{body}",
    "timestamp_header": "Pay-Signature",
    "timestamp_prefix": "t=",
}
WITH_ID = {
    "header": "X-Signature",
    "hash": "sha512",
    "encoding": "base64",
    "content": "{id}.{timestamp}.{url}|{body}",
    "timestamp_header": "X-Time",
    "id_header": "X-Id",
}
SMALL = {"header": "X-Signature", "hash": "sha1"}
TABLES = [SLACK, GITHUB, ONE_HEADER, WITH_ID, SMALL]


def source(signature: dict[str, str], secret: str = SECRET, **settings: Any) -> Standard:
    made = WebhookSettings.model_validate({"signature": signature, **settings})
    return Standard("press", made, environment={"EUNGDAPSO_PRESS_SECRET": secret})


def request(body: bytes, headers: dict[str, str]) -> Request:
    return Request(
        method="POST",
        url="https://eungdapso.example/hooks/press",
        path="/hooks/press",
        query="",
        headers=headers,
        body=body,
        received_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )


def spoken(connector: Standard) -> Request:
    """Returns what the source would post to say something."""
    said = connector.spoken(
        Words(text="가로등이 꺼졌어요", sender="7", public_url="https://eungdapso.example", now=NOW)
    )
    return request(said.body, dict(said.headers))


def is_authentic(connector: Standard, asked: Request, now: float = NOW) -> bool:
    try:
        connector.verify(asked, now=now)
    except Forged:
        return False
    return True


@pytest.mark.parametrize("table", TABLES)
def test_every_dialect_can_be_spoken(table: dict[str, str]) -> None:
    """What `send` says in a dialect is let in, and says what was to be said."""
    connector = source(table)
    asked = spoken(connector)

    assert is_authentic(connector, asked)
    assert "가로등이 꺼졌어요" == connector.parse(asked)[0].text


@pytest.mark.parametrize("table", [SLACK, ONE_HEADER, WITH_ID])
def test_what_was_signed_long_ago_is_refused(table: dict[str, str]) -> None:
    """Where a time is signed, a request that is sent again later is refused."""
    connector = source(table)

    assert not is_authentic(connector, spoken(connector), NOW + 301)
    assert not is_authentic(connector, spoken(connector), NOW - 301)


@pytest.mark.parametrize("table", TABLES)
def test_the_same_again_is_the_same(table: dict[str, str]) -> None:
    """A request that is sent again, also with what is not signed changed, is known as the same message."""
    connector = source(table)
    asked = spoken(connector)
    again = request(asked.body, {**asked.headers, "x-github-delivery": "another", "x-retry": "1"})

    assert connector.parse(asked)[0].identity == connector.parse(again)[0].identity


def test_old_and_new_secret_hold_side_by_side() -> None:
    """Two secrets on lines of their own are both good; blanks are part of a secret."""
    asked = spoken(source(GITHUB, "the old one"))

    assert is_authentic(source(GITHUB, "the new one\nthe old one\n"), asked)
    assert not is_authentic(source(GITHUB, "the new one"), asked)


def test_one_good_signature_of_several_is_enough() -> None:
    """While the source changes its key it may sign with both, in one header."""
    connector = source(ONE_HEADER)
    asked = spoken(connector)
    time, _, signature = asked.headers["pay-signature"].partition(",")
    both = {"pay-signature": f"{time},v1={'0' * 64},{signature},v0=abc"}

    assert is_authentic(connector, request(asked.body, both))


@pytest.mark.parametrize(("written", "secret"), [("hex", b"k" * 20), ("base64", b"k" * 20), ("text", b"k" * 20)])
def test_secret_may_be_written_otherwise(written: str, secret: bytes) -> None:
    """A secret is the octets that its writing stands for."""
    forms = {"hex": secret.hex(), "base64": b64encode(secret).decode(), "text": secret.decode()}
    signature = hmac.new(secret, b"{}", hashlib.sha256).hexdigest()
    connector = source({**GITHUB, "key": written}, forms[written])

    assert is_authentic(connector, request(b"{}", {"x-hub-signature-256": f"sha256={signature}"}))


@pytest.mark.parametrize("secret", ["", "\n", "zz"])
def test_secret_that_is_no_key_is_missing(secret: str) -> None:
    """A source without a usable key says so and lets nobody in."""
    connector = source({**GITHUB, "key": "hex"}, secret)
    signature = hmac.new(b"", b"{}", hashlib.sha256).hexdigest()

    assert "EUNGDAPSO_PRESS_SECRET" in connector.missing()[0]
    assert not is_authentic(connector, request(b"{}", {"x-hub-signature-256": f"sha256={signature}"}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": "nothing"},
        {"content": "{timestamp}.{body}"},
        {"content": "{when}{body}"},
        {"content": "{id}.{body}"},
        {"timestamp_header": "X-Time"},
        {"id_header": "X-Id"},
        {"content": "{id}{body}", "id_header": "X-Id"},
        {"content": "{timestamp}0{body}", "timestamp_header": "X-Time"},
        {"header": "no header"},
        {"hash": "md5"},
    ],
)
def test_table_that_proves_too_little_is_a_mistake(wrong: dict[str, str]) -> None:
    """A table with which something unsigned would be believed, or nothing could be, is a mistake in the file."""
    with pytest.raises(ValidationError):
        WebhookSettings.model_validate({"signature": {**GITHUB, **wrong}})


def test_id_cannot_run_into_its_neighbour() -> None:
    """An id that holds what stands beside it could make one signature fit two requests: it is refused."""
    connector = source(WITH_ID)
    asked = spoken(connector)
    made = connector._signed("https://eungdapso.example/hooks/press", "a.b", NOW, asked.body)

    assert not is_authentic(connector, request(asked.body, dict(made)))


# What is a message.


def slack(payload: dict[str, Any]) -> tuple[Standard, Request]:
    connector = source(
        SLACK,
        challenge="challenge",
        only={"type": "event_callback", "event.type": ["message"], "event.subtype": ["", "file_share"]},
        unless=["event.bot_id"],
        fields={"id": "event_id", "text": "event.text", "author": "event.user"},
    )
    body = json.dumps(payload).encode()
    return connector, request(body, dict(connector._signed("", "", NOW, body)))


def test_challenge_is_said_back() -> None:
    """A source that tries our address out hears its own words, and no message comes of it."""
    connector, asked = slack(
        {"type": "url_verification", "token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"}
    )
    connector.verify(asked, now=NOW)
    messages = connector.parse(asked)
    thanks = connector.thanks(asked, messages)

    assert [] == messages
    assert thanks is not None
    assert b"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd" == thanks.body


@pytest.mark.parametrize(
    ("event", "count"),
    [
        ({"type": "message"}, 1),
        ({"type": "message", "subtype": "file_share"}, 1),
        ({"type": "message", "subtype": "message_changed"}, 0),
        ({"type": "message", "bot_id": "B1"}, 0),
        ({"type": "reaction_added"}, 0),
    ],
)
def test_only_messages_are_taken(event: dict[str, str], count: int) -> None:
    """What the table does not want, our own words among it, is taken and forgotten: the source need not try again."""
    payload = {"type": "event_callback", "event_id": "Ev1", "event": {"user": "U1", "text": "문의합니다", **event}}
    connector, asked = slack(payload)
    messages = connector.parse(asked)

    assert count == len(messages)
    assert connector.thanks(asked, messages) is None


def test_two_authors_of_one_conversation_are_kept_apart() -> None:
    """Who shares a channel or an issue with others is not shown what belongs to them."""
    payloads = [{"data": {"text": "문의", "author": {"id": author}, "conversation": "c"}} for author in ("7", "8")]
    bodies = [json.dumps(payload).encode() for payload in payloads]
    first, second = (source(GITHUB).parse(request(body, {}))[0].conversation for body in bodies)

    assert first != second


def test_form_is_read_as_well() -> None:
    """A source may post a form instead of JSON."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    asked = request(b"text=%EB%AC%B8%EC%9D%98&user_id=U7", headers)
    message = source(SMALL, fields={"text": "text", "author": "user_id", "sent_at": ""}).parse(asked)[0]

    assert ("문의", "U7") == (message.text, message.author.handle)


def test_json_is_read_whatever_it_is_called() -> None:
    """Many tools call what they post a form by habit; JSON in it is JSON."""
    body = json.dumps({"data": {"text": "문의"}}).encode()
    asked = request(body, {"content-type": "application/x-www-form-urlencoded"})

    assert "문의" == source(SMALL).parse(asked)[0].text


def test_missing_id_is_named() -> None:
    """Where the table says that there is an id, a call without it is no message."""
    body = json.dumps({"data": {"text": "문의"}}).encode()

    with pytest.raises(Rejected, match=r"event\.id"):
        source(GITHUB, fields={"id": "event.id"}).parse(request(body, {}))
