"""Insults and advertising: told from words that only look like them, and from matters that anger is part of."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifiers.abuse import Abuse
from config.load import load_city
from core.message import Message


@pytest.fixture(scope="module")
def abuse() -> Abuse:
    return Abuse(load_city(Path(__file__).parents[1] / "config"))


def values(abuse: Abuse, text: str) -> list[str]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(id="1", channel="form", account="", native_id="1", received_at=received, text=text)
    return [finding.value for finding in abuse.classify([message])[0]]


@pytest.mark.parametrize(
    "text", ["시발", "야 이 개새끼들아", "ㅅㅂ", "병신 같은 공무원 놈들", "씨 발 놈들아", "fuck you"]
)
def test_an_insult_by_itself(abuse: Abuse, text: str) -> None:
    """Nothing but an insult asks for nothing."""
    assert ["insult"] == values(abuse, text)


@pytest.mark.parametrize(
    "text",
    [
        "시발 불법주차 좀 단속해 주세요 관악구 신림동",
        "쓰레기를 3주째 안 치워가네 미친놈들 일을 하는 거냐",
        "과태료가 왜 두 번 나와 ㅅㅂ 확인해라",
        "버스 요금 얼마냐고 몇 번을 물어 이 새끼들아",
    ],
)
def test_a_matter_in_anger_stays_a_matter(abuse: Abuse, text: str) -> None:
    """Who is angry about something has something to say."""
    assert ["abusive"] == values(abuse, text)


@pytest.mark.parametrize(
    "text",
    [
        "시발점이 어디예요?",
        "도시발전 계획이 궁금합니다",
        "강아지 새끼가 골목에 버려져 있어요",
        "새끼손가락을 다쳤어요",
        "가로등이 꺼져 있어요",
        "전통시장 앞 시발역 표지판",
        "죽어라 일해도 세금이 너무 많아요",
        "ㅋㅋㅋ 감사합니다 ㅠㅠ",
    ],
)
def test_words_that_only_look_like_insults(abuse: Abuse, text: str) -> None:
    """Other words with the same letters insult nobody."""
    assert [] == values(abuse, text)


@pytest.mark.parametrize(
    "text",
    [
        "(광고) 무직자 당일대출 가능 신용불량자 환영 무료수신거부 080-000-0000",
        "온라인 카지노 첫충 30% 보장 가입코드 문의 http://casino.example.com",
        "블로그 체험단 상위노출 보장 카톡 문의 환영 www.example.com",
        "Cheap SEO service, limited offer, click here http://example.com",
    ],
)
def test_advertising(abuse: Abuse, text: str) -> None:
    """A ware with two signs of advertising is an advertisement."""
    assert ["spam"] == values(abuse, text)


@pytest.mark.parametrize(
    "text",
    [
        "불법 대출 전단지가 너무 많아요. 단속해 주세요",
        "카지노 광고 문자가 자꾸 와요 http://example.com 신고합니다",
        "서울시 소상공인 대출 지원은 어떻게 신청하나요? https://seoul.example",
        "분양 홍보 현수막 좀 철거해 주세요 100% 불법입니다",
        "대출 때문에 힘듭니다",
    ],
)
def test_who_complains_of_advertising_advertises_nothing(abuse: Abuse, text: str) -> None:
    """A petition about an advertisement is a petition."""
    assert [] == values(abuse, text)
