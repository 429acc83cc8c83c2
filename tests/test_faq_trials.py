"""What a table of questions is asked with changes with a sentence only where that sentence stands."""

from classifiers._match import Matcher, Wordings
from classifiers._morphemes import Morphemes
from classifiers._text import read
from classifiers._trials import Strangers, Trial, trials

SUBWAY = (
    "지하철 기본요금은 얼마인가요",
    "지하철 요금이 얼마예요",
    "전철 타는 데 얼마 들어요",
    "청소년 지하철 요금 알려주세요",
    "어린이는 지하철 요금이 얼마인가요",
    "교통카드로 지하철 타면 얼마인가요",
)
SOFA = (
    "소파를 버리려면 어떻게 해야 하나요",
    "침대 버리는 방법",
    "장롱 버리고 싶은데 신고를 어디서 하나요",
    "대형폐기물 스티커는 어디서 사나요",
    "대형폐기물 수거 신청 방법 알려주세요",
    "큰 가구는 어떻게 내놓나요",
)
MORPHEMES = Morphemes()
STRANGERS = Strangers((), (), lambda _: True)


def asked(*wordings: tuple[str, ...], most: int) -> list[Trial]:
    entries = [Wordings(tuple(map(read, ways)), ()) for ways in wordings]
    return list(trials(Matcher(entries, MORPHEMES), STRANGERS, most))


def test_some_stand_for_all() -> None:
    """Of fewer sentences each counts for more: together they count for the whole table."""
    weights = [trial.weight for trial in asked(SUBWAY, SOFA, most=4) if trial.is_right]

    assert 3.0 == min(weights) == max(weights)


def test_a_wording_is_asked_without_itself() -> None:
    """Each wording of the table is asked once as if nobody had written it, and most still find their entry."""
    right = [trial for trial in asked(SUBWAY, SOFA, most=12) if trial.is_right]

    assert 8 <= len(right) <= 12
