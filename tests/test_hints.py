"""What whoever passed a message on said of it: strong where the words are weak, and never before what is dangerous."""

import pytest

from core.message import Message, Settled
from pipeline.desk import redacted
from router.hints import Hints
from tests.test_router import CITY, decide, message


def settled(text: str, *, office: str = "gangnam") -> Message:
    return message(text, account=office, settled=Settled(by="민원여권과 박지훈", answer="안내하였습니다."))


def test_a_chosen_service_is_the_topic_of_few_words() -> None:
    """What says nothing of its matter is of the service that its author chose."""
    decision = decide("강남구 여기요", topic_hint="trees")

    assert ("dispatch", "gangnam", "trees") == (decision.action, decision.queue, decision.topic)


def test_sure_words_weigh_more_than_a_chosen_service() -> None:
    """Who chose the wrong service is understood all the same."""
    assert "litter" == decide("강남구 쓰레기", topic_hint="trees").topic


def test_a_chosen_service_weighs_more_than_unsure_words() -> None:
    """Where the words are less sure than a choice, the choice decides."""
    assert "litter" == decide("강남구 버스 기사 옆", topic_hint="litter").topic


@pytest.mark.parametrize(("text", "rule"), [("강남구 불났어요", "emergency"), ("강남구 뇌물", "confidential")])
def test_what_is_dangerous_or_secret_is_recognised_whatever_was_chosen(text: str, rule: str) -> None:
    """No chosen service hides an emergency or a confidential matter."""
    assert rule == decide(text, topic_hint="trees", district_hint="gangnam").rule


def test_a_named_district_is_where_the_words_name_none() -> None:
    """What the words leave open, whoever passed it on has said."""
    assert "gangnam" == decide("쓰레기 치워", district_hint="gangnam").queue


def test_a_district_can_be_named_by_its_code() -> None:
    """Addresses of the road-name system begin with the administrative code of the district."""
    districts = tuple(one.model_copy(update={"code": f"1168{n}"}) for n, one in enumerate(CITY.districts))
    hints = Hints(CITY.model_copy(update={"districts": districts}), frozenset())
    found = hints.taken(message("쓰레기", district_hint="11681"), {})

    assert ["seocho"] == [one.value for one in found["district"]]


def test_a_named_district_chooses_among_several() -> None:
    """Of two districts that the words name it is the one that was named besides."""
    assert "seocho" == decide("강남구 서초구 쓰레기", district_hint="seocho").queue


def test_sure_words_weigh_more_than_a_named_district() -> None:
    """A matter in another district than the one that wrote it down is that district's."""
    assert "seocho" == decide("서초구 쓰레기", district_hint="gangnam").queue


def test_unknown_hints_are_passed_over() -> None:
    """What is no topic and no district changes nothing."""
    assert decide("강남구 쓰레기") == decide("강남구 쓰레기", topic_hint="nothing", district_hint="99999")


def test_what_was_answered_by_word_of_mouth_is_the_office_s() -> None:
    """The office that answered keeps the case; its topic is recognised, for the count."""
    given = settled("서초구 쓰레기")
    decision = decide(given.text, account=given.account, settled=given.settled)

    assert ("dispatch", "gangnam", "litter", "") == (decision.action, decision.queue, decision.topic, decision.ask)


def test_a_secret_told_by_word_of_mouth_goes_to_who_may_read_it() -> None:
    """Whoever heard it at the counter may not keep it."""
    given = settled("강남구 뇌물")
    decision = decide(given.text, account=given.account, settled=given.settled)

    assert ("hq.audit", True) == (decision.queue, decision.confidential)


def test_an_answer_of_an_office_that_there_is_not_is_looked_at() -> None:
    """No case lies in a queue that nobody has."""
    given = settled("여기요", office="gone")
    decision = decide(given.text, account=given.account, settled=given.settled)

    assert "triage" == decision.queue


def test_resident_numbers_are_masked_in_answers_too() -> None:
    """What was said at the counter is kept without resident numbers."""
    told = Settled(by="박지훈", answer="900101-" + "1234568 님께 안내")
    kept = redacted(message("여권", settled=told)).settled

    assert kept is not None
    assert "1234568" not in kept.answer
