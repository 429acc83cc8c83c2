"""The shape of the city's files: districts, departments, topics, accounts, faq/*, routing and words (.toml)."""

from datetime import date, datetime
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from core.decision import Action, Kind
from core.settings import Settings

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _no_number(value: Any) -> Any:
    """A number would be taken for seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("should be a day or a time, not a number: 2026-12-01 or 2026-12-01T09:00:00")  # noqa: TRY004
    return value


# A day, or a time; one without a zone is Asia/Seoul.
Moment = Annotated[date | datetime, BeforeValidator(_no_number)]
# What is named; a list without anything in it would say what leaving it out says.
Names = Annotated[tuple[Text, ...], Field(min_length=1)]


class District(Settings):
    """One of the city's districts (자치구): a queue of its own."""

    id: Id
    name: Text
    """Korean name with 구: 종로구."""
    english: Text
    code: Annotated[str, StringConstraints(pattern=r"^\d{5}$")]
    """Administrative code, five digits."""
    hanja: str = ""
    aliases: tuple[str, ...] = ()
    """Other ways to name the district itself, e.g. romanised."""
    address: str
    phone: str
    lat: float
    """District office, WGS 84 degrees."""
    lon: float
    verified: bool = False
    """Whether somebody checked telephone and address; 120 stands in notices until then."""
    legal_dongs: tuple[str, ...]
    """법정동 names."""
    admin_dongs: tuple[str, ...]
    """행정동 names."""
    former_dongs: tuple[str, ...] = ()
    """Abolished 행정동 that people still name, when they can only be here."""
    other_dongs: tuple[str, ...] = ()
    """Dong in Chinese characters or kana, as people write them: 明洞."""
    units: tuple[str, ...] = (
        "청소",
        "주차",
        "교통",
        "도로",
        "치수",
        "공원",
        "건축",
        "주택",
        "부동산",
        "위생",
        "보건",
        "환경",
        "동물",
        "복지",
        "여성가족",
        "문화체육",
        "경제",
        "안전",
        "세무",
        "민원여권",
        "광고물",
    )
    """The desks (담당) of the district; names differ from one to the next."""
    duty_phone: str = "120"
    """Whom to ring outside working hours (당직)."""
    duty_contact: str = ""
    """`channel:address` that is told at once of what is urgent, e.g. "sms:+82…"; "" for nobody."""


class Place(Settings):
    """A station, landmark or road, and the district or districts it lies in (several: not guessed, listed)."""

    name: Text
    districts: tuple[Id, ...]
    aliases: tuple[str, ...] = ()
    kind: Literal["station", "landmark", "road", "park", "river"] = "landmark"
    owner: str = ""
    """A department's id when the city and not the district looks after it (large roads, city parks)."""


class Department(Settings):
    """Headquarters (`hq.`), an office (`office.`) or another agency (`agency.`): a queue of its own."""

    id: Id
    name: Text
    english: Text
    phone: str = "120"
    verified: bool = False
    note: str = ""
    duty_phone: str = "120"
    duty_contact: str = ""


class Topic(Settings):
    """A matter and who owns it."""

    id: Id
    name: Text
    english: Text
    owner: str
    """"district" (the district of the place) or a department's id."""
    unit: str = ""
    """The district's unit (담당)."""
    owned_at: tuple[Literal["station", "landmark", "road", "park", "river"], ...] = ()
    """Kinds of place whose own `owner` has this matter instead: a pothole on a city road is the city's."""
    kind: Kind = "other"
    keywords: tuple[str, ...] = ()
    """Words that speak for the topic by themselves; blanks in them are optional in the text."""
    weak: tuple[str, ...] = ()
    """Words that speak for it only together with others."""
    examples: tuple[str, ...] = ()
    """Whole sentences as people write them."""
    sayings: tuple[str, ...] = ()
    """More ways to say it, in haste and in single words too: only what recognises topics learns from them."""


class Account(Settings):
    """One of the city's accounts on a public platform; `platform` and `handle` together are its name."""

    platform: Id
    """The channel: x, facebook."""
    handle: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.]{1,50}$")]
    name: Text
    """What citizens know it as."""
    english: Text
    department: str = ""
    """A department's id: what arrives here is probably its matter; "" when the account hints at nobody."""
    may_answer: bool = False
    """Whether answers and notices go out in this account's name."""
    may_broadcast: bool = False
    """Whether emergency messages may be spread by it."""
    groups: tuple[Id, ...] = ()
    """Names under which broadcasts may be sent to some accounts only: "flood", "english"."""


class Words(Settings):
    """An FAQ in another language."""

    question: Text
    answer: Text
    short: str = ""
    variants: tuple[str, ...] = ()


class Faq(Settings):
    """A question that the city answers by itself."""

    id: Id
    category: Text
    question: Text
    variants: Annotated[tuple[str, ...], Field(min_length=6)]
    """Ways in which people really ask it."""
    not_examples: tuple[str, ...] = ()
    """Sentences that look like it and must not be answered with it."""
    answer: Text
    short: Text
    """For SMS: only characters of cp949, at most 1,000 bytes of it."""
    en: Words | None = None
    as_of: date
    source: Text
    verified: bool
    """False: found by search and shown to officers, never answers by itself."""
    anytime: bool = False
    """Answers at once at any hour."""
    valid_from: date | None = None
    valid_until: date | None = None
    contact: str = "120"

    @cached_property
    def version(self) -> str:
        """Changes with every word of the entry."""
        return blake2b(self.model_dump_json().encode(), digest_size=6).hexdigest()


class When(Settings):
    """What must all hold for a rule to apply; a condition that is left out always holds.

    For findings: `"*"` any value, else one of the values named. `context` names a field of the message's context.
    """

    auto: Names | Literal["*"] = ()
    urgent: Names | Literal["*"] = ()
    kind: Names | Literal["*"] = ()
    abuse: Names | Literal["*"] = ()
    """"insult" (nothing else is said), "abusive" (a matter is in it, too), "spam"."""
    rating: Names | Literal["*"] = ()
    """How satisfied somebody is, "1" to "5", when the message says nothing else."""
    faq: Names | Literal["*"] = ()
    topic: Names | Literal["*"] = ()
    owner: Names | Literal["*"] = ()
    """"district", or departments' ids, of the topic found; a pattern may end in `*` ("hq.*")."""
    district: Names | Literal["*", "none", "one", "several"] = ()
    channel: Names = ()
    account: Names = ()
    context: Literal["reply", "awaits_place", "answered_by_faq", "same_case", "rating_asked", ""] = ""
    text: str = ""
    """The whole text, folded, equals one of these words separated by |: "담당자|상담원"; "담당자*" begins with it."""
    words: Names = ()
    """One of these stands in the subject or the text; blanks and capitals do not matter."""
    threaded: bool | None = None
    """Whether the message itself says what it answers (In-Reply-To), rather than only standing in a conversation."""
    demand: bool | None = None
    """Whether the text asks for action (단속해주세요) rather than for information."""
    at_least: float = Field(default=0.0, ge=0, le=1)
    """Confidence that each finding must have which the row names; `demand` and several places need none."""
    lead: float = Field(default=0.0, ge=0, le=1)
    """Distance that each such finding must have to the second best; of places none is wanted."""


class Rule(Settings):
    """One row: the first row that applies decides.

    `from` and `until` bound when it applies, by the time of receipt: a day counts whole, a time without a zone is
    Asia/Seoul.
    """

    name: Text
    when: When = When()
    then: Action
    queue: str = ""
    """Fixed queue; "" derives it from topic, place and kind."""
    unit: str = ""
    ask: Literal["", "place"] = ""
    begins: Moment | None = Field(default=None, alias="from")
    """The first day, or the first instant, at which the row applies."""
    until: Moment | None = None
    """The last day on which the row applies, or the instant from which on it no longer does."""
    shadow: bool = False
    """True: the row decides nothing; how often it would have is counted."""
    examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()


class KindWords(Settings):
    """How a kind of matter is recognised."""

    kind: Kind
    queue: str = ""
    """Where matters of this kind go whatever their topic; "" by topic and place."""
    keywords: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    """Regular expressions over the folded text; each is tried with a bound on its work."""
    together: tuple[str, ...] = ()
    """Words that speak for it only near each other: "공무원 | 주무관 + 봉투 | 상품권"."""
    not_keywords: tuple[str, ...] = ()
    """Words that look like it and are not ("종량제 봉투")."""
    weak: tuple[str, ...] = ()
    """Words that say too little, but after which no machine answers."""
    examples: tuple[str, ...] = ()
    """Whole sentences as people write them: what is like them is recognised, too."""
    not_examples: tuple[str, ...] = ()
    """Sentences that look like it and are not."""
    hint: str = ""
    """What the notice adds, e.g. the help line."""
    hint_en: str = ""
    confidential: bool = False


class Urgency(Settings):
    """An emergency, and what the person is told at once."""

    id: Id
    keywords: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    """Words that are an emergency only near each other: "연기 + 자욱 | 가득"."""
    not_keywords: tuple[str, ...] = ()
    """Words that make it no emergency ("화재보험")."""
    weak: tuple[str, ...] = ()
    """Words that say too little, but after which no machine answers."""
    examples: tuple[str, ...] = ()
    """Whole sentences as people write them: what is like them is recognised, too."""
    not_examples: tuple[str, ...] = ()
    """Sentences that look like it and are not."""
    hint: Text
    hint_en: Text


class Abuse(Settings):
    """Words by which insults, threats to staff and advertising are recognised."""

    id: Literal["insult", "spam"]
    keywords: tuple[str, ...] = ()
    not_keywords: tuple[str, ...] = ()
    """Words that look like it and are not ("시발점"); for spam: words of somebody who complains of it."""
    signs: tuple[str, ...] = ()
    """For spam: what an advertisement has beside its ware, e.g. how to unsubscribe."""


class Routing(Settings):
    """routing.toml."""

    rules: tuple[Rule, ...]
    kinds: tuple[KindWords, ...]
    urgent: tuple[Urgency, ...]
    elsewhere: tuple[str, ...]
    """Other cities and provinces: with one of these names before it, 강서구 is not ours."""
    abuse: tuple[Abuse, ...] = ()


class Boundary(Settings):
    """One polygon of a district, from the operator's GeoJSON; holes are rings too."""

    district: Id
    rings: tuple[tuple[tuple[float, float], ...], ...]
    """Longitude and latitude, WGS 84 degrees."""


class City(Settings):
    """Everything the city says of itself, read, checked and put together."""

    districts: tuple[District, ...]
    places: tuple[Place, ...]
    departments: tuple[Department, ...]
    topics: tuple[Topic, ...]
    no_topic: tuple[str, ...] = ()
    """Messages that are about nothing the city does, or do not say about what: learned like a topic, never found."""
    faqs: tuple[Faq, ...]
    routing: Routing
    words: "Templates"
    accounts: tuple[Account, ...] = ()
    boundaries: tuple[Boundary, ...] = ()
    """None: the nearest district office is a guess."""
    answer_precision: float = Field(default=0.98, ge=0.5, lt=1)
    """Of the answers that go out by themselves, this part must be right; stands in pipeline.toml."""

    @cached_property
    def rules_version(self) -> str:
        parts = (
            self.routing,
            *self.topics,
            *self.districts,
            *self.places,
            *self.departments,
            *self.accounts,
            *self.boundaries,
        )
        told = "".join((*(part.model_dump_json() for part in parts), *self.no_topic))
        return blake2b(told.encode(), digest_size=6).hexdigest()

    @cached_property
    def faq_version(self) -> str:
        return blake2b("".join(faq.version for faq in self.faqs).encode(), digest_size=6).hexdigest()


class Letter(Settings):
    """One outgoing text, by language; `{names}` are filled in. `short` is for SMS."""

    subject: str = ""
    text: Text
    short: str = ""
    subject_en: str = ""
    text_en: Text
    short_en: str = ""


class Templates(Settings):
    """words.toml: what citizens read. Which names each letter may use stands in cases/letters.py."""

    letters: dict[str, Letter]
    states: dict[str, str]
    """State to the word a citizen reads."""
    kinds: dict[str, str]
    triage_name: Text = "통합접수 담당(담당부서 확인 중)"
    triage_name_en: Text = "Integrated reception (department being confirmed)"
    triage_duty_phone: str = "120"
    """Whom to ring about an emergency that no queue has yet."""
    triage_duty_contact: str = ""
    """`channel:address` that is told at once of emergencies that no queue has yet; "" for nobody."""


City.model_rebuild()
