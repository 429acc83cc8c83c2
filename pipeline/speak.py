"""Speaks a channel's real protocol to the running instance, signed as its provider signs: `eungdapso send`."""

import re
import smtplib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from html import unescape
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

import msgspec

from connectors._standard import sign as sign_standard
from connectors._twilio_form import read_form
from connectors._twilio_form import sign as sign_twilio
from connectors.base import Connector
from core.errors import ConfigError, Rejected, Unavailable
from core.ids import uuid7

_TIMEOUT_SECONDS = 30
_CITIZEN_NUMBER = "+821000000000"
_CITY_NUMBER = "+8220000120"
_CITIZEN_MAIL = "citizen@example.com"
_FORM_TYPE = "application/x-www-form-urlencoded"
_TOKEN = re.compile(r'<input[^>]*\bname="token"[^>]*\bvalue="([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class _Words:
    """What is said to which instance: `base_url` is where it listens, `public_url` what signatures cover."""

    text: str
    sender: str
    base_url: str
    public_url: str
    now: float


def speak(connector: Connector[Any], text: str, *, base_url: str, sender: str, now: float, public_url: str = "") -> str:
    """Sends the text as a citizen would and returns what was answered.

    `sender` is the citizen's number, id or address ("" for a made-up one), `public_url` is left out when it is
    `base_url`. Raises `ConfigError` when the channel cannot be spoken, `Rejected` when the instance refuses,
    `Unavailable` when it does not listen.
    """
    kind = type(connector).__module__.rpartition(".")[2]
    way = _WAYS.get(kind)
    if way is None:
        raise ConfigError(f"--channel {connector.name}: send does not speak '{kind}'. It speaks {', '.join(_WAYS)}")
    missing = connector.missing()
    if missing:
        raise ConfigError(f"--channel {connector.name}: {', '.join(missing)} is not set, so nothing can be signed")
    base_url = base_url.rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        raise ConfigError(f"'{base_url}' is no address; it begins with http:// or https://")
    public_url = public_url.rstrip("/") or base_url
    return way(connector, _Words(text=text, sender=sender, base_url=base_url, public_url=public_url, now=now))


def _sms(connector: Connector[Any], words: _Words) -> str:
    sid = "SM" + uuid7().replace("-", "")
    fields = {
        "MessageSid": sid,
        "SmsSid": sid,
        "AccountSid": "AC" + "0" * 32,
        "From": words.sender or _CITIZEN_NUMBER,
        "To": connector.settings.from_number or _CITY_NUMBER,
        "Body": words.text,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
    }
    body = urlencode(fields).encode()
    path = f"/hooks/{connector.name}"
    token = connector.secret(connector.settings.token, "TOKEN").value(connector.environment)
    signature = sign_twilio(token.encode(), words.public_url + path, read_form(body).signed).decode()
    headers = {"content-type": _FORM_TYPE, "x-twilio-signature": signature}
    return _ask(words.base_url + path, body, headers)


def _webhook(connector: Connector[Any], words: _Words) -> str:
    key = connector.signing_key()  # type: ignore[attr-defined]
    if not key:
        raise ConfigError(f"--channel {connector.name}: only the source can sign for a whpk_… key")
    moment = datetime.fromtimestamp(words.now, UTC).isoformat()
    author = {"id": words.sender or "citizen-1", "name": ""}
    payload = {"type": "message.created", "timestamp": moment, "data": {"text": words.text, "author": author}}
    body = msgspec.json.encode(payload)
    webhook_id = f"msg_{uuid7().replace('-', '')}"
    headers = {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(words.now)),
        "webhook-signature": sign_standard(key, webhook_id, int(words.now), body),
    }
    return _ask(f"{words.base_url}/hooks/{connector.name}", body, headers)


def _form(connector: Connector[Any], words: _Words) -> str:
    """Loads the page and sends its form, as a browser does."""
    page = _ask(f"{words.base_url}/")
    token = _TOKEN.search(page)
    if token is None:
        raise Rejected(f"{words.base_url}/ shows no form; is [connectors.{connector.name}] running?")
    fields = {"token": unescape(token[1]), "text": words.text, "contact": words.sender}
    answer = _ask(f"{words.base_url}/hooks/{connector.name}", urlencode(fields).encode(), {"content-type": _FORM_TYPE})
    return "received" if "<html" in answer else answer


def _email(connector: Connector[Any], words: _Words) -> str:
    settings = connector.settings
    mail = EmailMessage()
    mail["From"] = words.sender or _CITIZEN_MAIL
    mail["To"] = settings.addresses[0]
    mail["Subject"] = words.text.partition("\n")[0][:60]
    mail["Date"] = format_datetime(datetime.fromtimestamp(words.now, UTC))
    mail["Message-ID"] = make_msgid(domain="example.com")
    mail.set_content(words.text)
    try:
        with smtplib.SMTP(settings.host, settings.port, timeout=_TIMEOUT_SECONDS) as smtp:
            smtp.send_message(mail)
    except smtplib.SMTPResponseException as error:
        raise Rejected(f"refused with {error.smtp_code}: {error.smtp_error!r}") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise Rejected(f"refused: {error.recipients}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"nothing takes mail at {settings.host}:{settings.port}: {error}") from error
    return f"250 accepted as {mail['Message-ID']}"


def _ask(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> str:
    # The address is the instance's own, checked to be http; a proxy of the machine has no business in between.
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return f"{answer.status} {answer.read().decode('utf-8', 'replace')}".strip()
    except urllib.error.HTTPError as error:
        words = error.read(2_000).decode("utf-8", "replace").strip()
        kind = Unavailable if error.code >= 500 else Rejected
        raise kind(f"refused with {error.code}: {words}") from error
    except (OSError, HTTPException) as error:
        raise Unavailable(f"nothing answers at {url}: {error}. Is `eungdapso run` running?") from error


_WAYS: Mapping[str, Callable[[Connector[Any], _Words], str]] = {
    "sms": _sms,
    "webhook": _webhook,
    "form": _form,
    "email": _email,
}
