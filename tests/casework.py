"""The small town of the case tests: its queues, its citizens, and a clock that moves when told."""

import os
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import msgspec
import psycopg

from cases.clock import accepted_at, parse_period
from cases.database import Database
from cases.letters import Letters
from cases.migrate import upgrade
from cases.outbox import Claimed, Outcome
from cases.store import CaseStore
from config.schema import Account, City, Department, District, Faq, KindWords, Routing, Templates, Urgency
from core.calendar import Calendar
from core.clock import SEOUL
from core.decision import Answer, Context, Decision
from core.ids import uuid7
from core.message import Assurance, Author, Message
from core.reply import Reply, Style
from core.wire import Routed, Seal

# Where a PostgreSQL server runs for tests (`tests/live/postgres.py`), the store is tried on it as well.
POSTGRESQL = "EUNGDAPSO_LIVE_POSTGRESQL"
FORMS = ("sqlite", "postgresql") if os.environ.get(POSTGRESQL) else ("sqlite",)
WORDS = Path(__file__).parent.parent / "config" / "words.toml"
CALENDAR = Calendar()
SEAL = Seal(bytes(range(32)))
CITIZEN = "+821012345678"
WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요. 단속해 주세요."
SOFA = "소파는 어떻게 버리나요?"


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self, text: str) -> None:
        self.now = at(text)

    def __call__(self) -> datetime:
        return self.now

    def moves(self, **by: float) -> None:
        self.now += timedelta(**by)


def at(text: str) -> datetime:
    """Returns an instant from "2026-11-23 10:00" in Seoul, kept in UTC."""
    return datetime.fromisoformat(text + "+09:00").astimezone(UTC)


FAQ = Faq(
    id="bulky-waste",
    category="청소",
    question="대형폐기물은 어떻게 버리나요?",
    variants=("소파 버리기", "침대 버리기", "장롱 버리기", "책상 버리기", "매트리스 버리기", "냉장고 버리기"),
    answer="구청 누리집이나 동주민센터에 신고하고 수수료를 내신 뒤 내놓으십시오.",
    short="구청 누리집이나 동주민센터에 신고하고 내놓으십시오.",
    as_of=date(2026, 1, 1),
    source="구청 누리집",
    verified=True,
)


def city() -> City:
    return City(
        districts=(district("gangnam", "강남구", "Gangnam-gu"), district("jongno", "종로구", "Jongno-gu", duty=True)),
        places=(),
        departments=(
            Department(id="hq.bus", name="교통실 버스정책과", english="Bus Policy Division", phone="02-2133-2260"),
            Department(
                id="office.audit", name="감사위원회", english="Audit Office", phone="02-2133-4800", verified=True
            ),
            Department(id="agency.kepco", name="한국전력공사", english="KEPCO", phone="123", verified=True),
        ),
        topics=(),
        faqs=(FAQ,),
        accounts=(Account(platform="x", handle="mayor", name="서울시장", english="Mayor of Seoul"),),
        routing=Routing(
            rules=(),
            kinds=(KindWords(kind="human-rights", keywords=("학대",), hint="112 또는 1577-1389"),),
            urgent=(Urgency(id="fire", hint="불이 났으면 119로 신고하십시오.", hint_en="Call 119."),),
            elsewhere=(),
        ),
        words=Templates.model_validate(tomllib.loads(WORDS.read_text(encoding="utf-8"))),
    )


def district(name: str, korean: str, english: str, *, duty: bool = False) -> District:
    return District(
        id=name,
        name=korean,
        english=english,
        code="11680",
        address="학동로 426",
        phone="02-3423-5114",
        lat=37.5172,
        lon=127.0473,
        verified=duty,
        legal_dongs=(),
        admin_dongs=(),
        duty_phone="02-731-0112",
        duty_contact="sms:+821099990000" if duty else "",
    )


@cache
def fresh_file() -> bytes:
    """Returns a case store's file with its tables; migrated once, since every test begins with it."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/cases.sqlite")
        database.open()
        upgrade(database)
        database.close()
        return (Path(folder) / "cases.sqlite").read_bytes()


@contextmanager
def place(form: str, folder: Path) -> Iterator[str]:
    """Lends the address of an empty case store: a file in this folder, or a schema that is gone afterwards."""
    if form == "sqlite":
        yield file_in(folder)
        return
    server, name = os.environ[POSTGRESQL], f"t_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
        yield f"{server}?options=-csearch_path%3D{name}"
        connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


def file_in(folder: Path) -> str:
    """Returns the address of the case store's file in this folder; made with its tables when there is none."""
    if not (folder / "cases.sqlite").exists():
        (folder / "cases.sqlite").write_bytes(fresh_file())
    return f"sqlite:///{folder / 'cases.sqlite'}"


def make_store(where: Path | str, time: Time, **more: Any) -> CaseStore:
    """Returns an open case store, by its address or in a file of its own in this folder."""
    deadlines = {"other": "7d", "inquiry": "7d", "recommendation": "14d", "grievance": "7d", "human-rights": "7d"}
    styles = {"sms": Style(short=True, link=False)}
    given: dict[str, Any] = {"seal": SEAL, "calendar": CALENDAR, "machine": time, **more}
    store = CaseStore(
        where if isinstance(where, str) else file_in(where),
        clock=time,
        deadlines={kind: parse_period(period) for kind, period in deadlines.items()},
        letters=Letters(city(), styles=styles),
        public_url="https://eungdapso.example",
        **given,
    )
    store.open()
    return store


def message(text: str, time: Time, **more: Any) -> Message:
    """Returns a text message of our citizen, received now."""
    given: dict[str, Any] = {
        "id": uuid7(),
        "channel": "sms",
        "account": "+8225550120",
        "native_id": f"SM{uuid7()}",
        "received_at": time.now,
        "conversation": more.get("reply_to", CITIZEN),
        "author": Author(handle=more.get("reply_to", CITIZEN), assurance=Assurance.CHANNEL_VERIFIED),
        "text": text,
        "reply_to": CITIZEN,
    }
    return Message(**(given | more))


def mail(text: str, time: Time, **more: Any) -> Message:
    """Returns a mail of our citizen, received now."""
    given: dict[str, Any] = {
        "channel": "email",
        "account": "minwon@eungdapso.example",
        "native_id": f"<{uuid7()}@mail.example>",
        "conversation": "",
        "author": Author(handle="kim@mail.example", name="김서연", assurance=Assurance.SELF_DECLARED),
        "reply_to": "kim@mail.example",
    }
    return message(text, time, **(given | more))


def dispatched(what: Message, **more: Any) -> Routed:
    """Returns the message as the router gives it to a district."""
    accepted = accepted_at(what.received_at, CALENDAR)
    given: dict[str, Any] = {
        "action": "dispatch",
        "queue": "gangnam",
        "unit": "청소",
        "kind": "other",
        "topic": "illegal-dumping",
        "district": "gangnam",
        "rule": "gu business",
        "accepted_at": accepted,
        "due_at": due(accepted),
    }
    return Routed(message=what, decision=Decision(**(given | more)))


def held(what: Message, **more: Any) -> Routed:
    given: dict[str, Any] = {"action": "hold", "queue": "triage", "unit": None, "district": None, "rule": "unsure"}
    return dispatched(what, **(given | more))


def answered(what: Message, *, answer_at: datetime | None = None, **more: Any) -> Routed:
    """Returns the message as the router answers it by itself."""
    words = Answer(faq=FAQ.id, version=FAQ.version, text=FAQ.short, language="ko")
    given: dict[str, Any] = {
        "action": "answer",
        "queue": None,
        "unit": None,
        "faq": FAQ.id,
        "kind": "inquiry",
        "rule": "faq",
        "answer": words,
        "answer_at": answer_at or what.received_at,
        "due_at": None,
    }
    return dispatched(what, **(given | more))


def joins(what: Message, case: str, **more: Any) -> Routed:
    """Returns the message as the router adds it to a case."""
    context = more.pop("context", Context(reply_to_case=case))
    made = dispatched(what, **({"action": "follow_up", "case": case, "queue": None, "unit": None} | more))
    return msgspec.structs.replace(made, context=context)


def due(accepted: datetime) -> datetime:
    return CALENDAR.closing(CALENDAR.add_working_days(accepted.astimezone(SEOUL).date(), 7))


def opened(store: CaseStore, item: Routed) -> str:
    """Records the message; returns the number of its case."""
    store.record([item])
    found = store.views.found([item.message.id])[0]
    assert found.number is not None
    return found.number


def claimed(store: CaseStore, time: Time) -> list[Claimed]:
    """Relays what is due and claims it."""
    rows = store.outbox.due(time.now)
    store.outbox.relayed(rows)
    return store.outbox.claim([row.ticket for row in rows]).ready


def delivered(store: CaseStore, time: Time) -> list[Reply]:
    """Sends what is due; returns it."""
    replies = [one.reply for one in claimed(store, time)]
    settle(store, replies, "sent")
    return replies


def settle(store: CaseStore, replies: Sequence[Reply], state: Any, **more: Any) -> None:
    store.outbox.settle(
        [Outcome(row=r.id, state=state, provider_id=f"<{r.id}@eungdapso.example>", **more) for r in replies]
    )


def events(store: CaseStore, number: str) -> list[str]:
    """Returns what the history says, oldest first, without what was sent."""
    return [
        line.what for line in store.views.history(number) if "row" not in line.detail or "letter" not in line.detail
    ]
