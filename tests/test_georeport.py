"""GeoReport's answers before a real store: tokens, times, errors, and text that would break the format."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest

from cases.means import Options
from cases.model import By
from cases.store import CaseStore
from connectors.open311 import Open311, Open311Settings
from core.errors import Unavailable
from core.message import Arrival
from tests.casework import WASTE, Time, city, dispatched, make_store, message, opened
from tests.test_pages import ready
from web.app import make_app
from web.hooks import Hooks
from web.services import Services

NOTHING: Mapping[str, str] = {}
PUBLIC_URL = "https://eungdapso.example"
REPORT = {"api_key": "key", "service_code": "other", "address_string": "강남구", "description": WASTE}


async def never(_: float) -> None:
    """Nothing changed."""
    await asyncio.sleep(0)


class Site:
    """The application; `taken` is what was made durable."""

    def __init__(self, store: CaseStore, time: Time, monkeypatch: pytest.MonkeyPatch, *, lists: int = 0) -> None:
        monkeypatch.setattr("web.open311._WAIT_SECONDS", 0.01)
        settings = Open311Settings(jurisdiction_id="eungdapso.example", lists_a_minute=lists)
        self.channel = Open311("open311", settings, environment={"EUNGDAPSO_OPEN311_KEY": "key"})
        self.store = store
        self.taken: list[Arrival] = []
        self.is_away = False
        services = Services(
            city=city(),
            store=store,
            faqs=lambda *_: (),
            find=lambda *_: (),
            readiness=ready,
            changed=never,
            metrics=lambda: b"",
            georeport=self.channel,
            clock=time,
            public_url=PUBLIC_URL,
        )
        self.app = make_app(services, Hooks({"open311": self.channel}, self._accept, time, PUBLIC_URL))

    async def _accept(self, arrivals: Sequence[Arrival]) -> None:
        if self.is_away:
            raise Unavailable("the log does not answer; try again")
        self.taken.extend(arrivals)

    async def ask(
        self, path: str, query: Mapping[str, str] = NOTHING, *, body: bytes | None = None, method: str = ""
    ) -> tuple[int, str]:
        sent = await self.told(f"/open311/v2/{path}", query, body=body, method=method)
        return sent[0]["status"], b"".join(event.get("body", b"") for event in sent[1:]).decode()

    async def told(
        self, whole: str, query: Mapping[str, str] = NOTHING, *, body: bytes | None = None, method: str = ""
    ) -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(event: Any) -> None:
            sent.append(event)

        method = method or ("GET" if body is None else "POST")
        scope = {"type": "http", "method": method, "path": whole, "raw_path": whole.encode()}
        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        more = {"query_string": urlencode(query).encode(), "headers": headers, "root_path": "", "scheme": "https"}
        await self.app({**scope, **more}, receive, send)
        return sent

    async def post(self, ending: str = "json", **changed: str) -> tuple[int, str]:
        return await self.ask(f"requests.{ending}", body=urlencode(REPORT | changed).encode())

    async def listed(self, **query: str) -> list[Any]:
        _, found = await self.ask("requests.json", query)
        answer: list[Any] = json.loads(found)
        return answer


@pytest.fixture
def store(url: str, time: Time) -> Iterator[CaseStore]:
    made = make_store(url, time, options=Options(named=frozenset({"open311"})))
    yield made
    made.close()


@pytest.fixture
def site(store: CaseStore, time: Time, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(store, time, monkeypatch)


async def test_a_report_whose_case_is_not_made_yet_gets_a_token(site: Site, store: CaseStore) -> None:
    """It opens the number as soon as there is one, and nothing before."""
    status, said = await site.post()
    token = json.loads(said)[0]["token"]
    before, _ = await site.ask(f"tokens/{token}.json")
    taken = site.taken[0].message
    assert taken is not None
    number = opened(store, dispatched(taken))
    after, opens = await site.ask(f"tokens/{token}.json")

    assert (201, 404, 200) == (status, before, after)
    assert [{"service_request_id": number, "token": token}] == json.loads(opens)


async def test_the_same_report_is_taken_once(site: Site, store: CaseStore, time: Time) -> None:
    """Also a few days later, in another week of the count; after more than a week it is news."""
    await site.post()
    taken = site.taken[0].message
    assert taken is not None
    number = opened(store, dispatched(taken))
    for _ in range(6):
        time.moves(days=1)
        status, said = await site.post()
        assert (200, number) == (status, json.loads(said)[0]["service_request_id"])
    time.moves(days=2)
    status, _ = await site.post()

    assert (201, 2) == (status, len(site.taken))


@pytest.mark.parametrize("ending", ["json", "xml"])
async def test_what_cannot_be_taken_now_is_said_in_its_format(site: Site, ending: str) -> None:
    """503, which a client tries again."""
    site.is_away = True
    status, said = await site.post(ending)
    code = json.loads(said)[0]["code"] if ending == "json" else ET.fromstring(said).findtext("error/code")

    assert (503, "503") == (status, str(code))


async def test_released_words_break_no_format(site: Site, store: CaseStore, time: Time) -> None:
    """Whatever a citizen wrote is text, in XML and in JSON."""
    evil = '골목 쓰레기 ]]><script>&lt;!ENTITY x SYSTEM "file:///etc/passwd"> \ufffe\uffff {"a": 1}'
    number = opened(store, dispatched(message(evil, time)))
    store.officer.answer(number, "치웠습니다.", By("박지훈"))
    store.officer.release(number, By("박지훈"), released=True)
    _, xml = await site.ask(f"requests/{number}.xml")
    shown = ET.fromstring(xml).findtext("request/description")

    assert evil.replace("\ufffe\uffff", "").split() == (shown or "").split()
    assert evil == (await site.listed(service_request_id=number))[0]["description"]


async def test_requests_are_found_by_time_service_and_state(site: Site, store: CaseStore, time: Time) -> None:
    """Ninety days at most; a plus sign that was not encoded is understood; unknown services have no requests."""
    number = opened(store, dispatched(message(WASTE, time), topic=None))
    today = {"start_date": "2026-11-23T00:00:00 09:00", "end_date": "2026-11-24T00:00:00+09:00"}

    assert [number] == [one["service_request_id"] for one in await site.listed(**today, status="open,closed")]
    assert [number] == [one["service_request_id"] for one in await site.listed(service_code="other,\0")]
    assert [] == await site.listed(status="closed")
    assert [] == await site.listed(service_code="nothing")
    assert [] == await site.listed(start_date="2026-08-01")
    assert [] == await site.listed(service_request_id="1,2,\0")


@pytest.mark.parametrize(
    "query",
    [
        {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-11-01T00:00:00Z"},
        {"start_date": "2026-11-02T00:00:00Z", "end_date": "2026-11-01T00:00:00Z"},
        {"start_date": "yesterday"},
        {"end_date": "9999-12-31T23:59:59Z"},
        {"status": "done"},
    ],
)
async def test_questions_that_cannot_be_are_refused(site: Site, query: dict[str, str]) -> None:
    """400, with what is wrong."""
    status, said = await site.ask("requests.json", query)

    assert (400, 400) == (status, json.loads(said)[0]["code"])


async def test_overdue_and_closed_are_told_by_two_words(site: Site, store: CaseStore, time: Time) -> None:
    """Open until somebody ended it; the note says how."""
    number = opened(store, dispatched(message(WASTE, time)))
    time.moves(days=30)
    before = (await site.listed(service_request_id=number))[0]
    store.officer.answer(number, "치웠습니다.", By("박지훈"))
    after = (await site.listed(service_request_id=number))[0]

    assert ("open", "접수", "강남구") == (before["status"], before["status_notes"], before["agency_responsible"])
    assert ("closed", "답변 완료", None) == (after["status"], after["status_notes"], after["description"])
    assert "2026-12-01T18:00:00+09:00" == before["expected_datetime"]


async def test_another_jurisdiction_is_not_here(site: Site) -> None:
    """404 for it, in what is asked and in what is posted; none, or an empty one, is ours."""
    assert 404 == (await site.ask("services.json", {"jurisdiction_id": "busan.go.kr"}))[0]
    assert 404 == (await site.post(jurisdiction_id="busan.go.kr"))[0]
    assert 200 == (await site.ask("services.json", {"jurisdiction_id": ""}))[0]
    assert 201 == (await site.post(jurisdiction_id="eungdapso.example"))[0]


@pytest.mark.parametrize(
    "path", ["", "x", "services", "services.csv", "requests/1.json", "tokens/\0.json", "tokens.xml", "services/no.xml"]
)
async def test_what_is_nowhere_is_said_to_be(site: Site, path: str) -> None:
    """404 with errors, in XML where no format was asked for."""
    status, said = await site.ask(path)

    assert 404 == status
    assert json.loads(said) if path.endswith("json") else ET.fromstring(said).findtext("error/description")


def codes(said: str) -> list[str]:
    """Returns the codes of the errors, whatever the format; each has words."""
    found = [(str(one["code"]), one["description"]) for one in json.loads(said)] if said.startswith("[") else []
    found = found or [(one.findtext("code") or "", one.findtext("description") or "") for one in ET.fromstring(said)]
    return [code for code, words in found if words]


async def test_lists_have_pages(site: Site, store: CaseStore, time: Time) -> None:
    """Newest first, each case on one page; what no page can be is refused."""
    made = []
    for sender in ("+821000000001", "+821000000002", "+821000000003"):
        time.moves(minutes=1)
        made.append(opened(store, dispatched(message(WASTE, time, reply_to=sender))))
    pages = [await site.listed(page_size="2", page=str(page)) for page in (1, 2, 3)]
    wrong = [{"page": "0"}, {"page": "x"}, {"page_size": "1001"}, {"page_size": "1000", "page": "9999"}]

    assert [made[:0:-1], made[:1], []] == [[one["service_request_id"] for one in page] for page in pages]
    assert [400] * 4 == [(await site.ask("requests.json", query))[0] for query in wrong]


@pytest.mark.parametrize("ending", ["json", "xml"])
async def test_who_asks_too_often_waits(
    store: CaseStore, time: Time, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Of lists an address has so many a minute; then it is told when there are more. Single requests are free."""
    site = Site(store, time, monkeypatch, lists=1)
    await site.ask(f"requests.{ending}")
    start, *rest = await site.told(f"/open311/v2/requests.{ending}")
    one, _ = await site.ask(f"services.{ending}")

    assert (429, ["429"], 200) == (start["status"], codes(rest[0]["body"].decode()), one)
    assert 1 <= int(dict(start["headers"])[b"retry-after"]) <= 60


@pytest.mark.parametrize("ending", ["json", "xml"])
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "requests", b"GET, HEAD, POST"),
        ("POST", "services", b"GET, HEAD"),
        ("PUT", "requests/1", b"GET, HEAD"),
        ("BREW", "discovery", b"GET, HEAD"),
    ],
)
async def test_another_method_is_refused_in_its_format(
    site: Site, ending: str, method: str, path: str, allowed: bytes
) -> None:
    """405, with what may be done there."""
    start, *rest = await site.told(f"/open311/v2/{path}.{ending}", method=method)

    assert (405, allowed) == (start["status"], dict(start["headers"])[b"allow"])
    assert ["405"] == codes(rest[0]["body"].decode())


@pytest.mark.parametrize("path", ["nothing.json", "tokens.json", "reports.xml", "requests.csv"])
async def test_a_report_goes_to_one_address(site: Site, path: str) -> None:
    """What is posted anywhere else is nowhere, and taken by nobody."""
    status, _ = await site.ask(path, body=urlencode(REPORT).encode())

    assert (404, []) == (status, site.taken)


@pytest.mark.parametrize("ending", ["json", "xml"])
async def test_too_large_a_report_is_refused_in_its_format(site: Site, ending: str) -> None:
    """413, before anybody reads it."""
    status, said = await site.ask(f"requests.{ending}", body=b"x" * 140_000)

    assert (413, ["413"]) == (status, codes(said))


@pytest.mark.parametrize("ending", ["json", "xml"])
async def test_a_fault_of_ours_is_told_in_its_format(site: Site, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with errors, like every other; never a plain text."""

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(site.store.requests, "between", broken)
    start, *rest = await site.told(f"/open311/v2/requests.{ending}")

    assert (503, ["503"], b"5") == (
        start["status"],
        codes(rest[0]["body"].decode()),
        dict(start["headers"])[b"retry-after"],
    )


@pytest.mark.parametrize("path", ["/open311/", "/open311/v1/services.json", "/open311/v2"])
async def test_beside_the_interface_errors_have_a_format(site: Site, path: str) -> None:
    """Another version is nowhere, and that is said in the same words."""
    start, *rest = await site.told(path)

    assert (404, ["404"]) == (start["status"], codes(rest[0]["body"].decode()))
