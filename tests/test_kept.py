"""What is found from the city's own texts is there again at the next start, and never anything else."""

import fcntl
import os
import resource
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from classifiers._morphemes import Morphemes, Words
from classifiers._text import read
from classifiers.faq import Faq as FaqClassifier
from config.schema import City, Faq, Routing, Templates
from core.message import Message
from pipeline.models import Kept, folder_of

OURS, THEIRS = read("여권 사진 규격을 알려 주세요"), read("김서울인데요 제 여권은 언제 나오나요")
CITY = City(
    districts=(),
    places=(),
    departments=(),
    topics=(),
    faqs=(
        Faq(
            id="passport",
            category="생활",
            question="여권은 어디에서 만드나요?",
            variants=(
                "여권 만드는 곳 알려 주세요",
                "여권 신청은 어디서 하나요",
                "여권 발급받으려면 어디로 가요",
                "구청에서 여권 만들 수 있나요",
                "여권 어디서 만들어요",
                "여권 접수하는 곳이 어디예요",
            ),
            not_examples=("여권을 잃어버렸어요",),
            answer="안내해 드립니다.",
            short="안내",
            as_of=date(2026, 11, 1),
            source="서울특별시",
            verified=True,
        ),
    ),
    routing=Routing(rules=(), kinds=(), urgent=(), elsewhere=()),
    words=Templates(letters={}, states={}, kinds={}),
)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path, "faq")


def files(var: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder_of(var).glob("*")}


def taken(kept: Kept | None, *names: str) -> Words:
    """Returns the words of a text of ours, and of a citizen's after it, as a process that starts finds them."""
    morphemes = Morphemes(names, kept)
    with morphemes.own():
        words = morphemes(OURS)
    morphemes(THEIRS)
    morphemes.keep(all_asked=True)
    return words


def asked(kept: Kept | None, text: str = "여권은 어디서 만들 수 있나요?") -> object:
    """Returns what is found in a message right after the start."""
    faq = FaqClassifier(CITY)
    if kept:
        faq.keep(kept)
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    return faq.classify([Message(id="1", channel="sms", account="120", native_id="1", received_at=received, text=text)])


def test_the_second_start_finds_the_same(kept: Kept) -> None:
    """With what was kept, without it, and while it is made, the same is found."""
    assert asked(None) == asked(kept) == asked(kept)


def test_the_second_start_writes_nothing(kept: Kept, tmp_path: Path) -> None:
    """What is there already is not written again."""
    asked(kept)
    first = [path.stat().st_ino for path in sorted(folder_of(tmp_path).glob("*"))]
    asked(kept)

    assert first == [path.stat().st_ino for path in sorted(folder_of(tmp_path).glob("*"))]
    assert 2 == len(first)


def test_nothing_of_citizens_is_kept(kept: Kept, tmp_path: Path) -> None:
    """A message that comes while nothing is loaded yet leaves no trace."""
    asked(kept, THEIRS.spaced)
    taken(kept)

    assert not any("김서울".encode() in data for data in files(tmp_path).values())
    assert "규격".encode() in files(tmp_path)["faq.morphemes.kept"]


def test_other_names_are_other_morphemes(kept: Kept) -> None:
    """What was found when Kiwi knew other names is not used."""
    taken(kept)

    assert taken(None, "사진") == taken(kept, "사진") != taken(kept)


@pytest.mark.parametrize("damage", [b"", b"\x00" * 40, b"eungdapso-kept 1\n" + b"\x80" * 60])
def test_a_damaged_file_is_none(kept: Kept, tmp_path: Path, damage: bytes) -> None:
    """Whatever stands in it, it is made anew."""
    right = asked(kept)
    for path in folder_of(tmp_path).glob("*"):
        path.write_bytes(damage)

    assert right == asked(kept)
    assert damage not in files(tmp_path).values()


def test_a_foreign_file_is_none(kept: Kept) -> None:
    """What is whole and says something else is made anew, too."""
    right = asked(kept)
    for what in ("morphemes", "trust"):
        kept.write(what, b"\x93\x01\x02\x03")

    assert right == asked(kept)


def test_what_is_kept_is_ours_alone(kept: Kept, tmp_path: Path) -> None:
    """Nobody else reads it, and what a process left that ended is taken away."""
    folder_of(tmp_path).mkdir()
    (folder_of(tmp_path) / "faq.trust.kept-1").write_bytes(b"half")
    kept.write("trust", b"whole")
    path = folder_of(tmp_path) / "faq.trust.kept"

    assert ([path], b"whole") == ([*folder_of(tmp_path).glob("*")], kept.read("trust"))
    assert 0o600 == path.stat().st_mode & 0o777


def test_where_no_instance_is_nothing_is_written(tmp_path: Path) -> None:
    """Who only looks at decisions leaves no folder behind."""
    Kept(tmp_path / "var", "faq").write("trust", b"whole")

    assert [] == [*tmp_path.glob("*")]


@pytest.mark.parametrize("spoil", ["others", "link", "pipe"])
def test_what_others_may_have_written_is_not_believed(kept: Kept, tmp_path: Path, spoil: str) -> None:
    """Neither a file that anybody may write, nor a link, nor a pipe, which nobody waits for."""
    kept.write("trust", b"ours")
    path = folder_of(tmp_path) / "faq.trust.kept"
    if spoil == "others":
        path.chmod(0o666)
    elif spoil == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.unlink()
        os.mkfifo(path)

    assert kept.read("trust") is None


def test_what_is_ours_is_believed(kept: Kept) -> None:
    """What was written is read again."""
    kept.write("trust", b"ours")

    assert b"ours" == kept.read("trust")


def test_a_full_disk_leaves_what_was_there(kept: Kept, tmp_path: Path) -> None:
    """What does not fit is not written, not even half of it beside the other."""
    kept.write("trust", b"ours")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
    try:
        kept.write("trust", b"x" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    assert (["faq.trust.kept"], b"ours") == ([*files(tmp_path)], kept.read("trust"))


def test_what_somebody_writes_is_left_to_him(kept: Kept, tmp_path: Path) -> None:
    """Two that write at once take nothing from each other; only what nobody writes any more is taken away."""
    kept.write("trust", b"ours")
    begun = folder_of(tmp_path) / "faq.trust.kept-begun"
    with begun.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        kept.write("trust", b"theirs")
        is_left = begun.exists()
    kept.write("trust", b"ours again")

    assert (True, False, b"ours again") == (is_left, begun.exists(), kept.read("trust"))


def test_a_file_of_too_many_bytes_is_none(kept: Kept, tmp_path: Path) -> None:
    """Nobody reads it, whatever begins in it."""
    kept.write("trust", b"ours")
    os.truncate(folder_of(tmp_path) / "faq.trust.kept", 10_000_000_000)

    assert kept.read("trust") is None
