"""SMS and MMS by Twilio's protocol: signed webhooks in, REST out."""

import hmac
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from urllib.parse import parse_qs, urlencode

import msgspec
from pydantic import Field

from connectors._cp949 import LONG_BYTES, SHORT_BYTES
from connectors._texting import CITIZEN_NUMBER, CITY_NUMBER, may_be_answered, wants_peace
from connectors._twilio_errors import words_for
from connectors._twilio_form import Algorithm, other_spellings, read_form, sign
from connectors.base import ChannelSettings, Locator, Request, Response, Spoken, Webhook, Words
from core.contact import normal_number
from core.errors import Forged, Rejected
from core.ids import uuid7
from core.message import Assurance, Attachment, Author, DeliveryReport, Location, Message
from core.reply import Sender, Style
from core.settings import SecretRef
from core.text import clean

_MOST_MEDIA = 10
_ALGORITHMS: dict[str, Algorithm] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_ARRIVED = frozenset({"", "received", "receiving"})
_STATUS = re.compile(r"[a-z][a-z_-]{0,30}")
# It is with the provider, which said so already when it took the message.
_UNDER_WAY = frozenset({"accepted", "scheduled", "queued", "sending"})
# What became of it for good, and it did not arrive.
_NOT_ARRIVED = frozenset({"failed", "undelivered", "canceled"})
_ROW = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_THANKS = Response(body=b'<?xml version="1.0" encoding="UTF-8"?><Response/>', media_type="text/xml; charset=utf-8")


class SmsSettings(ChannelSettings):
    """[connectors.sms]"""

    token: SecretRef | None = None
    """Auth token that signs what comes in and opens the way out; left out: EUNGDAPSO_<NAME>_TOKEN."""
    shared_key: SecretRef | None = None
    """Key of webhooks signed with HMAC_SHA256; left out: the token."""
    account_sid: SecretRef | None = None
    """Account that sends; left out: EUNGDAPSO_<NAME>_ACCOUNT_SID."""
    api_url: str = Field(default="", pattern=r"^(https?://[^\s/]+(/\S*)?)?$")
    """Where messages go out: https://api.twilio.com or what speaks like it; "" delivers to files."""
    from_number: str = ""
    """Number that answers come from (E.164); "" for the one that the citizen wrote to."""
    receipts: bool = True
    """Whether the provider is asked to tell, at this channel's hook, what becomes of each message."""
    country_code: str = Field(default="82", pattern=r"^[1-9]\d{0,2}$")
    """Country of numbers that begin with 0."""
    link: bool = False
    """Whether the link to the case stands in messages."""
    most_bytes: int = Field(default=LONG_BYTES, ge=SHORT_BYTES, le=LONG_BYTES)
    """Longest outgoing message in bytes of cp949: 90 is one short message, 2,000 one long one."""
    contact: str = "120"
    """Where a message that had to be cut sends the reader."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """Longest wait for one call to the provider."""


class Sms(Webhook[SmsSettings]):
    """Text messages. Whoever can name a number can write in its name, so authors are self-declared; answers go to
    the number and nowhere else."""

    Settings = SmsSettings
    most_bytes = 65_536

    def __init__(self, name: str, settings: SmsSettings, **rest: Mapping[str, str]) -> None:
        super().__init__(name, settings, **rest)
        self.style = Style(short=True, link=settings.link)
        self._token = self.secret(settings.token, "TOKEN")
        self._account_sid = self.secret(settings.account_sid, "ACCOUNT_SID")

    def missing(self) -> Sequence[str]:
        return () if self._token.value(self.environment) else (self._token.env,)

    def verify(self, request: Request, *, now: float) -> None:
        settings = request.headers.get("x-twilio-webhooks-signature-settings", "")
        algorithm = _algorithm(settings) if settings else "sha1"
        key = self._keys[algorithm]
        if not key:
            raise Forged("no token to check signatures with")
        claimed = request.headers.get("x-twilio-signature", "").encode()
        signed = _signed_part(request)
        if hmac.compare_digest(sign(key, request.url, signed, algorithm), claimed):
            return
        for url in other_spellings(request.url):
            if hmac.compare_digest(sign(key, url, signed, algorithm), claimed):
                return
        raise Forged("signature does not match")

    def parse(self, request: Request) -> list[Message]:
        fields = _fields(request)
        status = fields.get("MessageStatus") or fields.get("SmsStatus", "")
        if status in _UNDER_WAY:
            return []
        if fields.get("MessageStatus") or status not in _ARRIVED:
            return [self._report(fields, request)]
        return [self._message(fields, request)]

    def acknowledge(self) -> Response:
        return _THANKS

    def sender(self) -> Sender | None:
        """Returns None as long as `api_url` is "" or a secret is missing: replies are then delivered to files."""
        account_sid, token = self._account_sid.value(self.environment), self._token.value(self.environment)
        if not (self.settings.api_url and account_sid and token):
            return None
        # Importing the provider's library takes a sixth of a second; many instances never send by it.
        from connectors._twilio_rest import Twilio

        return Twilio(self.settings, account_sid, token, self._receipts_url())

    def locator(self) -> Locator:
        from connectors._twilio_media import TwilioMedia

        account_sid, token = self._account_sid.value(self.environment), self._token.value(self.environment)
        return TwilioMedia(self.settings.api_url, account_sid, token)

    def spoken(self, words: Words) -> Spoken:
        sid = "SM" + uuid7().replace("-", "")
        fields = {
            "MessageSid": sid,
            "SmsSid": sid,
            "AccountSid": "AC" + "0" * 32,
            "From": words.sender or CITIZEN_NUMBER,
            "To": self.settings.from_number or CITY_NUMBER,
            "Body": words.text,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "ApiVersion": "2010-04-01",
        }
        body, path = urlencode(fields).encode(), f"/hooks/{self.name}"
        signature = sign(self._keys["sha1"], words.public_url + path, read_form(body).signed, "sha1").decode()
        headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
        return Spoken(path=path, body=body, headers=headers)

    @cached_property
    def _keys(self) -> Mapping[Algorithm, bytes]:
        token = self._token.value(self.environment)
        shared = self.settings.shared_key.value(self.environment) if self.settings.shared_key else token
        return {"sha1": token.encode(), "sha256": shared.encode()}

    def _message(self, fields: Mapping[str, str], request: Request) -> Message:
        author = self._address(fields, "From")
        account = self._address(fields, "To")
        text, attachments = clean(fields.get("Body", "")), _attachments(fields)
        if not text and not attachments:
            raise Rejected("Body is empty and there are no pictures")
        signals = _signals(fields, text)
        return Message(
            id="",
            channel=self.name,
            account=account,
            native_id=_native_id(fields),
            received_at=request.received_at,
            conversation=f"{account}|{author}",
            author=Author(handle=author, assurance=Assurance.SELF_DECLARED),
            text=text,
            attachments=attachments,
            location=_location(fields),
            reply_to=author,
            replyable=may_be_answered(author) and not signals,
            signals=signals,
        )

    def _receipts_url(self) -> str:
        """Returns where the provider tells what became of a message; "" when it could not call us there."""
        is_public = self.public_url.startswith("https://") or self.settings.api_url.startswith("http://")
        return (
            f"{self.public_url}/hooks/{self.name}" if self.settings.receipts and self.public_url and is_public else ""
        )

    def _report(self, fields: Mapping[str, str], request: Request) -> Message:
        """What became of a message of ours; one version for each state that it goes through."""
        status = fields.get("MessageStatus") or fields["SmsStatus"]
        if not _STATUS.fullmatch(status):
            raise Rejected("MessageStatus is no state")
        recipient = self._address(fields, "To")
        native_id = _native_id(fields)
        report = DeliveryReport(
            action="failed" if status in _NOT_ARRIVED else status,
            status=words_for(_code(fields)),
            recipient=recipient,
            original_id=_row(request) or native_id,
            provider_id=native_id,
        )
        return Message(
            id="",
            channel=self.name,
            account=self._address(fields, "From"),
            native_id=native_id,
            version=status,
            received_at=request.received_at,
            conversation=f"{self._address(fields, 'From')}|{recipient}",
            replyable=False,
            signals=(f"delivery report: {status}",),
            report=report,
        )

    def _address(self, fields: Mapping[str, str], name: str) -> str:
        address = normal_number(fields.get(name, ""), self.settings.country_code)
        if not address:
            raise Rejected(f"{name} is missing or no address")
        return address


def _algorithm(settings_header: str) -> Algorithm:
    """Returns what `key=…,algorithm=HMAC_SHA256` names; without it the signature is the old one."""
    named = [
        part.partition("=")[2].strip() for part in settings_header.split(",") if part.strip().startswith("algorithm=")
    ]
    wanted = next(filter(None, named), "HMAC_SHA1")
    if wanted.upper() not in _ALGORITHMS:
        raise Forged("unknown signature algorithm")
    return _ALGORITHMS[wanted.upper()]


def _is_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "")


def _signed_part(request: Request) -> bytes:
    """Returns what is signed after the address: a form's fields; of JSON only its digest, in the address."""
    if not _is_json(request):
        return read_form(request.body).signed
    digest = parse_qs(request.query).get("bodySHA256", [""])[0]
    if not hmac.compare_digest(sha256(request.body).hexdigest().encode(), digest.encode()):
        raise Forged("digest of the body does not match")
    return b""


def _fields(request: Request) -> Mapping[str, str]:
    if _is_json(request):
        try:
            return msgspec.json.decode(request.body, type=dict[str, str])
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            raise Rejected("the body is no JSON object of texts", status=400) from error
    form = read_form(request.body)
    if not form.is_text:
        raise Rejected("the form is not in UTF-8", status=400)
    return form.fields


def _native_id(fields: Mapping[str, str]) -> str:
    found = fields.get("MessageSid") or fields.get("SmsMessageSid") or fields.get("SmsSid") or ""
    if not re.fullmatch(r"[\w-]{1,64}", found, re.ASCII):
        raise Rejected("MessageSid is missing or no id")
    return found


def _code(fields: Mapping[str, str]) -> str:
    """Returns the error code, "" for none."""
    found = fields.get("ErrorCode", "")
    return found if re.fullmatch(r"[1-9]\d{1,5}", found, re.ASCII) else ""


def _row(request: Request) -> str:
    """Returns our own name of the message, as we wrote it into the address; a receipt may be quicker than the proof
    that the message went, and then the provider's name of it is not known yet."""
    found = parse_qs(request.query).get("reply", [""])[0]
    return found if _ROW.fullmatch(found) else ""


def _attachments(fields: Mapping[str, str]) -> tuple[Attachment, ...]:
    count = fields.get("NumMedia") or "0"
    if count == "0":
        return ()
    if not (count.isascii() and count.isdigit() and int(count[:3]) <= _MOST_MEDIA):
        raise Rejected(f"NumMedia is no number up to {_MOST_MEDIA}")
    return tuple(_attachment(fields, place) for place in range(int(count)))


def _attachment(fields: Mapping[str, str], place: int) -> Attachment:
    url = fields.get(f"MediaUrl{place}", "")
    if not re.fullmatch(r"https?://\S{1,2000}", url):
        raise Rejected(f"MediaUrl{place} is missing or no address")
    media_type = fields.get(f"MediaContentType{place}", "")
    if not re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,60}", media_type, re.ASCII):
        media_type = "application/octet-stream"
    return Attachment(name=f"{place + 1}", media_type=media_type, place=url)


def _location(fields: Mapping[str, str]) -> Location | None:
    if not (fields.get("Latitude") and fields.get("Longitude")):
        return None
    try:
        lat, lon = float(fields["Latitude"]), float(fields["Longitude"])
    except ValueError as error:
        raise Rejected("Latitude or Longitude is no number") from error
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        raise Rejected("Latitude or Longitude is not on this earth")
    return Location(lat, lon)


def _signals(fields: Mapping[str, str], text: str) -> tuple[str, ...]:
    """A wish to be left alone is a word to the machine, not to the city: recorded, and never answered."""
    return ("automatic: opt-out",) if fields.get("OptOutType") or wants_peace(text) else ()
