"""SMS, LMS and MMS by a Korean gateway: signed calls in JSON or forms, receipts pushed back, lengths in cp949 bytes."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

import msgspec

from connectors._gateway_settings import MOST_PICTURES, WORDS, SmsDomesticSettings
from connectors._hmac import Dialect
from connectors._paths import MOST_NAME_CHARACTERS, at, decoded, identifier, moment, put, words
from connectors._texting import CITIZEN_NUMBER, CITY_NUMBER, may_be_answered, wants_peace
from connectors.base import Locator, Request, Response, Spoken, Webhook, Words
from core.contact import home_number, normal_number
from core.errors import Rejected
from core.ids import uuid7
from core.message import Assurance, Attachment, Author, DeliveryReport, Message
from core.reply import Sender, Style

_MOST_ITEMS = 1_000
_MOST_ATTACHMENTS = 10


class SmsDomestic(Webhook[SmsDomesticSettings]):
    """Text messages. Whoever can name a number can write in its name, so authors are self-declared; answers go to
    the number and nowhere else."""

    Settings = SmsDomesticSettings

    def __init__(self, name: str, settings: SmsDomesticSettings, **rest: Mapping[str, str]) -> None:
        super().__init__(name, settings, **rest)
        self.style = Style(short=True, link=settings.link)
        self.pictures = MOST_PICTURES if settings.picture_path else 0
        self._secret = self.secret(settings.secret, "SECRET")

    def missing(self) -> Sequence[str]:
        return () if self._dialect.has_key else (self._secret.env,)

    def verify(self, request: Request, *, now: float) -> None:
        self._dialect.check(request, now=now, tolerance_seconds=self.settings.tolerance_seconds)

    def parse(self, request: Request) -> list[Message]:
        payload = decoded(request.body, request.headers.get("content-type", ""), self.settings.charset)
        paths = self.settings.incoming
        items = at(payload, paths.items) if paths.items else [payload]
        if not isinstance(items, list) or len(items) > _MOST_ITEMS:
            raise Rejected(f"{paths.items} is no list of at most {_MOST_ITEMS}")
        found: list[Message] = []
        refused: Rejected | None = None
        for item in items:
            # One that cannot be read harms none of the others in its call.
            try:
                is_receipt = identifier(item, paths.result)
                found.append(self._report(item, request) if is_receipt else self._message(item, request))
            except Rejected as error:
                refused = error
        if refused is not None and not found:
            raise refused
        return found

    def acknowledge(self) -> Response:
        media_type = "application/json" if self.settings.thanks.startswith("{") else "text/plain; charset=utf-8"
        return Response(body=self.settings.thanks.encode(), media_type=media_type)

    def sender(self) -> Sender | None:
        """Returns None as long as `api_url` is "" or the key is missing: replies are then delivered to files."""
        key = self.secret(self.settings.key, "KEY").value(self.environment)
        if not (self.settings.api_url and key):
            return None
        # Importing the HTTP client takes a sixth of a second; many instances never send by it.
        from connectors._gateway_rest import Gateway

        return Gateway(self.settings, key)

    def locator(self) -> Locator:
        from connectors._gateway_rest import Pictures

        return Pictures(self.settings, self.secret(self.settings.key, "KEY").value(self.environment))

    def spoken(self, words: Words) -> Spoken:
        paths, path, native_id = self.settings.incoming, f"/hooks/{self.name}", f"MO{uuid7().replace('-', '')}"
        sender = words.sender or CITIZEN_NUMBER
        item: Any = {}
        for place, value in {
            paths.id: native_id,
            paths.sender: home_number(sender, self.settings.country_code) or sender,
            paths.recipient: self.settings.from_number or home_number(CITY_NUMBER, self.settings.country_code),
            paths.text: words.text,
            paths.sent_at: datetime.fromtimestamp(words.now, UTC).isoformat(),
        }.items():
            item = put(item, place, value)
        payload = put({}, paths.items, [item]) if paths.items else item
        body = msgspec.json.encode(payload).decode().encode(self.settings.charset, "replace")
        headers = self._dialect.headers(words.public_url + path, native_id, int(words.now), body)
        return Spoken(path=path, body=body, headers={"content-type": "application/json", **headers})

    @cached_property
    def _dialect(self) -> Dialect:
        return Dialect(self.settings.signature, self._secret.value(self.environment))

    def _message(self, item: Any, request: Request) -> Message:
        paths = self.settings.incoming
        author, account = self._number(item, paths.sender), self._number(item, paths.recipient)
        text, attachments = words(item, paths.text), self._attachments(item)
        if not text and not attachments:
            raise Rejected(f"{paths.text} is missing or empty, and there are no pictures")
        signals = ("automatic: opt-out",) if wants_peace(text) else ()
        return Message(
            id="",
            channel=self.name,
            account=account,
            native_id=self._native_id(item),
            received_at=request.received_at,
            conversation=f"{account}|{author}",
            author=Author(handle=author, assurance=Assurance.SELF_DECLARED),
            text=text,
            subject=words(item, paths.subject, MOST_NAME_CHARACTERS),
            attachments=attachments,
            sent_at=moment(item, paths.sent_at),
            reply_to=author,
            replyable=may_be_answered(author) and not signals,
            signals=signals,
        )

    def _report(self, item: Any, request: Request) -> Message:
        """What became of a message of ours; each result is a version."""
        paths = self.settings.incoming
        code, native_id = identifier(item, paths.result), self._native_id(item)
        meaning = self.settings.codes.get(code, "refused")
        has_arrived = meaning in {"taken", "delivered", "later"}
        account, recipient = self._number(item, paths.sender), self._number(item, paths.recipient)
        report = DeliveryReport(
            action="delivered" if meaning == "delivered" else "sent" if has_arrived else "failed",
            status=code if has_arrived else f"{code}: {WORDS[meaning]}",
            recipient=recipient,
            original_id=identifier(item, paths.reference) or native_id,
            provider_id=native_id,
        )
        return Message(
            id="",
            channel=self.name,
            account=account,
            native_id=native_id,
            version=f"result {code}",
            received_at=request.received_at,
            conversation=f"{account}|{recipient}",
            replyable=False,
            signals=(f"delivery report: {report.action}",),
            report=report,
        )

    def _number(self, item: Any, path: str) -> str:
        number = normal_number(identifier(item, path), self.settings.country_code)
        if not number:
            raise Rejected(f"{path} is missing or no number")
        return number

    def _native_id(self, item: Any) -> str:
        """Returns the gateway's id; a digest where it gives none, so that the same again is the same."""
        path = self.settings.incoming.id
        found = identifier(item, path) if path else sha256(msgspec.json.encode(item)).hexdigest()[:40]
        if not found:
            raise Rejected(f"{path} is missing")
        return found

    def _attachments(self, item: Any) -> tuple[Attachment, ...]:
        path = self.settings.incoming.attachments
        found = at(item, path)
        if found is None or found == "":
            return ()
        if not isinstance(found, list) or len(found) > _MOST_ATTACHMENTS:
            raise Rejected(f"{path} is no list of at most {_MOST_ATTACHMENTS}")
        return tuple(self._attachment(file, place) for place, file in enumerate(found))

    def _attachment(self, file: Any, place: int) -> Attachment:
        paths = self.settings.incoming
        url = at(file, paths.attachment_url)
        if not (isinstance(url, str) and re.fullmatch(r"https?://[!-~]{1,2000}", url)):
            raise Rejected(f"{paths.attachments}[{place}].{paths.attachment_url} is no address")
        media_type = at(file, paths.attachment_type)
        if not (isinstance(media_type, str) and re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,60}", media_type, re.ASCII)):
            media_type = "application/octet-stream"
        return Attachment(name=f"{place + 1}", media_type=media_type, place=url)
