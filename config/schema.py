"""The shape of the city's files: districts, departments, topics, accounts, faq/*, and all of them together."""

from datetime import date
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from config.fields import CODE, HANDLE, Id, Moment, Name, Names, Text
from config.routing import Abuse, KindWords, Routing, Rule, Urgency, When
from config.words import Letter, Templates
from core.decision import Kind
from core.settings import Settings

__all__ = [
    "Abuse",
    "Account",
    "Boundary",
    "City",
    "Department",
    "District",
    "Faq",
    "Id",
    "KindWords",
    "Letter",
    "Moment",
    "Names",
    "Place",
    "Routing",
    "Rule",
    "Templates",
    "Text",
    "Topic",
    "Urgency",
    "When",
    "Words",
]


class District(Settings):
    """One of the city's districts (자치구): a queue of its own."""

    id: Id
    name: Name
    """Korean name with 구: 종로구."""
    english: Text
    code: Annotated[str, StringConstraints(pattern=CODE)]
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
    units: tuple[Name, ...] = (
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

    name: Name
    districts: tuple[Id, ...]
    aliases: tuple[str, ...] = ()
    kind: Literal["station", "landmark", "road", "park", "river"] = "landmark"
    owner: str = ""
    """A department's id when the city and not the district looks after it (large roads, city parks)."""


class Department(Settings):
    """Headquarters (`hq.`), an office (`office.`) or another agency (`agency.`): a queue of its own."""

    id: Id
    name: Name
    english: Text
    phone: str = "120"
    verified: bool = False
    note: str = ""
    duty_phone: str = "120"
    duty_contact: str = ""


class Topic(Settings):
    """A matter and who owns it."""

    id: Id
    """A name of its own in small letters: id = "litter"."""
    name: Name
    """What officers read."""
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
    handle: Annotated[str, StringConstraints(pattern=HANDLE)]
    name: Name
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
    """The question as it is asked in that language."""
    answer: Text
    """The answer in that language."""
    short: str = ""
    variants: tuple[str, ...] = ()


class Faq(Settings):
    """A question that the city answers by itself."""

    id: Id
    """A name of its own in small letters: id = "bus-fare"."""
    category: Text
    """What it is listed under: "교통"."""
    question: Text
    """The question as the city would put it."""
    variants: Annotated[tuple[str, ...], Field(min_length=6)]
    """Ways in which people really ask it."""
    not_examples: tuple[str, ...] = ()
    """Sentences that look like it and must not be answered with it."""
    answer: Text
    """The whole answer, as it goes out by mail."""
    short: Text
    """For SMS: only characters of cp949, at most 1,000 bytes of it."""
    en: Words | None = None
    as_of: date
    """The day on which the answer was looked up: as_of = 2026-11-23."""
    source: Text
    """Where the answer stands: source = "https://…"."""
    verified: bool
    """Whether somebody of the city has checked the answer: verified = false until then. It is found and shown to
    officers, and nobody is answered by it."""
    anytime: bool = False
    """Answers at once at any hour."""
    valid_from: date | None = None
    valid_until: date | None = None
    contact: str = "120"

    @cached_property
    def version(self) -> str:
        """Changes with every word of the entry."""
        return blake2b(self.model_dump_json().encode(), digest_size=6).hexdigest()


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
    words: Templates
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
