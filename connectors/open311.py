"""Open311 GeoReport v2: reports that client programs post, each with a key of its own."""

import hmac
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field, StringConstraints

from connectors._open311_form import Report, keys_in, report_of
from connectors.base import ChannelSettings, Request, Spoken, Webhook, Words
from core.contact import is_mail, phone_of
from core.errors import ConfigError, Forged, Rejected
from core.ids import uuid7
from core.message import Assurance, Attachment, Author, Message
from core.settings import Secret, SecretRef

# The service of what fits no other.
OTHER = "other"
_FORM = "application/x-www-form-urlencoded"
# The same report again within so long is the same message.
_SAME_SECONDS = 7 * 86_400
# The address numbers of the road-name address system begin with the code of the district.
_ADDRESS_ID = re.compile(r"[0-9]{10,30}")
_NO_KEY = "api_key가 없거나 맞지 않습니다."

Client = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]


class Open311Settings(ChannelSettings):
    """[connectors.open311]"""

    key: SecretRef | None = None
    """Key of the client programs that have none of their own; left out: EUNGDAPSO_<NAME>_KEY."""
    clients: tuple[Client, ...] = ()
    """Client programs with keys of their own: EUNGDAPSO_<NAME>_KEY_<CLIENT>. Their names are accounts."""
    jurisdiction_id: str = ""
    """The city as clients name it; another one is refused. Left out: whatever they name is passed over."""
    contact: str = "120"
    """Whom programmers ask; stands in the discovery."""
    key_service: str = ""
    """How a key is to be had; stands in the discovery."""
    country_code: str = Field(default="82", pattern=r"^[1-9]\d{0,2}$")
    """Country of telephone numbers that begin with 0."""
    lists_a_minute: int = Field(default=60, ge=0)
    """How often one address may ask for lists of requests in a minute; 0: as often as it likes."""


class Open311(Webhook[Open311Settings]):
    """What client programs report. GeoReport knows no message id: the same report of the same client within a week
    is the same message. Who wrote is self-declared."""

    Settings = Open311Settings
    names_earlier = True
    most_bytes = 131_072

    @property
    def jurisdiction_id(self) -> str:
        return self.settings.jurisdiction_id

    @property
    def lists_a_minute(self) -> int:
        return self.settings.lists_a_minute

    @property
    def contacts(self) -> Mapping[str, str]:
        """What the discovery says to programmers."""
        return {"contact": self.settings.contact, "key_service": self.settings.key_service}

    def missing(self) -> Sequence[str]:
        return () if self._keys else tuple(reference.env for _, reference in self._references)

    def verify(self, request: Request, *, now: float) -> None:
        if not self._client(request):
            raise Forged(_NO_KEY)

    def parse(self, request: Request) -> list[Message]:
        client, report = self._client(request), self._report(request)
        if not client:
            raise Rejected(_NO_KEY, status=403)
        name, contact = self._name(client, report, self._week(request)), report.email or report.phone
        message = Message(
            id="",
            channel=self.name,
            account=client,
            native_id=name,
            received_at=request.received_at,
            # Every report has a number of its own: one after another is no conversation.
            conversation=name,
            author=_author(client, report, contact),
            text=_text(report),
            location=report.location,
            attachments=(Attachment(name="1", place=report.media_url),) if report.media_url else (),
            reply_to=contact,
            replyable=bool(contact),
            topic_hint=report.service_code,
            district_hint=report.address_id[:5] if _ADDRESS_ID.fullmatch(report.address_id) else "",
        )
        return [message]

    def names(self, request: Request) -> tuple[str, ...]:
        """Returns the native ids that the same report can have had: this week's, the last one's. Raises `Rejected`."""
        client, report, week = self._client(request), self._report(request), self._week(request)
        return self._name(client, report, week), self._name(client, report, week - 1)

    def service_of(self, request: Request) -> str:
        """Returns the service that was chosen; raises `Rejected`."""
        return self._report(request).service_code

    def spoken(self, words: Words) -> Spoken:
        key = next(iter(self._keys.values()), b"").decode()
        if not key:
            raise ConfigError(f"--channel {self.name}: {', '.join(self.missing())} is not set")
        sender = words.sender or "citizen@example.com"
        phone = phone_of(sender, self.settings.country_code)
        contact = {"email": sender} if is_mail(sender) else {"phone": phone} if phone else {"account_id": sender}
        # What is said again is not sent again.
        said = {"service_code": OTHER, "address_string": "서울특별시", "description": words.text, "device_id": uuid7()}
        body = urlencode({"api_key": key, **said, **contact}).encode()
        return Spoken(path="/open311/v2/requests.json", body=body, headers={"content-type": _FORM})

    @property
    def _references(self) -> list[tuple[str, Secret]]:
        own = self.secret(self.settings.key, "KEY")
        named = [(one, self.secret(None, f"KEY_{one.upper().replace('-', '_')}")) for one in self.settings.clients]
        return [(self.name, own), *named]

    @cached_property
    def _keys(self) -> Mapping[str, bytes]:
        """Clients and their keys, of those that have one."""
        values = ((client, reference.value(self.environment)) for client, reference in self._references)
        return {client: value.encode() for client, value in values if value}

    def _client(self, request: Request) -> str:
        """Returns whose key it is, "" for nobody's; a form with several keys has none."""
        given = keys_in(request.body)
        if len(given) != 1:
            return ""
        key = given.pop().encode("utf-8", "replace")
        matching = [client for client, known in self._keys.items() if hmac.compare_digest(known, key)]
        return matching[0] if matching else ""

    def _report(self, request: Request) -> Report:
        return report_of(request.body, request.headers.get("content-type", ""), self.settings.country_code)

    def _week(self, request: Request) -> int:
        return int(request.received_at.timestamp()) // _SAME_SECONDS

    def _name(self, client: str, report: Report, week: int) -> str:
        """Returns what nobody without the client's key can make: it is also the token that opens the number."""
        said = "".join(f"{len(part)}:{part}" for pair in report.said for part in pair)
        key = self._keys.get(client, b"")
        return f"{week:x}-{blake2b(said.encode(), key=blake2b(key).digest(), digest_size=16).hexdigest()}"


def _author(client: str, report: Report, contact: str) -> Author:
    # Two client programs may number different people alike.
    own = report.account_id or report.device_id
    handle = contact or (f"{client}:{own}" if own else "")
    if not handle and not report.name:
        return Author()
    return Author(handle=handle, name=report.name, assurance=Assurance.SELF_DECLARED)


def _text(report: Report) -> str:
    """Returns what routing and officers read: the words, where it is, and what else was asked for."""
    lines = [f"{code}: {value}" for code, value in report.attributes]
    lines += [f"장소: {report.address}"] if report.address else []
    lines += [f"주소 번호: {report.address_id}"] if report.address_id else []
    # Letters go by mail then; an officer may ring all the same.
    lines += [f"전화: {report.phone}"] if report.phone and report.email else []
    return "\n\n".join(part for part in (report.description, "\n".join(lines)) if part)
