"""The search sink: what is found, what is not, and what becomes of a damaged index."""

import resource
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.decision import Decision
from core.errors import Unavailable
from core.message import Message
from core.wire import Routed
from sinks.elastic import Elastic
from sinks.search import Reader, Search
from tests.engine import URL, Prompt, drop

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
ANYWHERE = {"queues": None, "confidential": False}


def routed(
    name: str, text: str, *, queue: str = "gangnam", confidential: bool = False, minutes: int = 0, subject: str = ""
) -> Routed:
    return Routed(
        message=Message(
            id=name,
            channel="sms",
            account="+82221331234",
            native_id=f"SM{name}",
            received_at=MONDAY + timedelta(minutes=minutes),
            subject=subject,
            text=text,
        ),
        decision=Decision(action="dispatch", queue=queue, kind="other", confidential=confidential),
    )


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Search]:
    sink = Search(tmp_path / "search", commit_every_seconds=0)
    await sink.setup()
    yield sink
    await sink.close()


@pytest.fixture
async def elastic() -> AsyncIterator[Prompt]:
    sink = Prompt(f"test-{secrets.token_hex(6)}")
    await sink.setup()
    yield sink
    await sink.close()
    drop(sink.index)


@pytest.fixture(params=["embedded", "elastic"] if URL else ["embedded"])
def search(request: pytest.FixtureRequest) -> Search | Prompt:
    """Either engine: both find the same."""
    sink: Search | Prompt = request.getfixturevalue(request.param)
    return sink


def found(
    search: Search | Elastic | Reader, query: str, *, queues: list[str] | None = None, confidential: bool = False
) -> list[str]:
    return [hit.message_id for hit in search.find(query, queues=queues, confidential=confidential)]


async def test_a_message_is_found_by_its_words(search: Search | Prompt) -> None:
    """A word inside a longer one finds the message, also with a particle behind it."""
    await search.write([routed("a", "역삼동 골목에 쓰레기 무단투기가 심해요"), routed("b", "가로등이 고장났어요")])

    assert ["a"] == found(search, "무단투기")
    assert ["b"] == found(search, "가로등")


async def test_one_syllable_is_looked_for_inside_words(search: Search | Prompt) -> None:
    """A single syllable finds words that begin or end with it."""
    await search.write(
        [routed("a", "수돗물에서 냄새가 나요"), routed("b", "수돗물 색이 이상해요"), routed("c", "버스 무정차")]
    )

    assert {"a", "b"} == set(found(search, "물"))


async def test_every_word_must_be_there_and_the_newest_comes_first(search: Search | Prompt) -> None:
    """When messages have all words of the query, only these are shown, newest first, with the full score."""
    await search.write(
        [
            routed("old", "신림동 불법주차 단속 요청", minutes=1),
            routed("other", "신림동 가로등 고장", minutes=2),
            routed("new", "신림동 골목 불법주차가 심합니다", minutes=3),
        ]
    )
    hits = search.find("신림동 불법주차", queues=None, confidential=False)

    assert [("new", 1.0), ("old", 1.0)] == [(hit.message_id, hit.score) for hit in hits]


async def test_some_words_are_better_than_nothing(search: Search | Prompt) -> None:
    """When no message has all words, those that have some are shown, best first, with a lower score."""
    await search.write([routed("bad", "가로등 점검 일정"), routed("good", "노후 가로등 고장 신고")])
    hits = search.find("가로등 고장 상계동", queues=None, confidential=False)

    assert ["good", "bad"] == [hit.message_id for hit in hits]
    assert all(0 < hit.score < 1 for hit in hits)


async def test_the_second_page_follows_the_first(search: Search | Prompt) -> None:
    """`offset` goes on where the page before ended, and past the end there is nothing."""
    await search.write([routed(str(n), "공원 벤치 파손", minutes=n) for n in range(5)])
    pages = [search.find("공원 벤치", **ANYWHERE, limit=2, offset=offset) for offset in (0, 2, 4, 6)]  # type: ignore[arg-type]  # one table of arguments

    assert [["4", "3"], ["2", "1"], ["0"], []] == [[hit.message_id for hit in page] for page in pages]


async def test_a_hit_tells_when_its_message_came(search: Search | Prompt) -> None:
    """The time of receipt comes back to the microsecond."""
    await search.write([routed("a", "놀이터 소음", minutes=7)])
    hit = search.find("놀이터", queues=None, confidential=False)[0]

    assert MONDAY + timedelta(minutes=7) == hit.received_at


async def test_only_the_queues_asked_for_are_searched(search: Search | Prompt) -> None:
    """An officer of one district finds nothing of another; an officer of none finds nothing."""
    await search.write([routed("a", "불법주차 단속"), routed("b", "불법주차 단속", queue="jongno")])

    assert ["b"] == found(search, "불법주차", queues=["jongno"])
    assert [] == found(search, "불법주차", queues=[])


async def test_confidential_matters_are_found_only_when_asked_for(search: Search | Prompt) -> None:
    """A corruption report does not turn up among the others."""
    await search.write([routed("a", "담당 공무원이 돈을 요구했습니다", queue="hq.audit", confidential=True)])

    assert [] == found(search, "공무원")
    assert ["a"] == found(search, "공무원", confidential=True)


async def test_personal_numbers_are_not_in_the_index(search: Search | Prompt) -> None:
    """Nobody is found by a resident registration number that stood in the text."""
    await search.write([routed("a", "제 주민번호는 900101-1234568 입니다")])

    assert [] == found(search, "1234568")


async def test_the_subject_is_searched_too(search: Search | Prompt) -> None:
    """A mail is found by its subject."""
    await search.write([routed("a", "아래와 같이 요청드립니다", subject="보도블록 파손")])

    assert ["a"] == found(search, "보도블록")


async def test_the_same_message_again_takes_its_own_place(search: Search | Prompt) -> None:
    """Written anew with another text, a message is found by the new words only."""
    await search.write([routed("a", "가로등 고장")])
    await search.write([routed("a", "보도블록 파손")])

    assert [] == found(search, "가로등")
    assert ["a"] == found(search, "보도블록")


@pytest.mark.parametrize("query", ["", "   ", "!?…", "\ud800", 'queue:"gangnam" AND *', "ㅋ" * 5_000])
async def test_a_strange_query_finds_nothing_and_breaks_nothing(search: Search | Prompt, query: str) -> None:
    """Queries have no language of their own that could be misused."""
    await search.write([routed("a", "가로등 고장")])

    assert [] == found(search, query)


async def test_other_processes_see_each_commit(embedded: Search, tmp_path: Path) -> None:
    """A reader that was opened before sees what is written after."""
    reader = Reader(tmp_path / "search")
    before = found(reader, "가로등")
    await embedded.write([routed("a", "가로등 고장")])

    assert ([], ["a"]) == (before, found(reader, "가로등"))


def test_reading_where_nothing_was_written_is_unavailable(tmp_path: Path) -> None:
    """Without an index the reader says so."""
    with pytest.raises(Unavailable, match="no search index yet"):
        found(Reader(tmp_path / "search"), "가로등")


async def test_two_writers_never_share_an_index(embedded: Search, tmp_path: Path) -> None:
    """The second one waits until the first lets go."""
    second = Search(tmp_path / "search")

    with pytest.raises(Unavailable, match="another process"):
        await second.setup()


async def test_a_new_index_asks_to_be_filled(tmp_path: Path) -> None:
    """A new index says that older messages are missing, until somebody says that they are in."""
    search = Search(tmp_path / "search")
    await search.setup()
    asked = search.needs_rebuild
    search.rebuilt()

    assert (True, False) == (asked, search.needs_rebuild)
    await search.close()


def spoil(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5])


@pytest.mark.parametrize("harm", [spoil, cut_off, Path.unlink])
@pytest.mark.parametrize("pattern", ["meta.json", "*.store", "*.term", "*.idx", "*.fast", "*.pos"])
async def test_a_damaged_index_is_set_aside(tmp_path: Path, pattern: str, harm: object) -> None:
    """Whatever file is damaged: the index is kept under another name, a new one works and asks to be filled."""
    folder = tmp_path / "search"
    await written_and_closed(folder)
    assert callable(harm)
    harm(next(folder.glob(pattern)))

    search = Search(folder, commit_every_seconds=0)
    await search.setup()
    await search.write([routed("b", "보도블록 파손")])

    assert (True, 1, ["b"]) == (search.needs_rebuild, len([*tmp_path.glob("search.damaged-*")]), found(search, "파손"))
    await search.close()


async def test_a_reader_follows_to_the_new_index(tmp_path: Path) -> None:
    """A reader of another process finds its way after the index was set aside."""
    folder = tmp_path / "search"
    await written_and_closed(folder)
    reader = Reader(folder)
    before = found(reader, "가로등")
    (folder / "meta.json").write_bytes(b"{")

    search = Search(folder, commit_every_seconds=0)
    await search.setup()

    assert (["a"], []) == (before, found(reader, "가로등"))
    await search.close()


async def test_a_sound_index_is_kept(tmp_path: Path) -> None:
    """Opening again finds everything, replaced messages too, and sets nothing aside."""
    folder = tmp_path / "search"
    await written_and_closed(folder)
    search = Search(folder, commit_every_seconds=0)
    await search.setup()
    await search.write([routed("a", "가로등 점검")])
    await search.close()
    await search.setup()

    assert ([], ["a"]) == ([*tmp_path.glob("search.damaged-*")], found(search, "가로등"))
    assert not search.needs_rebuild
    await search.close()


async def test_a_full_disk_is_waited_for(embedded: Search) -> None:
    """Nothing is taken while nothing can be written, and the same batch goes through afterwards."""
    batch = [routed("a", "가로등 고장")]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(Unavailable, match="cannot be used now"):
            await embedded.write(batch)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    await embedded.write(batch)

    assert ["a"] == found(embedded, "가로등")


async def written_and_closed(folder: Path) -> None:
    search = Search(folder, commit_every_seconds=0)
    await search.setup()
    await search.write([routed("a", "가로등 고장")])
    search.rebuilt()
    await search.close()
