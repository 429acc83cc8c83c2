"""Did you mean …? Names that look alike, in Korean by their letters (자모) and not by whole syllables."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

_MOST_CHOICES = 30
_MOST_MEANT = 4
# From here on it looks alike; from there on it is a slip of the finger.
_ALIKE, _SLIP = 0.6, 0.85
# Of fewer letters, nearly every name has one in it.
_SHORTEST = 2
_BETWEEN = re.compile(r"[\W_]+")
_NOTHING: Mapping[str, str] = {}

# What rules of other programs have and ours do not, and how the same is said here.
OTHERWISE: Mapping[str, str] = {
    **dict.fromkeys(
        ("priority", "order", "weight", "rank", "우선순위", "순서"),
        "Rows are read from top to bottom: move the row instead.",
    ),
    **dict.fromkeys(
        ("enabled", "disabled", "active", "사용", "사용안함"),
        "Write shadow = true for a row that only counts, or # before each line of one that is not wanted.",
    ),
}

# What people write for our own words, in Korean or by other English words.
WORDS: Mapping[str, Mapping[str, str]] = {
    "": {
        "이름": "name",
        "조건": "when",
        "처리": "then",
        "부서": "queue",
        "담당부서": "queue",
        "담당": "unit",
        "팀": "unit",
        "예문": "examples",
        "예시": "examples",
        "반례": "not_examples",
        "시작": "from",
        "부터": "from",
        "begin": "from",
        "start": "from",
        "since": "from",
        "끝": "until",
        "까지": "until",
        "종료": "until",
        "end": "until",
        "to": "until",
        "주제": "topic",
        "구": "district",
        "지역": "district",
        "채널": "channel",
        "계정": "account",
        "종류": "kind",
        "유형": "kind",
        "긴급": "urgent",
        "질문": "faq",
        "소유": "owner",
        "낱말": "words",
        "단어": "words",
        "키워드": "keywords",
        "안내": "hint",
        "시험": "shadow",
        "dry_run": "shadow",
        "test": "shadow",
        "if": "when",
        "condition": "when",
        "action": "then",
        "confidence": "at_least",
        "min_confidence": "at_least",
        "threshold": "at_least",
        "contains": "words",
    },
    "then": {
        "답변": "answer",
        "자동답변": "answer",
        "reply": "answer",
        "배정": "dispatch",
        "이송": "dispatch",
        "이관": "dispatch",
        "forward": "dispatch",
        "send": "dispatch",
        "assign": "dispatch",
        "route": "dispatch",
        "보류": "hold",
        "접수대기": "hold",
        "wait": "hold",
        "triage": "hold",
        "합치기": "follow_up",
        "join": "follow_up",
        "append": "follow_up",
        "평가": "rate",
        "무시": "ignore",
        "제외": "ignore",
        "drop": "ignore",
        "delete": "ignore",
        "discard": "ignore",
    },
    "kind": {
        "질의": "inquiry",
        "법령질의": "inquiry-law",
        "건의": "recommendation",
        "고충": "grievance",
        "기타": "other",
        "기타민원": "other",
        "제안": "proposal",
        "부패": "corruption",
        "비리": "corruption",
        "공익신고": "public-interest",
        "인권": "human-rights",
        "복지": "welfare",
        "complaint": "grievance",
        "bribery": "corruption",
        "question": "inquiry",
    },
    "context": {
        "답장": "reply",
        "회신": "reply",
        "같은 민원": "same_case",
        "중복": "same_case",
        "평가": "rating_asked",
    },
    "ask": {"장소": "place", "위치": "place", "where": "place", "location": "place"},
    "district": {"없음": "none", "하나": "one", "여럿": "several", "타지역": "elsewhere"},
}


def nearest(word: str, known: Iterable[str], *, called: Mapping[str, str] = _NOTHING, most: int = _MOST_CHOICES) -> str:
    """Returns " Did you mean …?", or " There are: …" when nothing is near, at most so many.

    `called` are other names of what is known: Korean ones of ids, words that people use for ours.
    """
    choices = list(dict.fromkeys(known))
    others = {other: name for other, name in called.items() if name in choices}
    near = _near(word, [*choices, *others])
    told = list(
        {others.get(name, name): f"{others[name]} ({name})" if name in others else name for name in near}.values()
    )
    if 0 < len(told) <= _MOST_MEANT:
        return f" Did you mean {' or '.join(told)}?"
    if not choices:
        return ""
    choices = told or choices
    return f" There are: {', '.join(choices[:most])}{', …' if len(choices) > most else ''}."


def closest(word: str, known: Iterable[str]) -> str:
    """Returns the known name that looks most like the word, "" when none does."""
    return next(iter(_near(word, list(known))), "")


def _near(word: str, known: Sequence[str]) -> list[str]:
    """Returns the name that is the word but for a slip; else all that the word is a part of, or the one that is a part
    of it; else the one that looks like it."""
    by_letters: dict[str, str] = {}
    for name in known:
        by_letters.setdefault(_letters(name), name)
    said = _letters(word)
    alike = difflib.get_close_matches(said, list(by_letters), n=1, cutoff=_ALIKE)
    if alike and difflib.SequenceMatcher(None, said, alike[0]).ratio() >= _SLIP:
        return [by_letters[alike[0]]]
    found = [name for letters, name in by_letters.items() if _is_part(said, letters)]
    found = found or [name for letters, name in by_letters.items() if _is_part(letters, said)][:1]
    return found or [by_letters[name] for name in alike]


def _is_part(word: str, name: str) -> bool:
    """Whether a name has this word in it; in Latin letters only a whole one counts."""
    if len(word) < _SHORTEST:
        return False
    return word in _BETWEEN.split(name) if word.isascii() else word in name


def _letters(name: str) -> str:
    """Returns the letters of a name, of a Korean one its 자모: 청쇼 and 청소 differ in one of four."""
    return unicodedata.normalize("NFKD", name[:100]).casefold()
