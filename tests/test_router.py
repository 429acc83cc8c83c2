"""The router: one decision a message, with its queue, its kind, its dates and its reasons."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cases.clock import Period, parse_period
from classifiers.base import Classifier
from classifiers.topic import Topic as LearnedTopic
from config.load import load_city
from config.schema import (
    City,
    Department,
    District,
    Faq,
    KindWords,
    Letter,
    Place,
    Routing,
    Rule,
    Templates,
    Topic,
    Words,
)
from core.calendar import Calendar
from core.clock import parse_instant
from core.decision import Context, Decision, Finding, Kind
from core.message import Message
from core.reply import Style
from pipeline import parts
from pipeline.cli_explain import told
from router.cutoff import AfterCutoff
from router.examples import check_examples
from router.router import Router
from router.view import Views

# What stands in a text to what is found: classifier, value, confidence, lead.
WORDS: dict[str, tuple[str, str, float, float]] = {
    "강남구": ("district", "gangnam", 0.97, 1.0),
    "서초구": ("district", "seocho", 0.97, 1.0),
    "남산": ("district", "owner:hq.park", 0.9, 1.0),
    "부산": ("district", "elsewhere", 0.9, 1.0),
    "쓰레기": ("topic", "litter", 0.9, 0.5),
    "가로수": ("topic", "trees", 0.9, 0.5),
    "버스 기사": ("topic", "bus", 0.8, 0.5),
    "버스 요금": ("faq", "bus-fare", 0.93, 0.4),
    "동파": ("faq", "frozen-meter", 0.93, 0.4),
    "뇌물": ("kind", "corruption", 0.9, 1.0),
    "아동학대": ("kind", "human-rights", 0.9, 1.0),
    "제안": ("kind", "proposal", 0.9, 1.0),
    "불났": ("urgent", "fire", 0.95, 1.0),
    "해주세요": ("demand", "demand", 0.9, 1.0),
    "?": ("demand", "question", 0.9, 1.0),
    "hello": ("language", "en", 0.9, 1.0),
    "xin": ("language", "vi", 0.9, 1.0),
}


class Finds(Classifier):
    """Finds the words of its name in WORDS; several districts are unsure, as the real one says it."""

    def __init__(self, city: City, name: str = "") -> None:
        self._words = {word: found[1:] for word, found in WORDS.items() if found[0] == name}
        self._name = name

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [self._findings(message) for message in messages]

    def _findings(self, message: Message) -> tuple[Finding, ...]:
        text = message.text.lower()
        hits = [(value, word, sure, lead) for word, (value, sure, lead) in self._words.items() if word in text]
        crowd = self._name == "district" and len(hits) > 1
        return tuple(
            Finding(self._name, value, 0.5 if crowd else sure, f"'{word}'", 0.0 if crowd else lead)
            for value, word, sure, lead in hits
        )


class Auto(Classifier):
    """Takes a message's signals for what a machine wrote."""

    def __init__(self, city: City) -> None: ...

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [tuple(Finding("auto", "automatic", 1.0, signal) for signal in message.signals) for message in messages]


def district(name: str, korean: str) -> District:
    return District.model_validate(
        {"id": name, "name": korean, "english": name, "code": "11680", "address": korean, "phone": "120"}
        | {"lat": 37.5, "lon": 127.0, "legal_dongs": (), "admin_dongs": (), "units": ("청소", "공원", "민원여권")}
    )


def faq(name: str, **changed: Any) -> Faq:
    given = {"id": name, "category": "교통", "question": name, "variants": [f"{name} {n}" for n in range(6)]}
    answer = {
        "answer": f"{name} 답변입니다.",
        "short": f"{name} 짧은 답",
        "as_of": date(2026, 1, 1),
        "source": "시",
        "verified": True,
    }
    return Faq.model_validate(given | answer | changed)


def rule(name: str, then: str, *, queue: str = "", unit: str = "", ask: str = "", **when: Any) -> Rule:
    return Rule.model_validate({"name": name, "then": then, "queue": queue, "unit": unit, "ask": ask, "when": when})


RULES = (
    rule("automatic mail that answers a case", "follow_up", auto="*", context="reply"),
    rule("automatic mail", "ignore", auto="*"),
    rule("same matter", "follow_up", context="same_case"),
    rule("emergency", "hold", urgent="*", at_least=0.9),
    rule("rating", "rate", context="rating_asked", text="1|2|3|4|5|1점*|2점*|3점*|4점*|5점*"),
    rule("wants an officer", "follow_up", context="answered_by_faq", text="담당자"),
    rule("place", "follow_up", context="awaits_place"),
    rule("reply", "follow_up", context="reply", threaded=True),
    rule("confidential", "dispatch", kind=["corruption", "human-rights"], at_least=0.8),
    rule("another city", "dispatch", queue="agency.other-city", district=["elsewhere"], at_least=0.8),
    rule("question", "answer", faq="*", demand=False, at_least=0.8, lead=0.1),
    rule("departments", "dispatch", owner=["hq.*"], at_least=0.6),
    rule("district matter", "dispatch", owner=["district"], district="one", at_least=0.6),
    rule("unclear matter", "dispatch", unit="민원여권", district="one", demand=True),
    rule("no place", "hold", ask="place", owner=["district"], district="none"),
)
LETTER = Letter(text="{answer}", text_en="{answer}")
CITY = City(
    districts=(district("gangnam", "강남구"), district("seocho", "서초구")),
    places=(Place(name="남산공원", districts=("gangnam",), kind="park", owner="hq.park"),),
    departments=tuple(
        Department(id=name, name=name, english=name)
        for name in ("hq.bus", "hq.park", "hq.audit", "hq.human-rights", "hq.protection", "agency.other-city")
    ),
    topics=(
        Topic(id="litter", name="쓰레기", english="Litter", owner="district", unit="청소"),
        Topic(id="trees", name="가로수", english="Trees", owner="district", unit="공원", owned_at=("park",)),
        Topic(id="bus", name="버스", english="Bus", owner="hq.bus", kind="grievance"),
    ),
    faqs=(
        faq("bus-fare", en=Words(question="fare", answer="The fare is 1,500 won.", short="1,500 won")),
        faq("frozen-meter", anytime=True),
    ),
    routing=Routing(
        rules=RULES,
        kinds=(
            KindWords(kind="corruption", queue="hq.audit", keywords=("뇌물",), confidential=True),
            KindWords(kind="human-rights", queue="hq.human-rights", keywords=("인권침해",), confidential=True),
            KindWords(kind="human-rights", queue="hq.protection", keywords=("아동 학대",), confidential=True),
            KindWords(kind="proposal", keywords=("제안",)),
        ),
        urgent=(),
        elsewhere=("부산",),
    ),
    words=Templates(letters={"answer": LETTER}, states={}, kinds={}),
)
DEADLINES: Mapping[Kind, Period] = {
    "inquiry": parse_period("7d"),
    "other": parse_period("7d"),
    "grievance": parse_period("14d"),
    "proposal": parse_period("30 calendar days"),
}
NAMES = ("district", "topic", "faq", "kind", "urgent", "demand", "language")
MORNING = "2026-11-23T10:00"


def router(*rules: Rule, after_cutoff: AfterCutoff = "acknowledge") -> Router:
    city = CITY.model_copy(update={"routing": CITY.routing.model_copy(update={"rules": rules})}) if rules else CITY
    classifiers: dict[str, Classifier] = {"auto": Auto(city), **{name: Finds(city, name) for name in NAMES}}
    return Router(city, classifiers, Calendar(), DEADLINES, after_cutoff, {"sms": Style(short=True, link=False)})


def message(text: str, *, at: str = MORNING, **changed: Any) -> Message:
    given: dict[str, Any] = {
        "id": "1",
        "channel": "email",
        "account": "",
        "native_id": "1",
        "received_at": parse_instant(at),
    }
    return Message(**(given | {"text": text} | changed))


def decide(text: str, context: Context | None = None, **changed: Any) -> Decision:
    return router().route([message(text, **changed)], [context or Context()])[0]


def test_a_matter_goes_to_its_district() -> None:
    """A district matter with one sure district stands in its queue, at its unit, with its reasons."""
    decision = decide("강남구 골목 쓰레기 단속해주세요")

    assert ("dispatch", "gangnam", "청소", "other", "litter") == (
        decision.action,
        decision.queue,
        decision.unit,
        decision.kind,
        decision.topic,
    )
    assert ("topic litter (쓰레기): '쓰레기'", "district gangnam (강남구): '강남구'") == decision.because
    assert ("district matter", 0.9, "gangnam", ("gangnam",)) == (
        decision.rule,
        decision.confidence,
        decision.district,
        decision.districts,
    )


def test_a_matter_has_its_dates() -> None:
    """What is received at night counts from the next opening; its due date follows from its kind."""
    decision = decide("강남구 쓰레기 단속해주세요", at="2026-11-20T22:00")

    assert parse_instant("2026-11-23T09:00") == decision.accepted_at
    assert parse_instant("2026-12-01T18:00") == decision.due_at
    assert decision.answer_at is None


@pytest.mark.parametrize(
    ("text", "kind", "due"),
    [
        ("강남구 쓰레기통을 늘리는 제안", "proposal", "2026-12-22T18:00"),
        ("버스 기사가 불친절해요", "grievance", "2026-12-10T18:00"),
        ("강남구 쓰레기 언제 가져가나요?", "inquiry", "2026-12-01T18:00"),
        ("강남구 쓰레기가 쌓였어요", "other", "2026-12-01T18:00"),
    ],
)
def test_the_kind_sets_the_period(text: str, kind: str, due: str) -> None:
    """The kind is what the words say, else the topic's, else a question is an inquiry; each has its period."""
    decision = decide(text)

    assert (kind, parse_instant(due)) == (decision.kind, decision.due_at)


def test_districts_that_cannot_be_told_apart_are_listed() -> None:
    """With two districts named nobody guesses: a person decides and sees both."""
    decision = decide("강남구와 서초구 사이 쓰레기")

    assert ("hold", "triage", None, ("gangnam", "seocho"), "") == (
        decision.action,
        decision.queue,
        decision.district,
        decision.districts,
        decision.ask,
    )


def test_a_missing_place_is_asked_for() -> None:
    """A district matter without a place waits in triage and the citizen is asked for it."""
    decision = decide("쓰레기 단속해주세요")

    assert ("hold", "triage", "place") == (decision.action, decision.queue, decision.ask)


def test_nobody_is_asked_who_cannot_answer() -> None:
    """Where no reply can reach us nothing is asked."""
    assert "" == decide("쓰레기 단속해주세요", replyable=False).ask


def test_a_citys_park_is_the_citys() -> None:
    """A matter in a place that a department looks after is the department's, not the district's."""
    decision = decide("남산 가로수가 쓰러질 것 같아요")

    assert ("dispatch", "hq.park") == (decision.action, decision.queue)
    assert "owner hq.park (hq.park): '남산'" in decision.because


def test_litter_is_the_districts_wherever_it_lies() -> None:
    """A topic that the place's owner does not look after stays the district's."""
    assert "no place" == decide("남산 쓰레기").rule


def test_another_city_is_handed_over() -> None:
    """What lies in another city goes to who hands it over."""
    assert "agency.other-city" == decide("부산 쓰레기 단속해주세요").queue


def test_an_unclear_demand_goes_to_the_districts_desk() -> None:
    """A demand with a district and no topic goes to the district's general desk."""
    decision = decide("강남구청에서 전화해주세요")

    assert ("gangnam", "민원여권") == (decision.queue, decision.unit)


def test_nothing_sure_is_held() -> None:
    """A message for which no row applies is a person's, with what came nearest."""
    decision = decide("음…")

    assert ("hold", "triage", 0.0) == (decision.action, decision.queue, decision.confidence)


@pytest.mark.parametrize(
    ("text", "because", "owner"),
    [
        ("y", "like '버스가 안 와요'", ""),
        ("ㅋㅋ!", "like '버스가 안 와요'", ""),
        ("버스", "'버스'", "hq.bus"),
        ("버스가", "like '버스가 안 와요'", "hq.bus"),
    ],
)
def test_a_letter_or_two_are_no_matter(text: str, because: str, owner: str) -> None:
    """What so few letters are only like is nobody's; a word for a matter, or a longer text, is."""
    found = {"topic": (Finding("topic", "bus", 0.9, because),)}

    assert owner == Views(CITY).make(message(text), Context(), found).owner


def test_a_simple_question_is_answered() -> None:
    """A sure question is answered at once in full words, without a due date."""
    decision = decide("버스 요금 얼마예요?")

    assert ("answer", "bus-fare", "inquiry", None, None) == (
        decision.action,
        decision.faq,
        decision.kind,
        decision.queue,
        decision.due_at,
    )
    assert decision.answer is not None
    assert ("bus-fare 답변입니다.", "ko") == (decision.answer.text, decision.answer.language)
    assert parse_instant(MORNING) == decision.answer_at
    assert ("faq bus-fare: '버스 요금' 0.93, lead 0.40",) == decision.because


@pytest.mark.parametrize(
    ("text", "channel", "words"),
    [
        ("버스 요금", "sms", "bus-fare 짧은 답"),
        ("hello 버스 요금", "email", "The fare is 1,500 won."),
        ("hello 버스 요금", "sms", "1,500 won"),
        ("xin 버스 요금", "email", "The fare is 1,500 won."),
        ("hello 동파", "email", "frozen-meter 답변입니다."),
    ],
)
def test_the_words_fit_the_citizen(text: str, channel: str, words: str) -> None:
    """The answer is short where the channel is, and English for who writes no Korean, where there is English."""
    answer = decide(text, channel=channel).answer

    assert answer is not None
    assert words == answer.text


def test_the_time_of_receipt_decides() -> None:
    """A question of six o'clock is answered at the next opening, one a second earlier at once."""
    questions = [message("버스 요금", at=f"2026-11-23T{time}") for time in ("17:59:59", "18:00:00")]
    decisions = router().route(questions, [Context(), Context()])

    assert [parse_instant("2026-11-23T17:59:59"), parse_instant("2026-11-24T09:00")] == [d.answer_at for d in decisions]


def test_some_answers_never_wait() -> None:
    """A question that is answered at any hour is answered on a Saturday night."""
    assert parse_instant("2026-11-21T23:00") == decide("동파", at="2026-11-21T23:00").answer_at


def test_a_demand_is_not_answered_away() -> None:
    """Who asks for action gets a person, whatever question the words look like."""
    assert "answer" != decide("버스 요금 내려 해주세요").action


@pytest.mark.parametrize(
    ("text", "queue"), [("공무원이 뇌물을 받고 버스 요금을", "hq.audit"), ("아동학대 버스 요금", "hq.protection")]
)
def test_confidential_matters_have_their_own_queue(text: str, queue: str) -> None:
    """A confidential matter goes to the queue of its words, never answered, never public."""
    decision = decide(text)

    assert ("dispatch", queue, True, False) == (decision.action, decision.queue, decision.confidential, decision.public)


def test_an_emergency_is_a_persons_at_once() -> None:
    """An emergency is held for a person and says which it is, whatever else the message asks."""
    decision = decide("불났어요 버스 요금 얼마예요?")

    assert ("hold", True, "fire", None) == (decision.action, decision.urgent, decision.urgency, decision.answer)


def test_automatic_mail_makes_no_case() -> None:
    """What a machine wrote is put aside with the reason."""
    decision = decide("버스 요금 얼마예요?", signals=("auto-submitted: auto-replied",))

    assert ("ignore", "none", "automatic mail (auto-submitted: auto-replied)") == (
        decision.action,
        decision.kind,
        decision.reason,
    )


def test_automatic_mail_joins_the_case_that_it_answers() -> None:
    """An out-of-office note in answer to a case is kept with it."""
    decision = decide("부재중", Context(reply_to_case="7"), signals=("auto-submitted: auto-replied",))

    assert ("follow_up", "7") == (decision.action, decision.case)


def test_the_same_again_joins_its_case() -> None:
    """The same words of the same author join the open case."""
    decision = decide("강남구 쓰레기", Context(same_case="7"))

    assert ("follow_up", "7", None) == (decision.action, decision.case, decision.due_at)


@pytest.mark.parametrize(("text", "rating"), [("5", 5), ("４점", 4), ("3점입니다", 3)])
def test_a_rating_is_read(text: str, rating: int) -> None:
    """Where a rating was asked for, a number from one to five is one."""
    decision = decide(text, Context(reply_to_case="7", rating_asked=True))

    assert ("rate", "7", rating) == (decision.action, decision.case, decision.rating)


def test_other_numbers_are_no_rating() -> None:
    """Six points are no rating."""
    assert "rate" != decide("6", Context(reply_to_case="7", rating_asked=True)).action


def test_the_place_routes_the_waiting_case() -> None:
    """The place that was asked for routes the case by what both messages say together."""
    context = Context(reply_to_case="7", awaits_place=True, case_text="쓰레기 단속해주세요")
    decision = decide("강남구요", context)

    assert ("follow_up", "7", "gangnam", "청소", "litter", "") == (
        decision.action,
        decision.case,
        decision.queue,
        decision.unit,
        decision.topic,
        decision.ask,
    )
    assert parse_instant("2026-12-01T18:00") == decision.due_at


def test_still_no_place_is_a_persons() -> None:
    """A reply without a place leaves the case in triage, and asks no second time."""
    context = Context(reply_to_case="7", awaits_place=True, case_text="쓰레기 단속해주세요")
    decision = decide("빨리요", context)

    assert ("follow_up", "triage", "") == (decision.action, decision.queue, decision.ask)


def test_the_way_out_of_a_wrong_answer() -> None:
    """Who asks for an officer after an automatic answer gets the queue of what the case says."""
    context = Context(reply_to_case="7", answered_by_faq=True, case_text="버스 기사한테 버스 요금 물어봤는데")
    decision = decide("담당자", context)

    assert ("follow_up", "7", "hq.bus", "wants an officer") == (
        decision.action,
        decision.case,
        decision.queue,
        decision.reason,
    )


def test_a_new_matter_in_an_old_conversation_is_new() -> None:
    """In a channel without replies a new matter of the same citizen is decided by itself."""
    decision = decide("서초구 쓰레기 단속해주세요", Context(reply_to_case="7"), channel="sms")

    assert ("dispatch", "seocho") == (decision.action, decision.queue)


def test_a_reply_joins_its_case() -> None:
    """A mail that says what it answers joins that case."""
    decision = decide("서초구 쓰레기는요?", Context(reply_to_case="7"), in_reply_to="<1@example.org>")

    assert ("follow_up", "7") == (decision.action, decision.case)


def test_a_batch_is_decided_like_its_messages() -> None:
    """Order is kept and no message changes another's decision."""
    texts = ["강남구 쓰레기", "버스 요금 얼마예요?", "음…", "뇌물", "강남구요"]
    contexts = [*[Context()] * 4, Context(reply_to_case="7", awaits_place=True, case_text="쓰레기")]
    together = router().route([message(text) for text in texts], contexts)

    assert [decide(text, context) for text, context in zip(texts, contexts, strict=True)] == together


def test_a_decision_names_the_versions() -> None:
    """A decision carries the versions of the rules and of the questions that it was made by."""
    decision = decide("음…")

    assert (CITY.rules_version, CITY.faq_version) == (decision.rules_version, decision.faq_version)


def test_a_decision_is_explained() -> None:
    """The rows that were tried are told with what failed in each, down to the one that applied."""
    explained = router().explain(message("강남구 쓰레기"))

    assert {"rule": "question", "then": "answer", "failing": "faq"} in explained["rows"]  # type: ignore[operator]
    assert {"rule": "district matter", "then": "dispatch", "failing": ""} == explained["rows"][-1]  # type: ignore[index]


def test_what_was_close_is_told() -> None:
    """A row that lacks one thing, which was found but not surely enough, is told with both figures."""
    wanted = rule("sure litter", "hold", topic=["litter"], at_least=0.95)
    explained = router(wanted).explain(message("강남구 쓰레기"))

    assert [
        {
            "rule": "sure litter",
            "lacks": "litter is found with 0.90, lead 0.50; 0.95 and 0.00 are wanted",
        }
    ] == explained["close"]


def test_people_read_an_explanation() -> None:
    """What happens and by which row, why, what was found how surely, and what the rows above it lack."""
    lines = list(told(router().explain(message("강남구 골목 쓰레기 단속해주세요")), CITY))

    assert "dispatch to gangnam (강남구), 청소, due 2026-12-01 18:00" == lines[0]
    assert lines[1].startswith("decided by row ")
    assert lines[1].endswith(', "district matter", because of')
    assert "  topic litter (쓰레기): '쓰레기'" in lines
    assert "  district  0.97  gangnam (강남구)  '강남구'" in lines
    assert "  demand: question" in lines


def test_people_read_how_close_a_row_was() -> None:
    """With what was found, and what the row wants."""
    wanted = rule("sure litter", "hold", topic=["litter"], at_least=0.95)
    lines = list(told(router(wanted).explain(message("강남구 쓰레기")), CITY))

    assert '  "sure litter": litter is found with 0.90, lead 0.50; 0.95 and 0.00 are wanted' in lines


def test_a_row_tells_its_own_words() -> None:
    """What a row's words found, and the channel it names, are reasons, and no guess stands in their place."""
    wanted = rule("fair", "dispatch", queue="hq.park", words=["벼룩시장", "플리마켓"], channel=["email"])
    decision = router(wanted).route([message("이번 주 벼룩 시장은 어디서 하나요")], [Context()])[0]

    assert ("fair", ("channel email", "words: '벼룩시장'")) == (decision.rule, decision.because)


def test_what_is_learned_names_its_nearest_example() -> None:
    """Where no word spoke for a topic, the sentence that the message is like is told."""
    litter = CITY.topics[0].model_copy(
        update={"examples": ("골목에 봉투가 며칠째 쌓여 있어요", "누가 자꾸 몰래 버리고 가요"), "keywords": ()}
    )
    city = CITY.model_copy(update={"topics": (litter, *CITY.topics[1:])})
    made = Router(city, {"topic": LearnedTopic(city)}, Calendar(), DEADLINES, "acknowledge", {})
    decision = made.route([message("골목에 봉투들이 며칠째 쌓여 있네요")], [Context()])[0]

    assert "like '골목에 봉투가 며칠째 쌓여 있어요'" in decision.because[0]


def test_failing_examples_are_told() -> None:
    """An example that is decided otherwise is told with what decided it."""
    wrong = RULES[0].model_copy(
        update={"name": "wrong", "when": rule("x", "hold", topic="*").when, "examples": ("음…",)}
    )
    routing = CITY.routing.model_copy(update={"rules": (wrong,)})
    told = check_examples(router(), CITY.model_copy(update={"routing": routing, "faqs": ()}))

    assert ['routing.toml: rule "wrong": examples: "음…" is decided by rule "no row applied": hold triage'] == [
        sentence.split(" (")[0] for sentence in told
    ]


def checked(*rules: Rule) -> list[str]:
    routing = CITY.routing.model_copy(update={"rules": rules})
    city = CITY.model_copy(update={"routing": routing, "faqs": ()})
    classifiers: dict[str, Classifier] = {"auto": Auto(CITY), **{name: Finds(CITY, name) for name in NAMES}}
    return check_examples(Router(city, classifiers, Calendar(), DEADLINES, "acknowledge", {}), city)


LITTER_ROW: dict[str, Any] = {"when": {"topic": ["litter"]}, "then": "hold", "examples": ["쓰레기가 많아요"]}


@pytest.mark.parametrize(
    "first",
    [
        {"from": "2026-12-01", "until": "2026-12-05"},
        {"from": "2026-11-20", "until": "2026-12-05"},
        {"until": "2026-11-01T12:00:00"},
        {"shadow": True},
        {"shadow": True, "from": "2026-11-20"},
    ],
)
def test_rows_for_a_time_and_shadows_have_their_own_examples(first: dict[str, Any]) -> None:
    """Each row's examples are tried when it holds: a festival's row on its days, all others on the days around."""
    rules = [
        Rule.model_validate({"name": "festival", **LITTER_ROW, **first}),
        Rule.model_validate({"name": "litter", **LITTER_ROW}),
    ]

    assert [] == checked(*rules)


def test_a_shadow_rows_examples_are_tried_too() -> None:
    """What it would decide is checked before it is real."""
    shadow = Rule.model_validate({"name": "shadow", **LITTER_ROW, "shadow": True, "examples": ["가로수가 쓰러졌어요"]})
    told = checked(shadow)

    assert 'rule "shadow": examples: "가로수가 쓰러졌어요" is decided by' in told[0]


def test_a_decision_tells_the_shadow_rows() -> None:
    """Which would have decided it stands in the decision, which is what it would be without them."""
    shadow = Rule.model_validate({"name": "shadow", **LITTER_ROW, "shadow": True})
    city = CITY.model_copy(update={"routing": CITY.routing.model_copy(update={"rules": (shadow, *RULES)})})
    classifiers: dict[str, Classifier] = {"auto": Auto(CITY), **{name: Finds(CITY, name) for name in NAMES}}
    with_shadow = Router(city, classifiers, Calendar(), DEADLINES, "acknowledge", {})
    decision = with_shadow.route([message("강남구 쓰레기 단속해주세요")], [Context()])[0]

    assert (("shadow",), "district matter", "gangnam") == (decision.shadowed, decision.rule, decision.queue)


def test_the_citys_own_examples_hold() -> None:
    """Every example that the shipped rules and questions carry is decided as it says."""
    city = load_city(Path(__file__).parent.parent / "config")
    names = parts.names("classifiers")
    # What is found is never the abstract class itself.
    found = {name: parts.find("classifiers", name, Classifier)(city) for name in names}  # type: ignore[type-abstract]

    assert [] == check_examples(Router(city, found, Calendar(), DEADLINES, "acknowledge", {}), city)
