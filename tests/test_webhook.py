"""What is peculiar to signed webhooks: Standard Webhooks' keys and signatures, and the table of paths."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook as Official

from connectors._standard import headers, read_keys, sign
from connectors._standard_rest import Back
from connectors.base import Request
from connectors.webhook import Standard, WebhookSettings
from core.errors import Forged, Rejected, Unavailable
from core.message import Message
from core.reply import Reply

SECRET = "whsec_" + b64encode(b"k" * 24).decode()
OTHER = "whsec_" + b64encode(b"o" * 32).decode()
NOW = 1_795_396_500
SIGNING = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
PUBLIC = "whpk_" + b64encode(SIGNING.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def source(secret: str = SECRET, name: str = "press", **settings: Any) -> Standard:
    environment = {"EUNGDAPSO_PRESS_SECRET": secret}
    return Standard(name, WebhookSettings.model_validate(settings), environment=environment)


def request(body: bytes, signatures: str = "", *, webhook_id: str = "msg_1", timestamp: str = str(NOW)) -> Request:
    headers = {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}
    return Request(
        method="POST",
        url="https://eungdapso.example/hooks/press",
        path="/hooks/press",
        query="",
        headers=headers,
        body=body,
        received_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )


def v1(secret: str, body: bytes, webhook_id: str = "msg_1", timestamp: int = NOW) -> str:
    return sign(read_keys(secret).shared[0], webhook_id, timestamp, body)


def v1a(body: bytes) -> str:
    return "v1a," + b64encode(SIGNING.sign(b"msg_1.%d.%s" % (NOW, body))).decode()


def is_authentic(connector: Standard, asked: Request, now: float = NOW) -> bool:
    try:
        connector.verify(asked, now=now)
    except Forged:
        return False
    return True


def parsed(payload: Any, **settings: Any) -> Message:
    return source(**settings).parse(request(json.dumps(payload).encode()))[0]


# Signatures.


@given(st.text(max_size=200))
def test_signature_is_the_official_one(text: str) -> None:
    """A body is signed as the official library signs it."""
    body = text.encode("utf-8", "replace")
    official = Official(SECRET).sign("msg_1", datetime.fromtimestamp(NOW, UTC), body.decode())

    assert official == v1(SECRET, body)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_request_of_about_now_is_authentic(seconds: int) -> None:
    """Five minutes to either side are now."""
    assert is_authentic(source(), request(b"{}", v1(SECRET, b"{}")), now=NOW + seconds)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_request_of_another_time_is_forged(seconds: int) -> None:
    """What was signed longer ago, or later, is refused."""
    assert not is_authentic(source(), request(b"{}", v1(SECRET, b"{}")), now=NOW + seconds)


@pytest.mark.parametrize("secret", [f"{OTHER} {SECRET}", f"{SECRET}\n{OTHER}"])
def test_both_keys_hold_while_one_replaces_the_other(secret: str) -> None:
    """With two keys set, a signature by either is good."""
    assert is_authentic(source(secret), request(b"{}", v1(SECRET, b"{}")))


def test_one_good_signature_among_others_is_enough() -> None:
    """Of several signatures one must match; those that we cannot read do not matter."""
    signatures = f"v2,abc  broken v1,?? v1,AAAA v1a,AAAA {v1(SECRET, b'{}')}"

    assert is_authentic(source(), request(b"{}", signatures))


def test_public_key_is_enough_to_verify() -> None:
    """A source may sign with a private key of its own (v1a)."""
    assert is_authentic(source(PUBLIC), request(b"{}", v1a(b"{}")))
    assert not is_authentic(source(PUBLIC), request(b"{} ", v1a(b"{}")))


def test_kinds_of_signature_are_not_confused() -> None:
    """A signature counts only with the key of its own kind."""
    public = b64encode(SIGNING.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    assert not is_authentic(source(PUBLIC), request(b"{}", v1(f"whsec_{public}", b"{}")))


@pytest.mark.parametrize("webhook_id", ["", "msg.1", "msg 1", "m" * 257, "é"])
def test_bad_id_is_forged(webhook_id: str) -> None:
    """An id with a dot in it could make one signature fit two requests; it is refused although signed."""
    assert not is_authentic(source(), request(b"{}", v1(SECRET, b"{}", webhook_id), webhook_id=webhook_id))


@pytest.mark.parametrize("timestamp", ["", f"{NOW}.7", f"+{NOW}", f" {NOW}", "１７９５３９６５００", "9" * 13, "nan"])
def test_bad_timestamp_is_forged(timestamp: str) -> None:
    """A time that is no plain number is refused."""
    asked = request(b"{}", v1(SECRET, b"{}"), timestamp=timestamp)

    assert not is_authentic(source(), asked)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_???", "whpk_AAAA", "whsec_가"])
def test_secret_that_is_no_key_is_missing(secret: str) -> None:
    """A channel without a usable key says so, and lets nobody in."""
    connector = source(secret)

    assert "EUNGDAPSO_PRESS_SECRET" in connector.missing()[0]
    assert not is_authentic(connector, request(b"{}", "v1,AAAA"))


def test_secret_may_have_another_name() -> None:
    """The table may name the variable that holds the key."""
    connector = Standard(
        "press", WebhookSettings.model_validate({"secret": {"env": "PRESS_KEY"}}), environment={"PRESS_KEY": SECRET}
    )

    assert () == connector.missing()


# Paths.


def test_other_shapes_are_mapped() -> None:
    """A table of paths reads what a source says in its own way."""
    fields = {"text": "$.entry[0].body.plain", "author": "entry.0.from.id", "author_name": "entry[0].from.name"}
    payload = {"entry": [{"body": {"plain": "여권 발급 문의"}, "from": {"id": 7, "name": "홍길동"}}]}
    message = parsed(payload, fields=fields, account="news")

    assert ("여권 발급 문의", "7", "홍길동", "news") == (
        message.text,
        message.author.handle,
        message.author.name,
        message.account,
    )


def test_author_may_be_a_table() -> None:
    """The author's paths may be written as they stand in the message: id and name under author."""
    message = parsed({"data": {"text": "a"}, "u": "7", "n": "이름"}, fields={"author": {"id": "u", "name": "n"}})

    assert ("7", "이름") == (message.author.handle, message.author.name)


@pytest.mark.parametrize("path", ["a..b", "a b", ".a", "a[", "a[x]", "a."])
def test_broken_path_is_a_mistake(path: str) -> None:
    """A path that cannot lead anywhere is a mistake in the file."""
    with pytest.raises(ValidationError):
        WebhookSettings.model_validate({"fields": {"text": path}})


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "data.text"),
        ({"text": ""}, "data.text"),
        ({"text": 5}, "data.text"),
        ({"text": "a", "author": {"id": ["x"]}}, "data.author.id"),
        ({"text": "a", "author": {"id": True}}, "data.author.id"),
        ({"text": "a", "lat": 37.5}, "data.lon"),
        ({"text": "a", "lat": 91, "lon": 127}, "data.lat"),
        ({"text": "a", "lat": 37, "lon": "127"}, "data.lon"),
        ({"text": "a", "attachments": {"url": "https://a.example"}}, "data.attachments"),
        ({"text": "a", "attachments": [{"url": "file:///etc/passwd"}]}, "data.attachments[0].url"),
        ({"text": "a", "attachments": [{"url": "https://a.example", "name": 1}]}, "data.attachments[0].name"),
        ({"text": "a", "attachments": [{"url": "https://a.example"}] * 21}, "data.attachments"),
    ],
)
def test_missing_or_wrong_field_is_named(data: Any, path: str) -> None:
    """What makes a payload no message is said with its path."""
    with pytest.raises(Rejected) as refusal:
        parsed({"data": data})

    assert path in refusal.value.reason
    assert 422 == refusal.value.status


@pytest.mark.parametrize("timestamp", ["yesterday", [], True, "0001-01-01T00:00:00+23:59", 1e300, "2026-13-01"])
def test_impossible_time_is_named(timestamp: Any) -> None:
    """A time that is none is refused by its path."""
    with pytest.raises(Rejected, match="timestamp"):
        parsed({"timestamp": timestamp, "data": {"text": "a"}})


@pytest.mark.parametrize(
    ("timestamp", "moment"),
    [
        ("2026-11-23T10:15:00+09:00", datetime(2026, 11, 23, 1, 15, tzinfo=UTC)),
        ("2026-11-23T10:15:00", datetime(2026, 11, 23, 1, 15, tzinfo=UTC)),
        (NOW, datetime(2026, 11, 23, 1, 15, tzinfo=UTC)),
        (NOW * 1000, datetime(2026, 11, 23, 1, 15, tzinfo=UTC)),
    ],
)
def test_time_is_read(timestamp: Any, moment: datetime) -> None:
    """ISO 8601 and Unix times are read; without a zone it is Seoul's."""
    assert moment == parsed({"timestamp": timestamp, "data": {"text": "a"}}).sent_at


def test_author_nobody_knows_cannot_be_answered() -> None:
    """A message without an author is anonymous, stands alone, and is not answered here."""
    message = parsed({"data": {"text": "a"}})

    assert ("", False, "msg_1") == (message.reply_to, message.replyable, message.conversation)


# The way back.


def reply() -> Reply:
    return Reply(
        id="row-1",
        channel="press",
        account="press",
        to="7",
        text="접수했습니다",
        kind="notice",
        case="20261123-000001-7",
        created_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
        in_reply_to="msg_1",
    )


class Receiver:
    """Takes replies as a source would, and keeps what came."""

    def __init__(self, **headers: str) -> None:
        self.taken: list[tuple[bytes, dict[str, str]]] = []
        self._headers = headers

    async def take(self, asked: web.Request) -> web.Response:
        self.taken.append((await asked.read(), dict(asked.headers)))
        return web.Response(status=429 if self._headers else 200, headers=self._headers)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.add_routes([web.post("/replies", self.take)])
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/replies"
        finally:
            await runner.cleanup()


async def test_reply_is_signed_the_same_way() -> None:
    """A reply goes back as a webhook that the official library verifies, under the same id every time."""
    receiver = Receiver()
    async with receiver.listening() as url:
        sender = source(reply_url=url).sender()
        assert sender is not None
        await sender.send(reply())
        await sender.send(reply())
        await sender.close()
    verified = [Official(SECRET).verify(body, headers) for body, headers in receiver.taken]

    assert ["7", "7"] == [payload["data"]["to"] for payload in verified]
    assert {"row-1"} == {headers["webhook-id"] for _, headers in receiver.taken}


async def test_wish_to_wait_is_passed_on() -> None:
    """When the source says how long to wait, the error says it too."""
    receiver = Receiver(**{"Retry-After": "17"})
    async with receiver.listening() as url:
        sender = Back(url, partial(headers, b"k" * 24), 5.0)
        with pytest.raises(Unavailable) as refusal:
            await sender.send(reply())
        await sender.close()

    assert 17 == refusal.value.retry_after_seconds


def test_without_a_key_of_ours_replies_go_to_files() -> None:
    """Who signs with a private key of its own gives us none to sign with."""
    assert source(PUBLIC, reply_url="https://press.example/replies").sender() is None
