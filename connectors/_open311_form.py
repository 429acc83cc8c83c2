"""The form of a GeoReport request: read within bounds, every mistake in it said at once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from urllib.parse import parse_qsl

import msgspec

from core.contact import is_mail, phone_of
from core.errors import Rejected
from core.message import Location
from core.text import clean

_MOST_FIELDS = 200
_MOST_ATTRIBUTES = 50
_MOST_DESCRIPTION = 4_000
# Names of what may be sent, with the most characters of each.
_LENGTHS: Mapping[str, int] = {
    "service_code": 100,
    "lat": 30,
    "long": 30,
    "address_string": 500,
    "address_id": 100,
    "email": 200,
    "device_id": 200,
    "account_id": 200,
    "first_name": 100,
    "last_name": 100,
    "phone": 40,
    "media_url": 2_000,
}
_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]{1,100})\](?:\[\])?")
_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{1,20})?")
_URL = re.compile(r"https?://[^\s\x00-\x1f]{1,1990}")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UNREADABLE = "보낸 내용을 읽지 못했습니다. application/x-www-form-urlencoded 형식과 UTF-8로 보내 주십시오."


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sent, checked; "" for what is not there."""

    service_code: str
    description: str
    location: Location | None
    address: str
    address_id: str
    email: str
    phone: str
    name: str
    account_id: str
    device_id: str
    media_url: str
    attributes: tuple[tuple[str, str], ...]
    # All that was sent, in one order: the same for the same report.
    said: tuple[tuple[str, str], ...]


def keys_in(body: bytes) -> set[str]:
    """Returns every api_key in a form, whatever else is wrong with it."""
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return set()
    return {value for name, value in pairs if name == "api_key"}


def report_of(body: bytes, content_type: str, country_code: str) -> Report:
    """Returns the report; raises `Rejected` (400) with one line for each mistake."""
    fields, attributes = _read(body, content_type)
    if mistakes := [*_mistakes(fields, attributes, country_code)]:
        raise Rejected("\n".join(mistakes), status=400)
    location = Location(float(fields["lat"]), float(fields["long"])) if fields.get("lat") else None
    return Report(
        service_code=fields["service_code"],
        description=fields.get("description", ""),
        location=location,
        address=fields.get("address_string", ""),
        address_id=fields.get("address_id", ""),
        email=fields.get("email", ""),
        phone=phone_of(fields.get("phone", ""), country_code),
        name=_name(fields.get("last_name", ""), fields.get("first_name", "")),
        account_id=fields.get("account_id", ""),
        device_id=fields.get("device_id", ""),
        media_url=fields.get("media_url", ""),
        attributes=tuple(attributes),
        said=(*sorted(fields.items()), *attributes),
    )


# Who is asked for the service, for the message and for its names reads the same form; only that one is kept.
@lru_cache(maxsize=1)
def _read(body: bytes, content_type: str) -> tuple[Mapping[str, str], Sequence[tuple[str, str]]]:
    if content_type.partition(";")[0].strip().lower() not in ("", "application/x-www-form-urlencoded"):
        raise Rejected(_UNREADABLE, status=400)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Rejected(_UNREADABLE, status=400) from error
    fields: dict[str, str] = {}
    attributes: list[tuple[str, str]] = []
    for name, value in pairs:
        # What is empty is the same as what is not there.
        if not (cleaned := clean(value)):
            continue
        if found := _ATTRIBUTE.fullmatch(name):
            attributes.append((clean(found[1]), _line(cleaned)))
        elif (name == "description" or name in _LENGTHS) and fields.setdefault(name, cleaned) != cleaned:
            raise Rejected(f"{name}: 서로 다른 값이 두 번 있습니다. 한 번만 보내 주십시오.", status=400)
    return {name: value if name == "description" else _line(value) for name, value in fields.items()}, attributes


def _line(text: str) -> str:
    return text.replace("\n", " ")


def _mistakes(fields: Mapping[str, str], attributes: Sequence[tuple[str, str]], country_code: str) -> Iterator[str]:
    yield from _too_long(fields, attributes)
    if not fields.get("service_code"):
        yield "service_code: 민원 종류를 보내 주십시오. services에서 고를 수 있습니다."
    elif not _SERVICE.fullmatch(fields["service_code"]):
        yield "service_code: 민원 종류의 이름이 아닙니다."
    yield from _misplaced(fields)
    if fields.get("email") and not is_mail(fields["email"]):
        yield "email: 전자우편 주소가 아닙니다."
    if fields.get("phone") and not phone_of(fields["phone"], country_code):
        yield "phone: 전화번호가 아닙니다."
    if fields.get("media_url") and not _URL.fullmatch(fields["media_url"]):
        yield "media_url: http나 https로 시작하는 주소로 보내 주십시오."


def _too_long(fields: Mapping[str, str], attributes: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, value in fields.items():
        most = _LENGTHS.get(name, _MOST_DESCRIPTION)
        if len(value) > most:
            yield f"{name}: {most:,}자까지 보낼 수 있습니다."
    if len(attributes) > _MOST_ATTRIBUTES or any(len(value) > _LENGTHS["address_string"] for _, value in attributes):
        yield f"attribute: {_MOST_ATTRIBUTES}개까지, 하나에 {_LENGTHS['address_string']}자까지 보낼 수 있습니다."


def _misplaced(fields: Mapping[str, str]) -> Iterator[str]:
    lat, long = fields.get("lat", ""), fields.get("long", "")
    if not (lat or long):
        if not (fields.get("address_string") or fields.get("address_id")):
            yield "lat, long, address_string, address_id: 장소가 없습니다. lat과 long, 또는 주소 하나를 보내 주십시오."
    elif not (lat and long):
        yield "lat, long: 위도와 경도를 함께 보내 주십시오."
    elif not (
        _DEGREES.fullmatch(lat) and _DEGREES.fullmatch(long) and abs(float(lat)) <= 90 and abs(float(long)) <= 180
    ):
        yield "lat, long: WGS84 위도와 경도를 도 단위의 수로 보내 주십시오."


def _name(family: str, given: str) -> str:
    """Returns a name in its order: the family's first in Hangul, without a blank."""
    if any("가" <= character <= "힣" for character in family + given):
        return f"{family}{given}"
    return f"{given} {family}".strip()
