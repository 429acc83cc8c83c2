"""What lies in a mail beside its text and still says something: invitations, and mails that were attached."""

import re
from datetime import UTC, datetime

from connectors._mail import body, decode, headers, mime
from connectors._mail.mime import Part
from core.clock import SEOUL
from core.text import clean

_EVENTS, _MAILS, _DEPTH = 3, 3, 2
_CALENDAR_BYTES, _CHARACTERS, _LINE = 262_144, 20_000, 500
_FOLD = re.compile(r"\r?\n[ \t]")
_PROPERTY = re.compile(r"([A-Za-z-]{1,40})((?:;[^:\"\n]*(?:\"[^\"\n]*\")?)*):(.*)")
_WHEN = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})\d{2}(Z?))?")
_ZONE = re.compile(r"TZID=\"?([^;\":]{1,80})", re.IGNORECASE)
_KOREAN = ("asia/seoul", "korea standard time", "rok", "(utc+09:00) seoul")
_METHODS = {"CANCEL": "일정 취소", "REPLY": "일정 회신"}


def texts(root: Part, text: str, *, with_mails: bool) -> str:
    """Returns what invitations and attached mails say, in words; "" when there are none, or nothing but `text`."""
    found = [said for leaf in root.leaves() if _is_calendar(leaf) and (said := _calendar(leaf))]
    if with_mails:
        found += _mails(root, text, _DEPTH)
    return "\n\n".join(dict.fromkeys(found))[:_CHARACTERS]


def _is_calendar(leaf: Part) -> bool:
    return leaf.media_type in ("text/calendar", "application/ics")


def _calendar(leaf: Part) -> str:
    text = decode.text_of(leaf.content()[:_CALENDAR_BYTES], leaf.params.get("charset", ""))
    lines = [found for line in _FOLD.sub("", text).splitlines() if (found := _PROPERTY.fullmatch(line))]
    method = next((line[3].strip().upper() for line in lines if line[1].upper() == "METHOD"), "")
    events: list[dict[str, str]] = []
    within: list[str] = []
    for line in lines:
        name, value = line[1].upper(), line[3].strip()
        if name == "BEGIN":
            within.append(value.upper())
            events += [{}] if value.upper() == "VEVENT" else []
        elif name == "END":
            del within[-1:]
        elif within[-1:] == ["VEVENT"] and name in _FIELDS:
            events[-1].setdefault(name, _moment(line[2], value) if name.startswith("DT") else _unescaped(value))
    return "\n\n".join(_event(event, _METHODS.get(method, "일정")) for event in events[:_EVENTS] if event)


_FIELDS = ("SUMMARY", "DTSTART", "DTEND", "LOCATION")


def _event(event: dict[str, str], kind: str) -> str:
    when = " ~ ".join(event[name] for name in ("DTSTART", "DTEND") if event.get(name))
    said = (("제목", event.get("SUMMARY", "")), ("때", when), ("곳", event.get("LOCATION", "")))
    return "\n".join([f"[{kind}]", *(f"{name}: {value}" for name, value in said if value)])


def _moment(params: str, value: str) -> str:
    """Returns when, in Seoul where that can be told."""
    found = _WHEN.match(value)
    if not found:
        return _unescaped(value)
    day = f"{found[1]}-{found[2]}-{found[3]}"
    if not found[4]:
        return day
    if found[6]:
        try:
            at = datetime(*(int(found[number]) for number in range(1, 6)), tzinfo=UTC)  # type: ignore[misc,arg-type]  # five numbers
            return f"{at.astimezone(SEOUL):%Y-%m-%d %H:%M}"
        except (ValueError, OverflowError):
            return _unescaped(value)
    zone = _ZONE.search(params)
    other = f" ({clean(zone[1])})" if zone and not zone[1].lower().startswith(_KOREAN) else ""
    return f"{day} {found[4]}:{found[5]}{other}"


def _unescaped(value: str) -> str:
    text = re.sub(r"\\(.)", lambda found: " " if found[1] in "nN" else found[1], value[:_LINE])
    return clean(text).replace("\n", " ").strip()


def _mails(root: Part, known: str, depth: int) -> list[str]:
    """The attached mails, each with its subject and author above its text; within them one level more."""
    found = [leaf for leaf in root.leaves() if leaf.media_type in ("message/rfc822", "message/global")][:_MAILS]
    said: list[str] = []
    for leaf in found:
        inner = mime.read(leaf.content())
        head = ["[첨부된 메일]"]
        if subject := decode.header(inner.get(b"subject"))[:_LINE]:
            head.append(f"제목: {subject}")
        if author := headers.mailbox(inner.get(b"from")):
            head.append(f"보낸 사람: {author.name or author.address}")
        text = body.gather(inner).text
        # Whoever forwards a mail often has it in their own, too.
        if text and text in known:
            continue
        said += ["\n".join(head) + (f"\n\n{text}" if text else "")]
        said += _mails(inner, known, depth - 1) if depth > 1 else []
    return said
