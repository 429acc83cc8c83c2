"""What the providers of all channels would call out: signed as each signs, with its own ids, some of it in batches."""

import hmac
import json
import secrets
import tomllib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from bench.instance import TOKEN, Instance
from connectors.base import Connector, Request, Spoken, Webhook, Words
from pipeline import parts

# Beside what pipeline.toml has: a second gateway, and a source that is only listened to.
TABLES = """
[connectors.sms_domestic]

[connectors.press]
type = "webhook"
replyable = false

[connectors.press.signature]
header = "X-Press-Signature"
"""
UNANSWERED = frozenset({"press"})
# Optional secrets: without them other ones are made at every start, or offices have keys of their own.
_MORE_SECRETS = ("EUNGDAPSO_FORM_KEY", "EUNGDAPSO_PHONE_KEY", "EUNGDAPSO_VISIT_KEY")
_ANEW = "빨리 부탁드립니다"
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, and the native ids of the messages in it."""

    channel: str
    native_ids: tuple[str, ...]
    octets: bytes


@dataclass
class Providers:
    """All channels of an instance that are called. `prepare` goes before its start."""

    instance: Instance
    parts: dict[str, Any] = field(default_factory=dict)

    def prepare(self) -> None:
        """Adds tables and made-up secrets."""
        text = self.instance.config.read_text(encoding="utf-8") + TABLES
        self.instance.config.write_text(text, encoding="utf-8")
        given = {"EUNGDAPSO_SMS_TOKEN": TOKEN} | {name: secrets.token_urlsafe(32) for name in _MORE_SECRETS}
        for name, table in tomllib.loads(text)["connectors"].items():
            part = _made(name, table, given)
            if isinstance(part, Webhook):
                given |= {missing: _secret(part) for missing in part.missing()}
                self.parts[name] = _made(name, table, given)
        self.instance.extra |= given

    def calls(self, channel: str, said: Mapping[int, str], *, now: float, is_edited: bool) -> list[Call]:
        """Returns what its provider calls when citizens of these numbers write this; `now` is Unix time.

        With `is_edited` the first of them writes it anew: then there are two calls, of the same native id.
        """
        part, kind = self.parts[channel], self._kind(channel)
        spoken = [
            _OWN.get(kind, _plain)(
                part, Words(text=text, sender=_sender(kind, number), public_url=self.instance.base, now=now)
            )
            for number, text in said.items()
        ]
        calls = [spoken[0] if len(spoken) == 1 else _BATCHES[kind](part, spoken)]
        calls += [_EDITS[kind](part, spoken[0])] if is_edited else []
        return [self._call(part, one, now) for one in calls]

    def most_in_one(self, channel: str) -> int:
        """How many messages one call may carry here."""
        return 4 if self._kind(channel) in _BATCHES else 1

    def may_edit(self, channel: str) -> bool:
        """Whether citizens can write their messages anew here."""
        return self._kind(channel) in _EDITS

    def is_yes(self, channel: str, status: int, body: bytes) -> bool:
        """Whether this answer says that everything is durable; a channel may be polite instead."""
        apology = self.parts[channel].apology()
        return 200 <= status < 300 and (apology is None or body != apology.body)

    def _kind(self, channel: str) -> str:
        return type(self.parts[channel]).__module__.rpartition(".")[2]

    def _call(self, part: Any, spoken: Spoken, now: float) -> Call:
        base = self.instance.base
        octets = _octets(spoken, base.partition("//")[2])
        return Call(channel=part.name, native_ids=_ids(part, spoken, base, now), octets=octets)


def _made(name: str, table: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
    kind = table.get("type", name)
    part: Any = parts.find("connectors", kind, Connector)
    settings = {key: value for key, value in table.items() if key != "type"}
    return part(name, part.Settings.model_validate(settings), environment=environment)


def _secret(part: Any) -> str:
    is_standard = part.Settings.__name__ == "WebhookSettings" and part.settings.signature is None
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode() if is_standard else secrets.token_hex(16)


def _sender(kind: str, number: int) -> str:
    """Returns another citizen for each number, as the provider names people."""
    if kind in {"sms", "sms_domestic", "record", "form"}:
        return f"+8210{number:08d}"
    if kind in {"telegram", "facebook", "x"}:
        return f"{6_000_000_000 + number}"
    if kind == "line":
        return f"U{number:032x}"
    return f"citizen{number}@example.com" if kind == "open311" else f"citizen-{number}"


def _plain(part: Any, words: Words) -> Spoken:
    spoken: Spoken = part.spoken(words)
    return spoken


def _form(part: Any, words: Words) -> Spoken:
    """Returns what a browser sends from a page that was loaded before."""
    fields = {"token": part.token(words.now), "text": words.text, "contact": words.sender}
    return Spoken(path=f"/hooks/{part.name}", body=urlencode(fields).encode(), headers={"content-type": _FORM})


def _kakao(part: Any, words: Words) -> Spoken:
    """Returns a request with an address for the callback: by that one the same request is known again."""
    spoken: Spoken = part.spoken(words)
    payload = json.loads(spoken.body)
    payload["userRequest"]["callbackUrl"] = f"https://bot-api.kakao.com/v1/bot/callback/{secrets.token_hex(16)}"
    return Spoken(path=spoken.path, body=json.dumps(payload).encode(), headers=spoken.headers)


_OWN: Mapping[str, Callable[[Any, Words], Spoken]] = {"form": _form, "kakao": _kakao}


def _pages(part: Any, said: Sequence[Spoken]) -> Spoken:
    entries = [entry for one in said for entry in json.loads(one.body)["entry"]]
    body = json.dumps({"object": "page", "entry": entries}).encode()
    key = part.environment["EUNGDAPSO_FACEBOOK_APP_SECRET"].encode()
    signature = f"sha256={hmac.digest(key, body, 'sha256').hex()}"
    return Spoken(path=said[0].path, body=body, headers={**said[0].headers, "x-hub-signature-256": signature})


def _events(part: Any, said: Sequence[Spoken]) -> Spoken:
    events = [event for one in said for event in json.loads(one.body)["events"]]
    body = json.dumps({"destination": "U" + "0" * 32, "events": events}).encode()
    key = part.environment["EUNGDAPSO_LINE_SECRET"].encode()
    signature = b64encode(hmac.digest(key, body, "sha256")).decode()
    return Spoken(path=said[0].path, body=body, headers={**said[0].headers, "x-line-signature": signature})


_BATCHES: Mapping[str, Callable[[Any, Sequence[Spoken]], Spoken]] = {"facebook": _pages, "line": _events}


def _telegram_edit(_part: Any, said: Spoken) -> Spoken:
    update = json.loads(said.body)
    message = update.pop("message")
    edited = {**message, "edit_date": message["date"] + 1, "text": f"{message['text']} {_ANEW}"}
    body = json.dumps({"update_id": update["update_id"] + 1, "edited_message": edited}).encode()
    return Spoken(path=said.path, body=body, headers=said.headers)


def _messenger_edit(part: Any, said: Spoken) -> Spoken:
    payload = json.loads(said.body)
    event = payload["entry"][0]["messaging"][0]
    message = event.pop("message")
    event["message_edit"] = {"mid": message["mid"], "text": f"{message['text']} {_ANEW}", "num_edit": 1}
    return _pages(part, [Spoken(path=said.path, body=json.dumps(payload).encode(), headers=said.headers)])


def _line_edit(part: Any, said: Spoken) -> Spoken:
    payload = json.loads(said.body)
    event = payload["events"][0]
    event |= {"type": "messageEdited", "timestamp": event["timestamp"] + 1, "webhookEventId": secrets.token_hex(13)}
    event["message"]["text"] += f" {_ANEW}"
    return _events(part, [Spoken(path=said.path, body=json.dumps(payload).encode(), headers=said.headers)])


_EDITS: Mapping[str, Callable[[Any, Spoken], Spoken]] = {
    "facebook": _messenger_edit,
    "line": _line_edit,
    "telegram": _telegram_edit,
}


def _ids(part: Any, spoken: Spoken, base: str, now: float) -> tuple[str, ...]:
    request = Request(
        method="POST",
        url=base + spoken.path,
        path=spoken.path,
        query="",
        headers={name.lower(): value for name, value in spoken.headers.items()},
        body=spoken.body,
        received_at=datetime.fromtimestamp(now, UTC),
    )
    return tuple(message.native_id for message in part.parse(request))


def _octets(spoken: Spoken, host: str) -> bytes:
    lines = [f"{name}: {value}" for name, value in spoken.headers.items()]
    head = "\r\n".join([f"POST {spoken.path} HTTP/1.1", f"host: {host}", *lines, f"content-length: {len(spoken.body)}"])
    return head.encode() + b"\r\n\r\n" + spoken.body
