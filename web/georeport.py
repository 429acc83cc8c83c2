"""GeoReport v2 written down: what services and cases are there, as JSON or XML."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from xml.etree import ElementTree as ET

import msgspec
from starlette.responses import Response

from cases.letters import deadline
from cases.model import OPEN, Case
from cases.requests import Shown
from config.schema import City, Topic
from core.clock import SEOUL
from web.shown import public_queue

Form = Literal["json", "xml"]
# The service of cases about which nobody knows more, and of reports that fit no other.
OTHER = "other"
_OTHER_NAME, _OTHER_GROUP = "그 밖의 민원", "공통"
_MOST_KEYWORDS = 20
_TYPES: Mapping[Form, str] = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
_ITEMS = {
    "services": "service",
    "service_requests": "request",
    "errors": "error",
    "attributes": "attribute",
    "endpoints": "endpoint",
    "formats": "format",
}
# What XML 1.0 cannot hold in any spelling.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_encode = msgspec.json.Encoder().encode
_LATER = "지금은 처리할 수 없습니다. 잠시 뒤 같은 내용을 다시 보내 주십시오. 두 번 접수되지 않습니다."


def written(form: Form, root: str, value: Any, status: int = 200) -> Response:
    """Returns the answer; `root` is the name of the outermost element of the XML."""
    if form == "json":
        body = _encode(value)
    else:
        plain = ET.tostring(_element(root, value), encoding="unicode")
        body = b'<?xml version="1.0" encoding="UTF-8"?>\n' + plain.encode()
    return Response(body, status_code=status, headers={"content-type": _TYPES[form]})


def form_of(path: str) -> Form:
    """Returns the format that an address asks for; XML is the one that everybody has to understand."""
    return "json" if path.endswith(".json") else "xml"


def refused(form: Form, status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    """Returns errors, one for each line."""
    lines = [line for line in words.splitlines() if line] or ["요청을 처리하지 못했습니다."]
    response = written(form, "errors", [{"code": status, "description": line} for line in lines], status)
    response.headers.update(headers or {})
    return response


def not_now(form: Form, *, status: int = 503, words: str = _LATER, seconds: float = 5) -> Response:
    """Returns errors that say when the same may be asked again."""
    return refused(form, status, words, {"retry-after": str(max(1, math.ceil(seconds)))})


def discovered(url: str, changeset: str, told: Mapping[str, str]) -> dict[str, Any]:
    endpoint = {
        "specification": "http://wiki.open311.org/GeoReport_v2",
        "url": url,
        "changeset": changeset,
        "type": "production",
        "formats": ["text/xml", "application/json"],
    }
    return {"changeset": changeset, **told, "endpoints": [endpoint]}


def services(city: City) -> list[dict[str, Any]]:
    """Returns what can be reported: the city's topics, and one for what fits none of them."""
    named = [_service(topic, _group(topic, city)) for topic in city.topics]
    other = {
        "service_code": OTHER,
        "service_name": _OTHER_NAME,
        "description": "어디에 말씀하실지 모르실 때 고르십시오. 담당부서를 찾아 드립니다. (Anything else)",
        "metadata": False,
        "type": "realtime",
        "keywords": "",
        "group": _OTHER_GROUP,
    }
    return [*named, other]


def is_service(code: str, city: City) -> bool:
    return code == OTHER or any(topic.id == code for topic in city.topics)


def requested(shown: Shown, city: City) -> dict[str, Any]:
    """Returns a case as everybody may see it: never who wrote, never where exactly, words only when released."""
    name, _ = public_queue(shown.queue, city)
    topic = next((topic for topic in city.topics if topic.id == shown.topic), None)
    district = next((one.name for one in city.districts if one.id == shown.district), None)
    is_open = shown.state in OPEN
    return {
        "service_request_id": shown.number,
        "status": "open" if is_open else "closed",
        "status_notes": city.words.states.get(shown.state, shown.state),
        "service_name": topic.name if topic else _OTHER_NAME,
        "service_code": topic.id if topic else OTHER,
        "description": shown.text or None,
        "agency_responsible": name or None,
        "service_notice": notice(name, shown.due_at) if is_open else None,
        "requested_datetime": _instant(shown.received_at),
        "updated_datetime": _instant(shown.updated_at),
        "expected_datetime": _instant(shown.due_at),
        "address": district,
        "address_id": None,
        "zipcode": None,
        "lat": None,
        "long": None,
        "media_url": None,
    }


def notice(queue: str, due_at: datetime | None) -> str | None:
    """Returns who answers and until when, None when neither is known."""
    parts = (f"담당: {queue}" if queue else "", f"{deadline(due_at)}까지 답변드립니다" if due_at else "")
    return ". ".join(part for part in parts if part) or None


def hint(case: Case, city: City) -> str:
    """Returns what has to be known first about an emergency or a delicate matter: whom to ring."""
    urgent = [one.hint for one in city.routing.urgent if one.id == case.urgency]
    kinds = [one.hint for one in city.routing.kinds if one.kind == case.kind]
    return "\n".join(dict.fromkeys(words for words in (*urgent[:1], *kinds[:1]) if words))


def _service(topic: Topic, group: str) -> dict[str, Any]:
    keywords = [word for word in topic.keywords if "," not in word]
    return {
        "service_code": topic.id,
        "service_name": topic.name,
        "description": f"{topic.name}에 관한 신고와 문의. 담당: {group} ({topic.english})",
        "metadata": False,
        "type": "realtime",
        "keywords": ", ".join(keywords[:_MOST_KEYWORDS]),
        "group": group,
    }


def _group(topic: Topic, city: City) -> str:
    owner = next((one.name for one in city.departments if one.id == topic.owner), "")
    return owner or " ".join(part for part in ("자치구", topic.unit) if part)


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(SEOUL).isoformat(timespec="seconds") if at else None


def _element(name: str, value: Any) -> ET.Element:
    made = ET.Element(name)
    if isinstance(value, Mapping):
        made.extend(_element(key, inner) for key, inner in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        made.extend(_element(_ITEMS[name], inner) for inner in value)
    elif value is not None:
        made.text = _NOT_XML.sub("", str(value).lower() if isinstance(value, bool) else str(value))
    return made
