"""The pages of what everybody was told: read by everybody, corrected and taken back ones marked."""

import pytest

from cases.broadcast_model import Draft, Target
from cases.broadcasts import Broadcasts
from cases.database import Database
from cases.store import CaseStore
from core.errors import Unavailable
from tests.casework import Time
from tests.test_pages import Site

KIM, PARK = "김서연", "박지훈"
COLD = "[한파경보] 오늘 21시 서울 전역. <b>수도 계량기</b>를 보온해 주십시오."
RIGHT = "[정정] 한파경보는 내일 21시부터입니다."


@pytest.fixture
def site(store: CaseStore, time: Time) -> Site:
    return Site(store, time)


def drafted(broadcasts: Broadcasts, text: str, corrects: str = "") -> str:
    target = Target(platform="x", account="Seoul_eds", name="응답소", text=text)
    draft = Draft(audience="all", title=text[:12], text=text, targets=(target,), corrects=corrects)
    return broadcasts.draft(draft, KIM).id


def sent(broadcasts: Broadcasts, text: str, corrects: str = "") -> str:
    name = drafted(broadcasts, text, corrects)
    for officer in (KIM, PARK):
        broadcasts.approve(name, officer)
    return broadcasts.send(name, KIM).id


async def test_what_was_sent_is_read(site: Site, store: CaseStore) -> None:
    """With its words and its time, on the list, on a page of its own, and named on the front page; drafts are not."""
    name = sent(store.broadcasts, COLD)
    drafted(store.broadcasts, "비밀 초안입니다.")
    pages = [(await site.get(path))[1] for path in ("/broadcasts", f"/broadcasts/{name}", "/")]

    assert all("11월 23일(월) 10:00</time>" in page and COLD[:12] in page for page in pages)
    assert all("&lt;b&gt;수도 계량기" in page for page in pages[:2])
    assert f'href="/broadcasts/{name}"' in pages[2]
    assert not [page for page in pages if "비밀" in page]


async def test_a_correction_and_what_it_puts_right(site: Site, store: CaseStore) -> None:
    """The wrong words are gone; each of the two leads to the other, and the front page tells the right one alone."""
    wrong = sent(store.broadcasts, COLD)
    right = sent(store.broadcasts, RIGHT, wrong)
    _, listed = await site.get("/broadcasts")
    _, old = await site.get(f"/broadcasts/{wrong}")
    _, new = await site.get(f"/broadcasts/{right}")
    _, front = await site.get("/")

    assert "바로잡음" in listed
    assert (True, False) == (f'href="/broadcasts/{right}"' in old, "수도 계량기" in old)
    assert (True, True) == (f'href="/broadcasts/{wrong}"' in new, RIGHT in new)
    assert (True, False) == (RIGHT[:12] in front, COLD[:12] in front)


async def test_what_was_taken_back_says_so(site: Site, store: CaseStore, time: Time) -> None:
    """Its title stays, with the warning not to follow it; its words, and why, are not shown."""
    name = sent(store.broadcasts, COLD)
    time.moves(minutes=5)
    store.broadcasts.recall(name, PARK, "훈련 문자였음")
    _, page = await site.get("/broadcasts")

    assert "11월 23일(월) 10:05에 회수하였습니다. 이 알림의 내용을 따르지 마십시오." in page
    assert (True, False, False) == (COLD[:12] in page, "수도 계량기" in page, "훈련" in page)


async def test_a_draft_that_was_taken_back_is_nobodys_business(site: Site, store: CaseStore) -> None:
    """It never went out."""
    name = drafted(store.broadcasts, COLD)
    store.broadcasts.recall(name, KIM, "다시 작성")

    assert "보여 드릴 알림이 없습니다." in (await site.get("/broadcasts"))[1]
    assert 404 == (await site.get(f"/broadcasts/{name}"))[0]


async def test_many_have_pages(site: Site, store: CaseStore, time: Time) -> None:
    """Twenty a page, with the way on and back; after two days the front page tells none of them."""
    for number in range(21):
        time.moves(minutes=1)
        sent(store.broadcasts, f"알림 {number:02}. 따뜻하게 지내십시오.")
    _, first = await site.get("/broadcasts")
    time.moves(days=3)
    _, front = await site.get("/")

    assert (20, True, False) == (first.count("<article"), "?page=2" in first, "알림 00" in first)
    assert "따뜻하게" not in front


@pytest.mark.parametrize("name", ["B20261123-9", "x", "%00", "B" * 5_000])
async def test_what_is_not_there(site: Site, name: str) -> None:
    """A page that says so, whatever is asked for."""
    status, page = await site.get(f"/broadcasts/{name}")

    assert (404, True) == (status, "이 번호의 알림이 없습니다." in page)


async def test_the_front_page_stands_without_the_store(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """When cases cannot be read a citizen can still file: the notices are left out."""

    def away(_: Database) -> None:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(Database, "read", away)

    assert (200, True) == ((await site.get("/"))[0], 'action="/file"' in (await site.get("/"))[1])
