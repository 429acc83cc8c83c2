"""The promises of connectors/base.py, tested on every channel found in the folder.

A channel brings `fixtures/connectors/<name>/`: recordings `<case>.raw.http` or `<case>.raw.eml` (with
`<case>.envelope.json`), what each becomes in `<case>.message.json`, and `suite.toml` with its secrets, what its
signature covers. How it replies stands there too and is tested in test_connector_replies.py. A folder whose
`suite.toml` names a `type` is a table of that type: `[connectors.slack]` with `type = "webhook"`. The smallest channel,
which docs/adding-a-channel.md begins with, is held to the same and is no part of the product.
"""

import json
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unicodedata import normalize
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from connectors.base import Connector, Request
from core.errors import Forged, Rejected
from core.message import Arrival, Envelope, Message
from core.wire import decode, encode
from pipeline.parts import find, names
from tests.fixtures.smallest.smallest import Smallest
from web.hooks import Hooks

FIXTURES = Path(__file__).with_name("fixtures") / "connectors"
PUBLIC_URL = "https://eungdapso.example"
A_YEAR = timedelta(days=365)
SUITES = {path.parent.name: tomllib.loads(path.read_text(encoding="utf-8")) for path in FIXTURES.glob("*/suite.toml")}
TABLES = [name for name, suite in SUITES.items() if "type" in suite]
CHANNELS = sorted({*names("connectors"), *TABLES})
SMALLEST = FIXTURES.parent / "smallest"
SUITES[SMALLEST.name] = tomllib.loads((SMALLEST / "suite.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One recording."""

    channel: str
    path: Path

    def __str__(self) -> str:
        return f"{self.channel}-{self.path.name.partition('.')[0]}"

    @property
    def expected(self) -> Message:
        text = self.path.with_name(f"{self.path.name.partition('.raw.')[0]}.message.json").read_bytes()
        return msgspec.json.decode(text, type=Message)

    @property
    def is_http(self) -> bool:
        return self.path.suffix == ".http"


def suite_of(channel: str) -> dict[str, Any]:
    return SUITES.get(channel, {})


def covered(channel: str) -> dict[str, Any]:
    """Returns what the channel says that its signature covers."""
    return dict(suite_of(channel).get("covered", {}))


def connector_of(channel: str, environment: Mapping[str, str] | None = None) -> Any:
    suite = suite_of(channel)
    part: Any = Smallest if channel == SMALLEST.name else find("connectors", suite.get("type", channel), Connector)
    made = part.Settings.model_validate(suite.get("settings", {}))
    return part(channel, made, environment=suite.get("environment", {}) if environment is None else environment)


def cases() -> list[Case]:
    """Returns the recordings of the product's channels."""
    found = (Case(channel=path.parent.name, path=path) for path in sorted(FIXTURES.glob("*/*.raw.*")))
    return [case for case in found if case.channel in CHANNELS]


def every_case() -> list[Case]:
    return [*cases(), *(Case(channel=SMALLEST.name, path=path) for path in sorted(SMALLEST.glob("*.raw.*")))]


def http_cases() -> list[Case]:
    return [case for case in every_case() if case.is_http]


def covering(what: str) -> list[Case]:
    return [case for case in http_cases() if covered(case.channel).get(what)]


def request_of(case: Case) -> Request:
    head, _, rest = case.path.read_bytes().partition(b"\n\n")
    first, *lines = head.decode().split("\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    path, _, query = target.partition("?")
    body = rest[: int(headers["content-length"])]
    at = case.expected.received_at
    return Request(
        method=method, url=PUBLIC_URL + target, path=path, query=query, headers=headers, body=body, received_at=at
    )


def arrival_of(case: Case, raw: bytes | None = None) -> Arrival:
    described = case.path.with_name(f"{case.path.name.partition('.raw.')[0]}.envelope.json")
    envelope = msgspec.json.decode(described.read_bytes(), type=Envelope) if described.exists() else Envelope()
    content = case.path.read_bytes() if raw is None else raw
    arrival: Arrival = connector_of(case.channel).arrival(content, envelope, case.expected.received_at)
    return arrival


def parsed(case: Case, raw: bytes | None = None) -> list[Message]:
    """Returns what the channel makes of a recording, or of other bytes in its place."""
    connector = connector_of(case.channel)
    if not case.is_http:
        return [connector.parse(arrival_of(case, raw))]
    request = request_of(case)
    messages: list[Message] = connector.parse(request if raw is None else msgspec.structs.replace(request, body=raw))
    return messages


def forget_what_was_parsed() -> None:
    """Empties what the channels keep from one call to the next, as in another process."""
    for module in parsing_modules():
        for kept in [kept for kept in vars(module).values() if hasattr(kept, "cache_clear")]:
            kept.cache_clear()


def parsing_modules() -> list[ModuleType]:
    return [module for name, module in sys.modules.items() if name.startswith(("connectors.", "core."))]


class _Dates(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


class Later(datetime, metaclass=_Dates):
    """Reads the clock as it will be."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # an ordinary one
        return datetime.now(tz) + A_YEAR


def move_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves the machine's clock, wherever a channel might look at it."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + A_YEAR.total_seconds())
    for module in [module for module in parsing_modules() if getattr(module, "datetime", None) is datetime]:
        monkeypatch.setattr(module, "datetime", Later)


async def said(case: Case, request: Request, *, later_seconds: float = 0) -> tuple[int, list[Arrival]]:
    """Returns what the door answers to a request, and what it let in."""
    taken: list[Arrival] = []
    events: list[Any] = []

    async def accept(arrivals: Sequence[Arrival]) -> None:
        taken.extend(arrivals)

    async def receive() -> Any:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(event: Any) -> None:
        events.append(event)

    now = suite_of(case.channel)["now"] + later_seconds
    connector = connector_of(case.channel)
    hooks = Hooks({case.channel: connector}, accept, lambda: request.received_at, PUBLIC_URL, unix_time=lambda: now)
    headers = [(name.encode(), value.encode("latin-1")) for name, value in request.headers.items()]
    query, path = request.query.encode(), request.path
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query, "headers": headers}
    await hooks(scope, receive, send)
    return events[0]["status"], taken


def well_formed(message: Message, case: Case) -> bool:
    texts = (message.text, message.subject, message.author.name, message.author.handle, message.native_id)
    moments = [moment for moment in (message.received_at, message.sent_at) if moment is not None]
    return (
        all(normalize("NFC", text) == text and "\0" not in text for text in texts)
        and all(moment.tzinfo is not None for moment in moments)
        and bool(message.native_id)
        and message.channel == case.channel
        and decode(encode(message), Message) == message
    )


def outcome(case: Case, raw: bytes) -> str:
    """Returns "message" or "rejected"; any other exception escapes and fails the test."""
    try:
        return "message" if all(well_formed(message, case) for message in parsed(case, raw)) else "malformed"
    except Rejected:
        return "rejected"


# How a recording is spoiled, by its kind.

NASTY = [
    "",
    " ",
    "\0",
    "\x00\x01",
    "가" * 9_000,
    "-1",
    "1e999",
    "٣",
    "\ud800",
    "0x10",
    "' OR 1=1 --",
    "${jndi}",
    "+",
    "::",
]


def spoiled_form(body: bytes) -> Iterator[bytes]:
    pairs = parse_qsl(body.decode(), keep_blank_values=True)
    for place, (name, value) in enumerate(pairs):
        yield urlencode(pairs[:place] + pairs[place + 1 :]).encode()
        yield urlencode([*pairs, (name, value)]).encode()
        for nasty in NASTY:
            yield urlencode([*pairs[:place], (name, nasty), *pairs[place + 1 :]], errors="surrogatepass").encode()
        yield urlencode(pairs).encode().replace(b"=", b"=%FF", place + 1)


BROKEN_JSON = (b"[" * 50_000, b'{"data":' * 50_000, b"NaN", b"9" * 5_000, b"1e999", b"null", b'"\\ud800"', b"\xff", b"")


def spoiled_json(body: bytes) -> Iterator[bytes]:
    payload = json.loads(body)
    others: list[Any] = [None, True, -1, 10**30, 1e308, [], {}, [[]], {"id": {}}, *NASTY]
    for path in list(_paths(payload)):
        yield from (json.dumps(_changed(payload, path, other)).encode() for other in others)
    yield from BROKEN_JSON
    yield body.replace(b"{", b'{"data": 1, "data": 2, ', 1)


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*at, key))


def _changed(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(copy[path[0]], path[1:], other)
    return copy


def spoiled_lines(body: bytes) -> Iterator[bytes]:
    """Each line left out, doubled, emptied, or full of nonsense: for mail and multipart forms."""
    lines = body.split(b"\n")
    for place in range(min(len(lines), 60)):
        before, line, after = lines[:place], lines[place], lines[place + 1 :]
        for instead in (
            [],
            [line, line],
            [b""],
            [line[: len(line) // 2]],
            [b"\xff\x00" + line],
            [line.replace(b":", b"", 1)],
        ):
            yield b"\n".join([*before, *instead, *after])


def spoiled(case: Case) -> Iterator[bytes]:
    body = request_of(case).body if case.is_http else case.path.read_bytes()
    kind = request_of(case).headers.get("content-type", "") if case.is_http else ""
    spoil = spoiled_json if "json" in kind else spoiled_form if "urlencoded" in kind else spoiled_lines
    yield from spoil(body)
    yield from (body[: len(body) * share // 10] for share in range(10))


# Recordings.


@pytest.mark.parametrize("channel", [*CHANNELS, SMALLEST.name])
def test_channel_has_recordings(channel: str) -> None:
    """Every channel shows by recordings what it makes of what its provider sends."""
    found = [case for case in every_case() if case.channel == channel]

    assert [] != found
    assert all(case.expected for case in found)


@pytest.mark.parametrize("case", every_case(), ids=str)
def test_recording_becomes_its_message(case: Case) -> None:
    """A recording becomes exactly its message."""
    message = msgspec.structs.replace(parsed(case)[0], id="")

    assert case.expected == message


@pytest.mark.parametrize("case", every_case(), ids=str)
def test_message_is_well_formed(case: Case) -> None:
    """A message is in NFC, its times have a zone, it has an id of its channel, and the wire carries it unchanged."""
    assert all(well_formed(message, case) for message in parsed(case))


@pytest.mark.parametrize("case", every_case(), ids=str)
def test_parsing_again_gives_the_same(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing is pure: the same bytes are the same message with the same identity, also a year later and elsewhere."""
    before = parsed(case)
    forget_what_was_parsed()
    move_on(monkeypatch)

    assert before == parsed(case)


@pytest.mark.parametrize("case", every_case(), ids=str)
def test_spoiled_recording_is_a_message_or_rejected(case: Case) -> None:
    """With any part of it left out or replaced, a recording is Rejected or still a well-formed message."""
    assert {outcome(case, raw) for raw in spoiled(case)} <= {"message", "rejected"}


@pytest.mark.parametrize("case", every_case(), ids=str)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, 1_000), octets=st.binary(max_size=8))
def test_any_octets_are_a_message_or_rejected(case: Case, place: int, octets: bytes) -> None:
    """Whatever octets stand anywhere in a recording, it is Rejected or still a well-formed message."""
    body = request_of(case).body if case.is_http else case.path.read_bytes()
    at = place * len(body) // 1_000

    assert outcome(case, body[:at] + octets + body[at + len(octets) :]) in {"message", "rejected"}


# Authenticity, through the door that providers come to.


@pytest.mark.parametrize("case", http_cases(), ids=str)
async def test_recording_is_let_in(case: Case) -> None:
    """What the provider really sends is let in, under the message's identity."""
    status, taken = await said(case, request_of(case))

    assert (200, [case.expected.identity]) == (status, [arrival.identity for arrival in taken])


@pytest.mark.parametrize("channel", sorted({case.channel for case in http_cases()}))
def test_channel_says_what_its_signature_covers(channel: str) -> None:
    """A hook has something that only its provider can make."""
    assert covered(channel).get("headers") or covered(channel).get("fields")


@pytest.mark.parametrize("case", covering("headers"), ids=str)
async def test_changed_or_missing_header_is_refused(case: Case) -> None:
    """A request without one of the headers that authenticate it, or with another in its place, is refused."""
    request = request_of(case)
    for name in covered(case.channel)["headers"]:
        true = request.headers[name]
        flipped = true[:-3] + ("A" if true[-3] != "A" else "B") + true[-2:]
        for headers in ({name: flipped}, {name: ""}, {name: "="}, {name: true[1:]}, {name: "é,,; "}, {}):
            others = {key: value for key, value in request.headers.items() if key != name}

            assert (401, []) == await said(case, msgspec.structs.replace(request, headers=others | headers))


@pytest.mark.parametrize("case", covering("body"), ids=str)
async def test_changed_body_is_refused(case: Case) -> None:
    """A request whose body somebody changed on the way is refused."""
    request = request_of(case)
    for place in range(0, len(request.body), max(1, len(request.body) // 40)):
        other = bytes([request.body[place] ^ 1])
        body = request.body[:place] + other + request.body[place + 1 :]

        assert (401, []) == await said(case, msgspec.structs.replace(request, body=body))


@pytest.mark.parametrize("case", covering("url"), ids=str)
async def test_changed_address_is_refused(case: Case) -> None:
    """A request to an address with something added to it is refused."""
    request = msgspec.structs.replace(request_of(case), query="foo=1")

    assert (401, []) == await said(case, request)


@pytest.mark.parametrize("case", covering("fields"), ids=str)
async def test_changed_or_missing_field_is_refused(case: Case) -> None:
    """A form without the field that authenticates it, or with another in its place, is refused."""
    request = request_of(case)
    for name in covered(case.channel)["fields"]:
        value = proof_of(case, name)
        for other in (b"", value[1:], value[:-2] + b"AA", value + b"A", b"..", b"%FF"):
            body = request.body.replace(value, other)

            assert (401, []) == await said(case, msgspec.structs.replace(request, body=body)), name


def proof_of(case: Case, field: str) -> bytes:
    """Returns what stands in a form's field that authenticates it; in a form of parts that is the message's id."""
    fields = dict(parse_qsl(request_of(case).body.decode("latin-1")))
    return fields.get(field, case.expected.native_id).encode()


def is_authentic(case: Case, request: Request, environment: Mapping[str, str] | None = None) -> bool:
    """Whether the channel takes a request for its provider's; an error of another name than `Forged` escapes."""
    connector = _kept(case.channel) if environment is None else connector_of(case.channel, environment)
    try:
        connector.verify(request, now=suite_of(case.channel)["now"])
    except Forged:
        return False
    return True


@cache
def _kept(channel: str) -> Any:
    return connector_of(channel)


def one_byte_off(octets: bytes) -> Iterator[bytes]:
    """Every place in these octets with another octet there: a neighbour, and the same letter in the other case."""
    for place, octet in enumerate(octets):
        for bits in (0x01, 0x20):
            yield octets[:place] + bytes([octet ^ bits]) + octets[place + 1 :]


def proof_in(case: Case, header: str) -> str:
    """Returns the part of the header that is enough alone: while a key is replaced there may be several."""
    request = request_of(case)
    whole = request.headers[header]
    return next(
        (
            part
            for part in whole.split(" ")
            if is_authentic(case, msgspec.structs.replace(request, headers={**request.headers, header: part}))
        ),
        whole,
    )


@pytest.mark.parametrize("case", covering("headers"), ids=str)
def test_no_byte_of_a_header_may_change(case: Case) -> None:
    """A request with a single octet changed in what authenticates it, also in its signed time or id, is refused."""
    request = request_of(case)
    for name in covered(case.channel)["headers"]:
        for other in one_byte_off(proof_in(case, name).encode("latin-1")):
            headers = {**request.headers, name: other.decode("latin-1")}

            assert not is_authentic(case, msgspec.structs.replace(request, headers=headers)), (name, other)


@pytest.mark.parametrize("case", covering("body"), ids=str)
def test_no_byte_of_the_body_may_change(case: Case) -> None:
    """A request with a single octet of its body changed is refused, or says the same: %2b in a form is %2B."""
    request = request_of(case)
    is_form = "urlencoded" in request.headers.get("content-type", "")
    said_before = fields_of(request.body)
    for other in one_byte_off(request.body):
        says_the_same = is_form and fields_of(other) == said_before

        assert says_the_same or not is_authentic(case, msgspec.structs.replace(request, body=other)), other


def fields_of(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("latin-1"), keep_blank_values=True)


@pytest.mark.parametrize("case", covering("fields"), ids=str)
def test_no_byte_of_a_field_may_change(case: Case) -> None:
    """A form with a single octet changed in the field that authenticates it is refused."""
    request = request_of(case)
    for name in covered(case.channel)["fields"]:
        proof = proof_of(case, name)
        for other in one_byte_off(proof):
            changed = msgspec.structs.replace(request, body=request.body.replace(proof, other))

            assert not is_authentic(case, changed), (name, other)


@pytest.mark.parametrize("case", covering("url"), ids=str)
def test_no_byte_of_the_address_may_change(case: Case) -> None:
    """A request whose address differs in a single octet from the one that was signed is refused."""
    request = request_of(case)
    for other in one_byte_off(request.url.encode()):
        assert not is_authentic(case, msgspec.structs.replace(request, url=other.decode("latin-1"))), other


@pytest.mark.parametrize("case", http_cases(), ids=str)
def test_no_letter_of_the_secret_may_change(case: Case) -> None:
    """Whoever knows a secret but for one letter of it is not believed."""
    request, environment = request_of(case), suite_of(case.channel).get("environment", {})
    signing = [name for name in environment if not is_authentic(case, request, {**environment, name: ""})]
    keys = [(name, key) for name in signing for key in [environment[name], *environment[name].split()]]
    enough = [(name, key) for name, key in keys if is_authentic(case, request, {**environment, name: key})]
    others = [(name, other) for name, key in enough[-1:] for other in one_byte_off(key.encode())]

    assert others or not covered(case.channel).get("body")
    assert [] == [o for n, o in others if is_authentic(case, request, {**environment, n: o.decode("latin-1")})]


@pytest.mark.parametrize("channel", sorted({case.channel for case in http_cases()}))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(st.characters(max_codepoint=255), max_size=80), body=st.binary(max_size=80))
async def test_nothing_from_strangers_is_a_fault_of_ours(channel: str, text: str, body: bytes) -> None:
    """Whatever stands in a stranger's headers, address and body, it is refused, and never answered with a 5xx."""
    case = next(case for case in http_cases() if case.channel == channel)
    request = request_of(case)
    proofs = dict.fromkeys([*covered(channel).get("headers", []), "content-type"], text)
    asked = msgspec.structs.replace(request, headers={**request.headers, **proofs}, body=body, query=text)
    status, taken = await said(case, asked)

    assert [] == taken
    assert 400 <= status < 500


@pytest.mark.parametrize("case", covering("seconds"), ids=str)
async def test_old_request_is_refused(case: Case) -> None:
    """A request that is sent again when its time is over is refused."""
    status, taken = await said(case, request_of(case), later_seconds=covered(case.channel)["seconds"])

    assert (401, []) == (status, taken)


@pytest.mark.parametrize("channel", sorted({case.channel for case in http_cases()}))
async def test_hook_without_secret_refuses_everything(channel: str) -> None:
    """A hook whose secret is not set lets nobody in."""
    case = next(case for case in http_cases() if case.channel == channel)
    connector = connector_of(channel, {})

    with pytest.raises(Rejected) as refusal:
        connector.verify(request_of(case), now=suite_of(channel)["now"])

    assert 401 == refusal.value.status


# Citizens' words.


@pytest.mark.parametrize("case", http_cases(), ids=str)
async def test_log_tells_neither_secrets_nor_words(case: Case) -> None:
    """What is written to the log about a refused request holds no secret, no words and no address of a citizen."""
    request = request_of(case)
    proofs = covered(case.channel).get("headers", [])
    headers = {name: value for name, value in request.headers.items() if name not in proofs}
    body = request.body
    for name in covered(case.channel).get("fields", []):
        body = body.replace(proof_of(case, name), b"")
    with capture_logs() as lines:
        await said(case, msgspec.structs.replace(request, headers=headers, body=body), later_seconds=10**6)
    message = case.expected
    private = [
        message.text,
        message.author.handle,
        message.author.name,
        *suite_of(case.channel)["environment"].values(),
    ]

    assert lines
    assert [] == [word for word in private if word and word in repr(lines)]
