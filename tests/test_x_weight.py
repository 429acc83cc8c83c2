"""How long a post is: as X counts, and cut so that nothing breaks."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._x_weight import has_link, shortened, split, weight

TAIL = "… 문의 120"
KOREAN = st.text(st.sampled_from("가각힣ㄱ a1.,!?\n\u1100\u1161\u11a8é😀👨\u200d👩🇰🇷\ufe0f🏽（）·…"), max_size=600)
SENTENCE = "역삼1동 골목의 폐기물은 12월 1일(화) 09:00까지 치우겠습니다. "
ADDRESS = "https://news.seoul.go.kr/safe/archives/5551234?page=2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a" * 280, 280),
        ("가" * 140, 280),
        ("가" * 141, 282),
        ("각", 2),
        ("é", 1),
        ("ㅋㅋ", 4),
        ("—“”…", 5),
        ("😀", 2),
        ("👨\u200d👩\u200d👧\u200d👦", 2),
        ("🙋🏽", 2),
        ("🇰🇷", 2),
        ("1\ufe0f\u20e3", 2),
        ("☺", 2),
        ("Hi http://test.co", 26),
        (f"{ADDRESS}에서", 27),
        ("@Seoul_eds 12:30", 16),
        ("http://서울.kr", 23),
        ("a" * 70 + ".go.kr", 76),
    ],
)
def test_text_weighs_what_x_says(text: str, expected: int) -> None:
    """Latin letters weigh one, Hangul, emoji and the rest two, an address 23; composed before it is weighed."""
    assert expected == weight(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ADDRESS, True),
        ("seoul.go.kr 참고", True),
        ("http://서울.kr", True),
        ("문의 120.", False),
        ("3.5km", False),
        ("minwon@seoul.go.kr", False),
        ("12.1.까지", False),
    ],
)
def test_what_becomes_a_link_is_known(text: str, expected: bool) -> None:
    """X charges for addresses, also for those without a scheme."""
    assert expected == has_link(text)


@given(KOREAN)
def test_weight_is_never_less_than_of_the_parts_alone(text: str) -> None:
    """A text weighs at most two for each of its characters, and the same however it is composed."""
    assert weight(text) == weight(unicodedata.normalize("NFD", text))
    assert weight(text) <= 2 * len(unicodedata.normalize("NFC", text))


@given(KOREAN)
def test_every_text_fits_into_one_post(text: str) -> None:
    """Whatever is to be said can be said in one post, and what fits is not touched."""
    made = shortened(text, TAIL)

    assert weight(made) <= 280
    assert made == unicodedata.normalize("NFC", text).strip() or made.endswith(TAIL)


@given(KOREAN, st.integers(1, 6))
def test_posts_say_everything_in_order(text: str, posts: int) -> None:
    """Split into posts nothing is lost but blanks; each fits, and there are not more than allowed."""
    parts = split(text, posts=posts)
    bare = [re.sub(r" \(\d/\d\)$", "", part) if len(parts) > 1 else part for part in parts]

    assert all(weight(part) <= 280 for part in parts)
    assert len(parts) <= posts
    assert not parts or "".join("".join(bare).split()) == "".join(unicodedata.normalize("NFC", text).split())


@given(st.integers(0, 40), st.integers(0, 60))
def test_numbers_dates_and_addresses_stay_whole(before: int, after: int) -> None:
    """What is read as one thing is never cut, wherever the post ends."""
    text = "가" * before + " " + SENTENCE * 3 + "처리번호 20261123-000001-7. " + ADDRESS + " " + "나 " * after
    parts = split(text, posts=10)

    assert 3 == sum(part.count("12월 1일(화) 09:00") for part in parts)
    assert 1 == sum(part.count("20261123-000001-7") for part in parts)
    assert 1 == sum(part.count(ADDRESS) for part in parts)


@given(st.integers(1, 200))
def test_emoji_and_syllables_are_never_cut(count: int) -> None:
    """A family stays together, and so does an old syllable that has no letter of its own."""
    family, syllable = "👨\u200d👩\u200d👧\u200d👦", "\u1112\u119e\u11ab"
    parts = split((family + syllable) * count, posts=10)
    bare = "".join(re.sub(r" \(\d/\d\)$", "", part) for part in parts)

    assert all(part.startswith((family, syllable)) for part in parts)
    assert not parts or (family + syllable) * count == bare


def test_cut_is_after_a_sentence() -> None:
    """What is too long ends with a whole sentence and says where to ask."""
    assert shortened(SENTENCE * 9, TAIL).endswith("치우겠습니다. … 문의 120")


def test_posts_are_numbered() -> None:
    """Who reads one post of several knows which it is."""
    parts = split(SENTENCE * 6, posts=5)

    assert [f"({place}/{len(parts)})" for place in range(1, len(parts) + 1)] == [part[-5:] for part in parts]
    assert 1 < len(parts)
