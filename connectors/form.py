"""The web page's form: a signed, short-lived token against blind posts, and what a citizen wrote."""

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cached_property, lru_cache
from hashlib import blake2b
from urllib.parse import parse_qsl

from pydantic import Field
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field as Part
from python_multipart.multipart import File, parse_options_header

from connectors.base import ChannelSettings, Request, Response, Webhook
from core.contact import is_mail, phone_of
from core.errors import Forged, Rejected
from core.message import Assurance, Author, Message
from core.settings import SecretRef
from core.text import clean

# Names of the page's inputs. People do not see TRAP; what fills it in is a machine.
TEXT, NAME, CONTACT, PLACE, TOKEN, TRAP = "text", "name", "contact", "place", "token", "website"

_MOST_FIELDS = 20
_MOST_LINE_CHARACTERS = 200
_CLOCK_SKEW_SECONDS = 60
_THANKS = """<!doctype html>
<html lang="ko">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>접수되었습니다</title></head>
<body>
<h1>접수되었습니다</h1>
<p>보내 주신 내용을 잘 받았습니다. 담당 부서를 정하여 처리하겠습니다.</p>
<p lang="en">We have received your message.</p>
<p><a href="/">처음 화면으로</a></p>
</body>
</html>
"""


class FormSettings(ChannelSettings):
    """[connectors.form]"""

    key: SecretRef | None = None
    """Key that signs the page's tokens; left out: EUNGDAPSO_<NAME>_KEY, and without that a random one of this
    process (pages that are open while it restarts must then be loaded again)."""
    token_hours: float = Field(default=12.0, gt=0, le=168)
    """How long a page may stay open before it is sent, in hours."""
    most_characters: int = Field(default=10_000, ge=100, le=100_000)
    """Longest text, in characters."""
    country_code: str = Field(default="82", pattern=r"^[1-9]\d{0,2}$")
    """Country of telephone numbers that begin with 0."""


class Form(Webhook[FormSettings]):
    """What is sent from the page. Sent twice by a double click, it is one message; what it refuses, it explains to
    a citizen."""

    Settings = FormSettings
    names_earlier = True
    most_bytes = 262_144

    def token(self, now: float) -> str:
        """Returns a new token for one page; `now` is the machine's Unix time in seconds."""
        head = f"{secrets.token_urlsafe(12)}.{int(now)}"
        return f"{head}.{self._mac(head)}"

    def receipt(self, token: str) -> str:
        """Returns what says that the page with this token was filed: nobody else can say it."""
        return f"{token}.{self._signed(f'filed.{self.name}.{token}')}"

    def verify(self, request: Request, *, now: float) -> None:
        token = _fields(request).get(TOKEN, "")
        head, _, mac = token.rpartition(".")
        if not hmac.compare_digest(self._mac(head).encode(), mac.encode()):
            raise Forged("이 창에서 보낸 내용인지 확인하지 못했습니다. 화면을 새로 고친 뒤 다시 보내 주십시오.")
        age_seconds = now - int(head.rpartition(".")[2])
        if not -_CLOCK_SKEW_SECONDS <= age_seconds <= self.settings.token_hours * 3600:
            raise Forged("창을 연 지 오래되어 보내지 못했습니다. 화면을 새로 고친 뒤 다시 보내 주십시오.")

    def parse(self, request: Request) -> list[Message]:
        fields = _fields(request)
        if fields.get(TRAP):
            raise Rejected("자동으로 작성된 내용으로 보여 받지 않았습니다.")
        text, place = self._text(fields), _line(fields, PLACE, "장소")
        name, contact = _line(fields, NAME, "이름"), self._contact(fields)
        message = Message(
            id="",
            channel=self.name,
            account=self.name,
            native_id=_token(fields),
            # Another text from a page that was gone back to is not the same message again.
            version=_version(fields),
            received_at=request.received_at,
            conversation=_token(fields),
            author=_author(contact, name),
            # Routing reads one text; where it is belongs to it.
            text=f"{text}\n\n장소: {place}" if place else text,
            reply_to=contact,
            replyable=bool(contact),
        )
        return [message]

    def acknowledge(self) -> Response:
        return Response(body=_THANKS.encode(), media_type="text/html; charset=utf-8")

    @cached_property
    def _key(self) -> bytes:
        return self.secret(self.settings.key, "KEY").value(self.environment).encode() or secrets.token_bytes(32)

    def _mac(self, head: str) -> str:
        return self._signed(f"{self.name}.{head}")

    def _signed(self, what: str) -> str:
        digest = hmac.digest(self._key, what.encode(), "sha256")
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def _text(self, fields: Mapping[str, str]) -> str:
        text = clean(fields.get(TEXT, ""))
        if not text:
            raise Rejected("내용을 적어 주십시오.")
        if len(text) > self.settings.most_characters:
            raise Rejected(f"내용은 {self.settings.most_characters:,}자까지 보낼 수 있습니다.")
        return text

    def _contact(self, fields: Mapping[str, str]) -> str:
        contact = _line(fields, CONTACT, "연락처")
        if not contact or is_mail(contact):
            return contact
        phone = phone_of(contact, self.settings.country_code)
        if not phone:
            raise Rejected("연락처는 전자우편 주소나 전화번호로 적어 주십시오.")
        return phone


# Verifying and parsing read the same form one after the other; only that one is kept.
@lru_cache(maxsize=1)
def _read(body: bytes, content_type: str) -> Mapping[str, str]:
    kind, options = parse_options_header(content_type)
    try:
        if kind == b"multipart/form-data":
            return _read_parts(body, options.get(b"boundary", b""))
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except (FormParserError, ValueError) as error:
        raise Rejected("보낸 내용을 읽지 못했습니다. 다시 보내 주십시오.", status=400) from error
    return dict(pairs)


def _read_parts(body: bytes, boundary: bytes) -> Mapping[str, str]:
    parts: list[tuple[bytes, bytes]] = []

    def take(part: Part) -> None:
        parts.append((part.field_name or b"", part.value or b""))

    def refuse(file: File) -> None:
        if file.size:
            raise Rejected("이 화면에서는 파일을 보낼 수 없습니다.")

    parser = FormParser("multipart/form-data", take, refuse, boundary=boundary)
    parser.write(body)
    parser.finalize()
    if len(parts) > _MOST_FIELDS:
        raise ValueError("too many fields")
    return {name.decode(): value.decode() for name, value in parts}


def _fields(request: Request) -> Mapping[str, str]:
    return _read(request.body, request.headers.get("content-type", ""))


def _line(fields: Mapping[str, str], name: str, called: str) -> str:
    line = clean(fields.get(name, "").replace("\n", " "))
    if len(line) > _MOST_LINE_CHARACTERS:
        raise Rejected(f"{called} 칸은 {_MOST_LINE_CHARACTERS}자까지 적을 수 있습니다.")
    return line


def _token(fields: Mapping[str, str]) -> str:
    token = fields.get(TOKEN, "")
    if not re.fullmatch(r"[\w-]{8,64}\.\d{1,12}\.[\w-]{43}", token, re.ASCII):
        raise Rejected("보낸 내용을 읽지 못했습니다. 다시 보내 주십시오.", status=400)
    return token


def _version(fields: Mapping[str, str]) -> str:
    words = "\0".join(fields.get(name, "") for name in (TEXT, NAME, CONTACT, PLACE))
    return blake2b(words.encode(), digest_size=8).hexdigest()


def _author(contact: str, name: str) -> Author:
    if not contact and not name:
        return Author()
    return Author(handle=contact, name=name, assurance=Assurance.SELF_DECLARED)
