"""What others recorded of webhooks, and published as vectors: read again by hand, compared with the channels."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from bench._recordings_row import NONE, RIGHT, Row, beginning, compared
from connectors._x_weight import has_link, weight
from connectors.base import Connector, Request
from core.errors import Forged, Rejected
from core.message import Message
from pipeline.parts import find

_AT = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
_RECEIPT = "not given: time of receipt"
# What X counts, by the newest of its own tests, and whether it sees addresses.
_COUNTED, _LINKED = ("WeightedTweetsWithDiscountedEmojiCounterTest", "UnicodeDirectionalMarkerCounterTest"), "urls"


def rows(path: Path, name: str) -> list[Row]:
    """Returns what became of what is in this file; nothing for files that are no recordings."""
    read = _READERS.get(path.name)
    return list(read(path, name)) if read else []


def _said(channel: str, body: bytes, kind: str = "application/json", **environment: str) -> list[Message]:
    part: Any = find("connectors", channel, Connector)
    made = part(channel, part.Settings(), environment=environment)
    path = f"/hooks/{channel}"
    headers = {"content-type": kind}
    request = Request(method="POST", url=path, path=path, query="", headers=headers, body=body, received_at=_AT)
    found: list[Message] = made.parse(request)
    return found


def _line(path: Path, name: str) -> Iterator[Row]:
    """Each event of the call by itself."""
    for number, event in enumerate(json.loads(path.read_bytes())["events"], start=1):
        what = f"{name} {number}: {event['type']} {event.get('message', {}).get('type', '')}".strip()
        found = _said("line", json.dumps({"events": [event]}).encode())
        if not found:
            where = "not meant for us: written in a group" if "message" in event else "nobody's words"
            yield Row.refused(what, "line", where)
            continue
        yield _line_row(what, event, found[0])


def _line_row(what: str, event: Any, ours: Message) -> Row:
    said, at = event.get("message", {}), datetime.fromtimestamp(event["timestamp"] / 1_000, UTC)
    place = "\n".join(filter(None, (said.get("title"), said.get("address")))) if said.get("type") == "location" else ""
    # What was taken back, or says nothing by itself, is known by the id that the event gives.
    known = said.get("id") or event.get("unsend", {}).get("messageId") or event["webhookEventId"]
    text = said.get("text") or place or ("[스티커]" if said.get("type") == "sticker" else "")
    files = 1 if said.get("type") in {"image", "video", "audio", "file"} else 0
    return Row(
        name=what,
        channel="line",
        text=compared(" ".join(ours.text.split()), " ".join(text.split())),
        sender=compared(ours.author.handle, event["source"].get("userId", "")),
        id=compared(ours.native_id, known),
        time=compared(ours.sent_at, at),
        attachments=compared(len(ours.attachments), files),
        begins=beginning(ours.text),
        note="; ".join([*([ours.change] if ours.change else []), *ours.signals]),
    )


def _kakao(path: Path, name: str) -> Iterator[Row]:
    payload = json.loads(path.read_bytes())
    try:
        ours = _said("kakao", path.read_bytes())[0]
    except Rejected as error:
        yield Row.refused(name, "kakao", error.reason)
        return
    asked = payload["userRequest"]
    yield Row(
        name=name,
        channel="kakao",
        text=compared(ours.text, asked["utterance"]),
        sender=compared(ours.author.handle, asked["user"]["id"]),
        id="not given: made from the request",
        time=_RECEIPT,
        attachments=compared(len(ours.attachments), 0),
        begins=beginning(ours.text),
    )


def _twilio(path: Path, name: str) -> Iterator[Row]:
    """Signatures: of each it is asked whether it is believed, and not believed any more with one letter changed."""
    vectors = json.loads(path.read_bytes())
    form, double, body = vectors["form"], vectors["duplicate_keys"], vectors["json_body"]
    url, token = form["url"], vectors["auth_token"]
    fields, plain = urlencode(list(form["params"].items())).encode(), "application/x-www-form-urlencoded"
    given = [
        ("form", url, fields, form["signature"]),
        ("form, port 443", url.replace(".com/", ".com:443/"), fields, form["signature_url_with_port_443"]),
        ("form, http, port 80", _with_http(url, 80), fields, form["signature_http_url_with_port_80"]),
        ("form, http, port 1234", _with_http(url, 1234), fields, form["signature_http_url_with_port_1234"]),
        (
            "form, keys twice",
            url,
            urlencode([(key, value) for key, value in double["params"]]).encode(),
            double["signature"],
        ),
        ("JSON", f"{url}&bodySHA256={body['body_sha256']}", body["body"].encode(), body["signature"]),
    ]
    for what, where, octets, signature in given:
        kind = "application/json" if what == "JSON" else plain
        is_right = _is_believed(where, octets, kind, signature, token)
        is_wrong = _is_believed(where, octets, kind, signature.swapcase(), token)
        told = "signature believed, another one not" if is_right and not is_wrong else "signature NOT as published"
        yield Row(name=f"{name}: {what}", channel="sms", text=NONE if is_right else "not believed", note=told)


def _with_http(url: str, port: int) -> str:
    return url.replace("https:", "http:").replace(".com/", f".com:{port}/")


def _is_believed(url: str, body: bytes, kind: str, signature: str, token: str) -> bool:
    part: Any = find("connectors", "sms", Connector)
    made = part("sms", part.Settings(), environment={"EUNGDAPSO_SMS_TOKEN": token})
    path, _, query = url.partition("?")
    headers = {"content-type": kind, "x-twilio-signature": signature}
    request = Request(method="POST", url=url, path=path, query=query, headers=headers, body=body, received_at=_AT)
    try:
        made.verify(request, now=_AT.timestamp())
    except Forged:
        return False
    return True


def _tests_in(path: Path) -> Any:
    # Needed for X's own tests alone, and brought along by other tools.
    import yaml  # type: ignore[import-untyped]  # it has no types

    return yaml.safe_load(path.read_bytes())["tests"]


def _x_lengths(path: Path, name: str) -> Iterator[Row]:
    tests = _tests_in(path)
    for group in _COUNTED:
        found = [(weight(test["text"]), test["expected"]["weightedLength"]) for test in tests[group]]
        same, more = sum(a == b for a, b in found), sum(a > b for a, b in found)
        told = f"{RIGHT}: {same} of {len(found)} lengths" + (f", {more} counted too long" if more else "")
        why = (
            "an address in letters that are not Latin counts as it stands, so that nothing is too long" if more else ""
        )
        yield Row(name=f"{name}: {group}", channel="x", text=told if same + more == len(found) else "wrong", note=why)


def _x_addresses(path: Path, name: str) -> Iterator[Row]:
    tests = _tests_in(path)[_LINKED]
    missed = sum(bool(test["expected"]) and not has_link(test["text"]) for test in tests)
    careful = sum(has_link(test["text"]) and not test["expected"] for test in tests)
    told = f"{RIGHT}: no address missed in {len(tests)}" if not missed else f"{missed} addresses missed"
    why = f"{careful} texts that hold none for X are taken to hold one: a post with an address costs more"
    yield Row(name=f"{name}: {_LINKED}", channel="x", text=told, note=why)


def _open311(path: Path, name: str) -> Iterator[Row]:
    """The one request in the specification's text."""
    sample = re.search(r"(?m)^api_key=xyz&\S+$", path.read_text(encoding="utf-8"))
    if sample is None:
        return
    form = {key: values[0] for key, values in parse_qs(sample[0]).items()}
    kind = "application/x-www-form-urlencoded"
    ours = _said("open311", sample[0].encode(), kind, EUNGDAPSO_OPEN311_KEY=form["api_key"])[0]
    yield Row(
        name=f"{name}: example of POST requests",
        channel="open311",
        text=RIGHT if ours.text.startswith(form["description"]) else "another than it says",
        sender=compared(ours.author.handle, form["email"]),
        id="not given: made from the request",
        time=_RECEIPT,
        attachments=compared([file.place for file in ours.attachments], [form["media_url"]]),
        begins=beginning(ours.text),
        note="place and attributes stand below the words",
    )


def _silent(reason: str) -> Callable[[Path, str], Iterator[Row]]:
    def told(_path: Path, name: str) -> Iterator[Row]:
        yield Row.refused(name, "–", reason)

    return told


_SHOWN = "no recording: how X shows posts"
_READERS: Mapping[str, Callable[[Path, str], Iterator[Row]]] = {
    "webhook.json": _line,
    "skill_payload_fallback_callback.json": _kakao,
    "validation_api_payload_slotfilling.json": _kakao,
    "vectors.json": _twilio,
    "validate.yml": _x_lengths,
    "extract.yml": _x_addresses,
    "autolink.yml": _silent(_SHOWN),
    "hit_highlighting.yml": _silent(_SHOWN),
    "tld_lib.yml": _silent("no recording: domains; any is taken for one, because the list changes"),
    "tlds.yml": _silent("no recording: domains; any is taken for one, because the list changes"),
    "index.md": _open311,
    "draft.md": _silent("no recording: the text of a draft that nobody speaks yet"),
    "servers.json": _silent("no recording: a list of servers"),
    "georeport_v2-1.yaml": _silent("no recording: a description of the draft"),
}
