"""Records of what was said by telephone or in person, filed by an office: [connectors.phone], [connectors.visit]."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from pydantic import Field

from connectors._texting import CITIZEN_NUMBER
from connectors.base import ChannelSettings, Request, Response, Spoken, Webhook, Words
from core.clock import SEOUL
from core.contact import phone_of
from core.errors import ConfigError, Forged, Rejected
from core.ids import uuid7
from core.message import Assurance, Author, Location, Message, Settled
from core.reply import Style
from core.settings import SecretRef
from core.text import clean

_ID = re.compile(r"[!-~]{1,200}")
_OFFICE = re.compile(r"[a-z][a-z0-9.-]{0,63}")
_MOST_TEXT, _MOST_LINE = 20_000, 200

_Line = Annotated[str, msgspec.Meta(max_length=_MOST_LINE)]
_Text = Annotated[str, msgspec.Meta(max_length=_MOST_TEXT)]


class RecordSettings(ChannelSettings):
    """[connectors.phone], [connectors.visit], with type = "record" """

    key: SecretRef | None = None
    """Key of a call centre that files for every office; left out: EUNGDAPSO_<NAME>_KEY. Offices have keys of their own,
    made by `eungdapso key add`."""
    country_code: str = Field(default="82", pattern=r"^[1-9]\d{0,2}$")
    """Country of telephone numbers that begin with 0."""
    link: bool = False
    """Whether the link to the case stands in text messages to callers."""


class _Caller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: _Line = ""
    name: _Line = ""


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is filed. `channel` is there for the API's address, which is the same for all of them."""

    id: str
    office: str
    channel: _Line = ""
    text: _Text = ""
    summary: _Line = ""
    caller: _Caller = _Caller()
    officer: _Line = ""
    started_at: _Line = ""
    ended_at: _Line = ""
    answered: bool = False
    answer: _Text = ""
    lat: float | None = None
    lon: float | None = None
    district: _Line = ""
    topic: _Line = ""
    notify: bool = False


_decode = msgspec.json.Decoder(_Record).decode


class Record(Webhook[RecordSettings]):
    """What an officer, or a call centre's program, wrote down. Who files answers for the office; who called is
    self-declared. Letters go by SMS, and only to who agreed to that."""

    Settings = RecordSettings
    names_earlier = True
    most_bytes = 262_144

    def __init__(self, name: str, settings: RecordSettings, **rest: Mapping[str, str]) -> None:
        super().__init__(name, settings, **rest)
        self.style = Style(short=True, link=settings.link)
        self._key = self.secret(settings.key, "KEY")

    def verify(self, request: Request, *, now: float) -> None:
        key, given = self._key.value(self.environment), request.headers.get("authorization", "")
        if not key or not hmac.compare_digest(f"Bearer {key}".encode(), given.encode("utf-8", "replace")):
            raise Forged("send 'Authorization: Bearer <key>' with the key of the call centre")

    def parse(self, request: Request) -> list[Message]:
        record = _read(request.body)
        number = phone_of(record.caller.number, self.settings.country_code) if record.caller.number else ""
        if record.caller.number and not number:
            raise Rejected("caller.number is no telephone number")
        if record.notify and not number:
            raise Rejected("notify needs caller.number: where is the text message to go?")
        message = Message(
            id="",
            channel=self.name,
            account=record.office,
            native_id=record.id,
            received_at=request.received_at,
            sent_at=_started(record),
            conversation=f"{record.office}|{record.id}",
            author=_author(number, clean(record.caller.name)),
            subject=clean(record.summary),
            text=clean(record.text) or clean(record.summary),
            location=_location(record),
            reply_to=number if record.notify else "",
            replyable=record.notify,
            topic_hint=record.topic,
            district_hint=record.district or record.office,
            settled=_settled(record),
        )
        return [message]

    def acknowledge(self) -> Response:
        return Response(status=200, body=b'{"accepted": true}\n', media_type="application/json")

    def spoken(self, words: Words) -> Spoken:
        key = self._key.value(self.environment)
        if not key:
            raise ConfigError(
                f"--channel {self.name}: {self._key.env} is not set. Set it and start again, or file by "
                "POST /api/v1/records with a key of `eungdapso key add` (docs/channels/records.md)"
            )
        caller = {"number": words.sender or CITIZEN_NUMBER}
        record = {"id": uuid7(), "office": "office.dasan", "text": words.text, "caller": caller, "notify": True}
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        return Spoken(path=f"/hooks/{self.name}", body=msgspec.json.encode(record), headers=headers)


def _read(body: bytes) -> _Record:
    try:
        record = _decode(body)
    except msgspec.ValidationError as error:
        raise Rejected(f"this is no record: {error}") from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Rejected("the body is no JSON in UTF-8", status=400) from error
    if not _ID.fullmatch(record.id):
        raise Rejected("id is missing, or has other characters than letters, digits and signs of ASCII, or over 200")
    if not _OFFICE.fullmatch(record.office):
        raise Rejected("office is no queue's id, e.g. gangnam or office.dasan")
    if not (clean(record.text) or clean(record.summary)):
        raise Rejected("text and summary are empty: what was it about?")
    return record


def _started(record: _Record) -> datetime | None:
    started, ended = _instant("started_at", record.started_at), _instant("ended_at", record.ended_at)
    if started and ended and ended < started:
        raise Rejected("ended_at is before started_at")
    return started


def _instant(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Rejected(f"{name} is no time, e.g. 2026-11-23T10:00:00+09:00") from error
    if not 1970 <= at.year < 2200:
        raise Rejected(f"{name} is in no year of ours")
    return at if at.tzinfo else at.replace(tzinfo=SEOUL)


def _location(record: _Record) -> Location | None:
    if record.lat is None and record.lon is None:
        return None
    if record.lat is None or record.lon is None:
        raise Rejected("lat and lon come together")
    if not (abs(record.lat) <= 90 and abs(record.lon) <= 180):
        raise Rejected("lat or lon is not on this earth")
    return Location(record.lat, record.lon)


def _settled(record: _Record) -> Settled | None:
    if not record.answered:
        if record.answer:
            raise Rejected("answer is there, but answered is false")
        return None
    return Settled(by=clean(record.officer) or record.office, answer=clean(record.answer))


def _author(number: str, name: str) -> Author:
    if not number and not name:
        return Author()
    return Author(handle=number, name=name, assurance=Assurance.SELF_DECLARED)
