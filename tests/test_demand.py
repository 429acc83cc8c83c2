"""A demand is told from a question, whatever its form."""

from datetime import UTC, datetime

import pytest

from bench.city import NOWHERE
from classifiers.demand import Demand
from core.message import Message


@pytest.fixture(scope="module")
def demand() -> Demand:
    return Demand(NOWHERE)


def value(demand: Demand, text: str) -> str:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(id="1", channel="sms", account="120", native_id="1", received_at=received, text=text)
    return demand.classify([message])[0][0].value


@pytest.mark.parametrize(
    "text",
    [
        "우리 집 앞 불법주차 단속해주세요",
        "가로등을 고쳐 주세요",
        "쓰레기 좀 치워주세요",
        "급수 중지를 신청했는데 요금이 나왔어요 확인해 주세요",
        "시정 바랍니다",
        "버스 기사님 불친절에 항의합니다",
        "소음 때문에 민원 넣습니다",
        "왜 안 치우나요?",
        "우리 집 앞 불법주차는 단속 안 하나요?",
        "여기 쓰레기 치워주실 수 있나요?",
        "please fix the street light on my street",
        "난간 좀 세워 주실 수 없나요",
        "의자를 놓아 주시면 안 될까요?",
        "횡단보도가 필요합니다",
        "우리 동네도 단속 나오셔야죠",
    ],
)
def test_demands(demand: Demand, text: str) -> None:
    """Who wants something done demands, politely or with a question mark."""
    assert "demand" == value(demand, text)


@pytest.mark.parametrize(
    "text",
    [
        "불법주차 신고는 어디에 하나요?",
        "불법주차 신고하고 싶은데 어떻게 하나요",
        "전입신고 기한 알려주세요",
        "답변 부탁드립니다",
        "소파 수거해 가나요?",
        "여권 발급은 며칠 걸려요",
        "전입신고 언제까지?",
        "where can I get a passport",
        "어디로 가면 되는지 알려주실 수 있나요",
        "담당 부서 번호가 뭐죠",
    ],
)
def test_questions(demand: Demand, text: str) -> None:
    """Who wants to know something asks, also with "알려주세요"."""
    assert "question" == value(demand, text)


@pytest.mark.parametrize(
    "text", ["쓰레기가 너무 많아요", "가로등이 꺼졌습니다", "안녕하세요", "빨리 고쳐 주셔서 감사합니다"]
)
def test_statements(demand: Demand, text: str) -> None:
    """Who only tells neither demands nor asks."""
    assert "statement" == value(demand, text)
