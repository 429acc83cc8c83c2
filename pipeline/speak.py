"""Speaks a channel's real protocol to the running instance, signed as its provider signs: `eungdapso send`."""

import re
import smtplib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from html import unescape
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from connectors.base import Connector, Webhook, Words
from core.errors import ConfigError, Rejected, Unavailable

_TIMEOUT_SECONDS = 30
_CITIZEN_MAIL = "citizen@example.com"
_FORM_TYPE = "application/x-www-form-urlencoded"
_TOKEN = re.compile(r'<input[^>]*\bname="token"[^>]*\bvalue="([^"]+)"')


def speak(connector: Connector[Any], text: str, *, base_url: str, sender: str, now: float, public_url: str = "") -> str:
    """Sends the text as a citizen would and returns what was answered.

    `sender` is the citizen's number, id or address ("" for a made-up one), `public_url` is left out when it is
    `base_url`. Raises `ConfigError` when the channel cannot be spoken, `Rejected` when the instance refuses,
    `Unavailable` when it does not listen.
    """
    way = _WAYS.get(type(connector).__module__.rpartition(".")[2])
    if way is None and not isinstance(connector, Webhook):
        raise ConfigError(f"--channel {connector.name}: nobody can call it; it asks its provider by itself")
    missing = connector.missing()
    if missing:
        raise ConfigError(f"--channel {connector.name}: {', '.join(missing)} is not set, so nothing can be signed")
    base_url = base_url.rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        raise ConfigError(f"'{base_url}' is no address; it begins with http:// or https://")
    words = Words(text=text, sender=sender, public_url=public_url.rstrip("/") or base_url, now=now)
    return (way or _hook)(connector, words, base_url)


def _hook(connector: Any, words: Words, base_url: str) -> str:
    spoken = connector.spoken(words)
    return _ask(base_url + spoken.path, spoken.body, spoken.headers)


def _form(connector: Any, words: Words, base_url: str) -> str:
    """Loads the page and sends its form, as a browser does."""
    page = _ask(f"{base_url}/")
    token = _TOKEN.search(page)
    if token is None:
        raise Rejected(f"{base_url}/ shows no form; is [connectors.{connector.name}] running?")
    fields = {"token": unescape(token[1]), "text": words.text, "contact": words.sender}
    answer = _ask(f"{base_url}/hooks/{connector.name}", urlencode(fields).encode(), {"content-type": _FORM_TYPE})
    return "received" if "<html" in answer else answer


def _email(connector: Any, words: Words, _base_url: str) -> str:
    settings = connector.settings
    mail = EmailMessage()
    mail["From"] = words.sender or _CITIZEN_MAIL
    mail["To"] = settings.addresses[0]
    mail["Subject"] = words.text.partition("\n")[0][:60]
    mail["Date"] = format_datetime(datetime.fromtimestamp(words.now, UTC))
    mail["Message-ID"] = make_msgid(domain="example.com")
    mail.set_content(words.text)
    client = smtplib.LMTP if settings.protocol == "lmtp" else smtplib.SMTP
    place = str(settings.socket or settings.host)
    try:
        with client(place, 0 if settings.socket else settings.port, timeout=_TIMEOUT_SECONDS) as smtp:
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


# Those that are no hooks, or are spoken to as a browser does.
_WAYS: Mapping[str, Callable[[Any, Words, str], str]] = {"form": _form, "email": _email}
