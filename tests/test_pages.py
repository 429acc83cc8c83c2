"""The public pages before a real store: what was filed is confirmed, what was forgotten is said."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from cases.model import By
from cases.numbers import case_number
from cases.store import CaseStore
from connectors.form import Form, FormSettings
from core.clock import machine_clock
from core.errors import Unavailable
from core.message import Arrival
from tests.casework import CITIZEN, WASTE, Time, at, city, delivered, dispatched, joins, message, opened
from web.app import make_app
from web.hooks import Hooks
from web.services import Services

NEVER_FILED = "이 주소로 접수된 민원이 없습니다."
CHECKING = "접수번호를 확인하고 있습니다"
FORGOTTEN = "이 민원의 내용과 개인정보는 보관 기간이 지나 2029년 11월 24일에 삭제하였습니다."
FORM_NAME = "form"
OFFICER = By("박지훈")


async def ready() -> tuple[bool, dict[str, Any]]:
    return True, {}


async def soon(_: float) -> None:
    """Something changed in the cases."""


def form(key: str) -> Form:
    return Form(FORM_NAME, FormSettings(), environment={"EUNGDAPSO_FORM_KEY": key})


class Site:
    """The application with one form; `taken` is what was made durable."""

    def __init__(
        self,
        store: CaseStore,
        time: Time,
        *,
        changed: Callable[[float], Awaitable[None]] = soon,
        key: str = "a key for tests",
    ) -> None:
        self.form = form(key)
        self.taken: list[Arrival] = []
        self.is_away = False
        # A form's token tells its age by the machine's clock.
        self.now = machine_clock().timestamp()
        services = Services(
            city=city(),
            store=store,
            faqs=lambda *_: (),
            find=lambda *_: (),
            readiness=ready,
            changed=changed,
            metrics=lambda: b"",
            form_token=lambda: self.form.token(self.now),
            form_receipt=self.form.receipt,
            clock=time,
        )
        self.app = make_app(services, Hooks({FORM_NAME: self.form}, self._accept, time, "https://eungdapso.example"))

    async def _accept(self, arrivals: Sequence[Arrival]) -> None:
        if self.is_away:
            raise Unavailable("the log does not answer; try again")
        self.taken.extend(arrivals)

    async def get(self, path: str) -> tuple[int, str]:
        status, _, page = await self._ask("GET", path, b"")
        return status, page

    async def post(self, path: str, **fields: str) -> tuple[int, str]:
        """Returns the status and where the browser is sent."""
        status, headers, _ = await self._ask("POST", path, urlencode(fields).encode())
        return status, headers.get(b"location", b"").decode()

    async def _ask(self, method: str, path: str, body: bytes) -> tuple[int, dict[bytes, bytes], str]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(event: Any) -> None:
            sent.append(event)

        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
        await self.app({**scope, "headers": headers, "root_path": "", "scheme": "https"}, receive, send)
        page = b"".join(event.get("body", b"") for event in sent[1:])
        return sent[0]["status"], dict(sent[0]["headers"]), page.decode()


def record(store: CaseStore, arrival: Arrival) -> str:
    assert arrival.message is not None
    return opened(store, dispatched(arrival.message))


@pytest.fixture
def site(store: CaseStore, time: Time, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(store, time)
    monkeypatch.setattr("time.time", lambda: made.now)
    return made


async def test_what_was_filed_is_confirmed(site: Site, store: CaseStore) -> None:
    """The page that follows a form tells the number of its case and leads to it."""
    token = site.form.token(site.now)
    status, where = await site.post("/file", token=token, text=WASTE)
    number = record(store, site.taken[0])
    shown, page = await site.get(where)

    assert (303, 200) == (status, shown)
    assert f"접수번호는 <strong>{number}</strong>입니다." in page
    assert f"/c/{number}/" in page


async def test_what_was_filed_a_moment_ago_is_waited_for(store: CaseStore, time: Time, site: Site) -> None:
    """The case that is made while the page waits stands on it."""

    async def made(_: float) -> None:
        record(store, site.taken[0])

    _, where = await site.post("/file", token=site.form.token(site.now), text=WASTE)
    _, page = await Site(store, time, changed=made).get(where)

    assert "접수되었습니다" in page


async def test_a_form_without_its_case_is_said_to_be_kept(store: CaseStore, time: Time) -> None:
    """However long the case takes: what was filed is safe, and the page can be looked at again."""
    site = Site(store, time, changed=asyncio.sleep)
    status, page = await site.get(f"/filed/{site.form.receipt(site.form.token(site.now))}")

    assert 200 == status
    assert CHECKING in page


@pytest.mark.parametrize("what", ["anything", "a.b", "a.1795396500.b.c", "가나다.라", "\0.a", "a" * 5000 + ".b", "..."])
async def test_nothing_is_confirmed_that_was_not_filed(site: Site, what: str) -> None:
    """Whatever stands in the address: nobody is told that a message was kept which nobody sent."""
    status, page = await site.get(f"/filed/{what}")

    assert 404 == status
    assert NEVER_FILED in page
    assert CHECKING not in page


async def test_a_page_that_was_only_opened_was_not_filed(site: Site) -> None:
    """The token of a form, which everybody gets, is no receipt; nor is one that somebody else signed."""
    token = site.form.token(site.now)

    assert 404 == (await site.get(f"/filed/{token}"))[0]
    assert 404 == (await site.get(f"/filed/{form('another key').receipt(token)}"))[0]


async def test_a_receipt_is_no_token(site: Site) -> None:
    """What confirms a form cannot be used to file another."""
    receipt = site.form.receipt(site.form.token(site.now))
    status, _ = await site.post("/file", token=receipt, text=WASTE)

    assert 401 == status
    assert [] == site.taken


async def test_a_new_key_confirms_what_has_a_case(site: Site, store: CaseStore, time: Time) -> None:
    """Started again with another key, the page of what was filed before is still there."""
    _, where = await site.post("/file", token=site.form.token(site.now), text=WASTE)
    number = record(store, site.taken[0])
    status, page = await Site(store, time, key="another key").get(where)

    assert 200 == status
    assert number in page


async def test_a_forgotten_case_says_so(site: Site, store: CaseStore, time: Time) -> None:
    """Nobody looks for words in vain: the page says that they were deleted, when, and why."""
    number = opened(store, dispatched(message(WASTE, time)))
    delivered(store, time)
    case = store.officer.close(number, OFFICER, why=f"{CITIZEN}님과 통화하였습니다.")
    delivered(store, time)
    _, before = await site.get(f"/c/{number}/{case.token}")
    time.now = at("2029-11-24 03:00")
    store.tidy.forget(time.now - timedelta(days=1095))
    status, after = await site.get(f"/c/{number}/{case.token}")

    assert 200 == status
    assert "삭제" not in before
    assert FORGOTTEN in after
    assert WASTE in before
    assert WASTE not in after
    assert "통화" not in after


async def test_sent_again_from_the_page_that_could_not_say_it_is_the_same(store: CaseStore, time: Time) -> None:
    """What was not acknowledged may be durable all the same: the page keeps its token, and one case comes of both."""
    site = Site(store, time)
    site.is_away = True
    token = site.form.token(site.now)
    status, _, page = await site._ask(
        "POST", "/file", urlencode({"token": token, "text": "보도블록이 깨졌습니다"}).encode()
    )

    assert (503, True) == (status, f'value="{token}"' in page)


async def test_a_number_is_tried_as_often_however_it_is_spelt(site: Site, store: CaseStore, time: Time) -> None:
    """Whoever guesses the end of a telephone number has five tries, not five for each way to write the case's."""
    number = opened(store, dispatched(message(WASTE, time)))
    spelt = [number, *(number.replace("-", dash) for dash in ("", " ", ".", "–", "_"))]
    tried = [(await site.post("/case", number=one, key="0000"))[0] for one in spelt]

    assert [404, 404, 404, 404, 404, 429] == tried


async def test_many_numbers_are_not_tried_with_one_ending(site: Site) -> None:
    """Whoever counts up the numbers is stopped as well, though no number is tried often."""
    tried = [(await site.post("/case", number=case_number("20261123", count), key="0000"))[0] for count in range(25)]

    assert [404] * 20 + [429] * 5 == tried


@pytest.mark.parametrize("body", [b"number=\xff", b"--X\r\n\r\n1\r\n--X--", b"&".join([b"a=1"] * 99), b"x" * 99_999])
async def test_what_is_none_of_our_forms_is_refused(site: Site, body: bytes) -> None:
    """Whatever it says of itself, it is read as our pages send it, and only so much of it."""
    status, _, _ = await site._ask("POST", "/case", body)

    assert status in (404, 413)


async def test_citizens_read_their_own_words(site: Site, store: CaseStore, time: Time) -> None:
    """Behind the private address and nowhere else, without what points to a person."""
    asked = message(f"{WASTE} 제 번호는 010-1234-5678입니다.", time)
    number = opened(store, dispatched(asked))
    case = store.views.case(number)
    _, page = await site.get(f"/c/{number}/{case.token}")
    _, _, by_phone = await site._ask("POST", "/case", urlencode({"number": number, "key": CITIZEN[-4:]}).encode())

    assert WASTE in page
    assert "1234-5678" not in page
    assert number in by_phone
    assert WASTE not in by_phone


async def test_nobody_reads_anothers_words(store: CaseStore, time: Time) -> None:
    """Who opened a case in somebody's name does not read what that person says elsewhere."""
    number = opened(store, dispatched(message(WASTE, time, channel="form", conversation="a page of mine")))
    store.record([joins(message("제가 직접 씁니다.", time), number)])
    words = store.public.words(number, store.views.case(number).token)

    assert [WASTE] == [text for _, text in words]


async def test_of_what_was_written_anew_the_last_is_shown(store: CaseStore, time: Time) -> None:
    """The words that a citizen replaced are no longer theirs."""
    first = message(WASTE, time)
    number = opened(store, dispatched(first))
    anew = message(f"{WASTE} 오늘요.", time, native_id=first.native_id, version="2", change="edit")
    time.moves(minutes=1)
    store.record([joins(anew, number), joins(message("감사합니다.", time), number)])
    words = store.public.words(number, store.views.case(number).token)

    assert [f"{WASTE} 오늘요.", "감사합니다."] == [text for _, text in words]


async def test_a_confidential_case_shows_no_words(site: Site, store: CaseStore, time: Time) -> None:
    """A link may be forwarded or seen over a shoulder; what is confidential then says nothing."""
    number = opened(store, dispatched(message(WASTE, time), confidential=True, queue="office.audit"))
    status, page = await site.get(f"/c/{number}/{store.views.case(number).token}")

    assert 200 == status
    assert WASTE not in page


async def test_what_came_at_night_says_when_it_counts(store: CaseStore) -> None:
    """As the letter says it: when it came, and from when on it is taken as received."""
    night = Time("2026-11-24 02:34")
    made = Site(store, night)
    number = opened(store, dispatched(message(WASTE, night)))
    _, page = await made.get(f"/c/{number}/{store.views.case(number).token}")

    assert "<dt>도착</dt><dd>11월 24일(화) 02:34</dd>" in page
    assert "<dt>접수</dt><dd>11월 24일(화) 09:00" in page


async def test_pages_bring_their_own_icon(site: Site) -> None:
    """A browser that looks for one finds it here, and asks nobody else."""
    status, icon = await site.get("/favicon.ico")
    _, page = await site.get("/")

    assert 200 == status
    assert icon.startswith("<svg")
    assert '<link rel="icon" href="/static/icon.svg"' in page
