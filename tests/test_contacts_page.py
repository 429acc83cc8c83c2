"""The page where a citizen adds a contact, as a browser without scripts uses it."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from cases.means import Options
from cases.model import By
from cases.store import CaseStore
from tests.casework import WASTE, Time, delivered, dispatched, mail, make_store, opened
from tests.test_pages import Site

NUMBER = "+821087654321"
AGREED = {"contact": "010-8765-4321", "consent": "yes"}
OFFICER = By("박지훈")


@pytest.fixture
def store(url: str, time: Time) -> Iterator[CaseStore]:
    made = make_store(url, time, options=Options(ways={"tel": "sms", "mail": "email"}))
    yield made
    made.close()


@pytest.fixture
def link(store: CaseStore, time: Time) -> str:
    """Returns the private link of a case whose receipt is out."""
    number = opened(store, dispatched(mail(WASTE, time)))
    delivered(store, time)
    return f"/c/{number}/{store.views.case(number).token}"


@pytest.fixture
def site(store: CaseStore, time: Time) -> Site:
    return Site(store, time)


async def said(site: Site, path: str, **fields: str) -> tuple[int, str]:
    """Posts a form; returns the status and the page that it answers with."""
    status, _, page = await site._ask("POST", path, urlencode(fields).encode())
    return status, page


def code_sent(store: CaseStore, time: Time) -> str:
    (code,) = [found[1] for found in re.finditer(r"인증번호 (\d{6})", delivered(store, time)[0].text)]
    return code


async def test_the_page_of_the_case_leads_there(site: Site, link: str) -> None:
    """By the private link alone, and only where something can be sent to numbers or addresses."""
    _, page = await site.get(link)
    number, token = link.split("/")[2:]
    _, looked_up = await said(site, "/case", number=number, key=token)

    assert f'href="{link}/contacts"' in page
    assert "/contacts" not in looked_up


async def test_what_is_agreed_to_is_said_first(site: Site, link: str) -> None:
    """What is collected, what for, how long, and that it may be refused: before anything is typed."""
    status, page = await site.get(f"{link}/contacts")

    assert 200 == status
    for words in ("수집 항목", "이용 목적", "보유 기간", "거부하실 권리", "동의하지 않으셔도 됩니다", 'lang="en"'):
        assert words in page


async def test_a_contact_is_added_with_its_code(site: Site, store: CaseStore, time: Time, link: str) -> None:
    """Typed, proved, shown with its end hidden; the words that were agreed to are kept."""
    asked, where = await site.post(f"{link}/contacts", **AGREED)
    _, waiting = await site.get(where)
    proved, back = await site.post(f"{link}/contacts/code", code=f" {code_sent(store, time)} ")
    _, page = await site.get(back)
    with store._means.database.read() as connection:
        consents = {row.consent for row in connection.exec_driver_sql("SELECT consent FROM contacts")}

    assert (303, 303) == (asked, proved)
    assert 'name="code"' in waiting
    assert "연락처를 등록하였습니다." in page
    assert "010-8765-****" in page
    assert NUMBER not in page
    assert ["", "수집 항목: 휴대전화번호 또는 전자우편 주소"] == sorted(consent.split("\n")[0] for consent in consents)


async def test_nothing_is_sent_without_consent(site: Site, store: CaseStore, time: Time, link: str) -> None:
    """The box was not ticked: the page says so, and that one need not."""
    status, page = await said(site, f"{link}/contacts", contact="010-8765-4321")

    assert 422 == status
    assert "등록하지 않으셔도 됩니다" in page
    assert [] == delivered(store, time)


@pytest.mark.parametrize("contact", ["", "김서연", "12345", "<script>alert(1)</script>", "\0", "+" * 5000])
async def test_what_is_no_contact_is_explained(site: Site, link: str, contact: str) -> None:
    """In a sentence; what was typed does nothing on the page."""
    status, page = await said(site, f"{link}/contacts", contact=contact, consent="yes")

    assert 422 == status
    assert "연락처를 알아볼 수 없습니다." in page
    assert "<script" not in page


async def test_a_wrong_code_may_be_corrected(site: Site, store: CaseStore, time: Time, link: str) -> None:
    """The page still has the field; after five it asks for another one."""
    await site.post(f"{link}/contacts", **AGREED)
    code = code_sent(store, time)
    pages = [await said(site, f"{link}/contacts/code", code=f"x{n}") for n in range(5)]
    status, last = await said(site, f"{link}/contacts/code", code=code)

    assert [422] * 5 == [one for one, _ in pages]
    assert all('name="code"' in page for _, page in pages)
    assert (410, False) == (status, 'name="code"' in last)
    assert "더 쓸 수 없습니다" in last


async def test_a_contact_is_taken_back_with_one_button(site: Site, store: CaseStore, time: Time, link: str) -> None:
    """At any time, and it is gone at once."""
    number = link.split("/")[2]
    store.contacts.link(number, store.contacts.place_of("010-8765-4321"), OFFICER, why="전화로 동의")
    _, before = await site.get(f"{link}/contacts")
    key = re.findall(r'name="key" value="([0-9a-f]+)"', before)[0]
    status, where = await site.post(f"{link}/contacts/remove", key=key)
    _, after = await site.get(where)

    assert 303 == status
    assert "지우기" not in after


@pytest.mark.parametrize("path", ["/contacts", "/contacts/code", "/contacts/remove"])
async def test_without_the_link_there_is_nothing(
    site: Site, store: CaseStore, time: Time, link: str, path: str
) -> None:
    """A wrong token leads to the page that says that there is no such case, whatever is posted."""
    wrong = link[:-4] + "0000"
    status, where = await site.post(wrong + path, code="123456", key="0" * 32, **AGREED)
    shown, page = await site.get(where.removesuffix("/contacts"))

    assert 303 == status
    assert 404 == shown
    assert "맞는 민원이 없습니다" in html.unescape(page)
    assert [] == delivered(store, time)


async def test_guesses_are_slowed_down(site: Site, link: str) -> None:
    """Twenty posts for a case in a quarter of an hour, then it is enough."""
    statuses = [(await said(site, f"{link}/contacts/code", code="000000"))[0] for _ in range(21)]

    assert 429 == statuses[-1]


async def test_a_forgotten_case_has_no_contacts(site: Site, store: CaseStore, time: Time, link: str) -> None:
    """Its page still tells that it was; nothing leads on from there."""
    store.officer.close(link.split("/")[2], OFFICER, why="처리를 마쳤습니다.")
    delivered(store, time)
    time.moves(days=31)
    store.tidy.forget(time.now - timedelta(days=30))
    _, page = await site.get(link)
    status, _ = await site.get(f"{link}/contacts")

    assert "/contacts" not in page
    assert 303 == status
