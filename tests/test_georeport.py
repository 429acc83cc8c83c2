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

    def __init__(self, store: CaseStore, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("web.open311._WAIT_SECONDS", 0.01)
        settings = Open311Settings(jurisdiction_id="eungdapso.example")
        self.channel = Open311("open311", settings, environment={"EUNGDAPSO_OPEN311_KEY": "key"})
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

    async def ask(self, path: str, query: Mapping[str, str] = NOTHING, *, body: bytes | None = None) -> tuple[int, str]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(event: Any) -> None:
            sent.append(event)

        whole = f"/open311/v2/{path}"
        scope = {"type": "http", "method": "GET" if body is None else "POST", "path": whole, "raw_path": whole.encode()}
        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        more = {"query_string": urlencode(query).encode(), "headers": headers, "root_path": "", "scheme": "https"}
        await self.app({**scope, **more}, receive, send)
        return sent[0]["status"], b"".join(event.get("body", b"") for event in sent[1:]).decode()

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
