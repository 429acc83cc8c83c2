"""What citizens read: the letters of config/words.toml, filled in by language and by the manner of the channel."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from string import Formatter
from typing import Any

import msgspec

from cases.model import TRIAGE
from config.schema import City, Department, District, Letter
from core.clock import SEOUL
from core.errors import ConfigError, Rejected
from core.reply import Picture, Style

# What a letter may say where others can read it.
_PUBLIC = frozenset({"number", "queue", "phone", "due", "day", "hint"})
_EVERYWHERE = _PUBLIC | {"unit", "officer", "received", "accepted", "link"}
# Which more each letter may name. Every letter here has to be in words.toml.
_MORE: Mapping[str, frozenset[str]] = {
    "receipt": frozenset(),
    "receipt_night": frozenset(),
    "receipt_triage": frozenset(),
    "assigned": frozenset({"reason"}),
    "ask_place": frozenset({"question"}),
    "answer": frozenset({"answer", "question", "text"}),
    "acknowledgement": frozenset({"answer_at", "question"}),
    "urgent": frozenset(),
    "confidential": frozenset(),
    "agency": frozenset({"reason"}),
    "follow_up": frozenset({"text"}),
    "escalated": frozenset({"question", "reason"}),
    "transferred": frozenset({"reason"}),
    "extended": frozenset({"reason"}),
    "period_changed": frozenset({"reason"}),
    "result": frozenset({"answer", "text", "question", "reason"}),
    "closed": frozenset({"reason"}),
    "withdrawn": frozenset({"reason"}),
    "duty": frozenset({"text", "reason", "question"}),
    "rated": frozenset(),
    "contact_code": frozenset({"text"}),
    "contact_linked": frozenset({"text"}),
}
_DESKS = ("담당", "과", "팀", "계", "실", "센터")
_WEEKDAYS = "월화수목금토일"
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# The city's telephone, open round the clock.
_CITY_PHONE = "120"

# Stand for what differs in every letter, while all else is filled in once: code points that no text may hold.
_NUMBER, _LINK = "\ufdd0", "\ufdd1"
_MOST_KNOWN = 4096

# A line of a letter: pieces of fixed text, each followed by the name of a value ("" after the last).
_Line = tuple[tuple[str, str], ...]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A finished letter. `link` is there when the text has it."""

    text: str
    subject: str = ""
    link: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a letter is about. `public`: others can read it, so it says number, date, department and its telephone only.

    `confidential`: no department is named and no date promised. `on_duty`: the telephone is that of the duty desk.
    """

    number: str
    channel: str
    language: str = "ko"
    public: bool = False
    confidential: bool = False
    on_duty: bool = False
    queue: str = ""
    unit: str = ""
    officer: str = ""
    received_at: datetime | None = None
    accepted_at: datetime | None = None
    due_at: datetime | None = None
    answer_at: datetime | None = None
    # When this is said.
    said_at: datetime | None = None
    answer: str = ""
    text: str = ""
    hint: str = ""
    link: str = ""
    question: str = ""
    reason: str = ""
    # Go with the words where the channel carries them.
    pictures: tuple[Picture, ...] = ()


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """A queue as citizens know it, and whom to ring."""

    name: str
    english: str
    phone: str = _CITY_PHONE
    duty_phone: str = _CITY_PHONE
    duty_contact: str = ""
    # What a case in this queue can be given to.
    units: tuple[str, ...] = ()


class Letters:
    """Writes every text that goes out by itself or with an officer's answer.

    Raises `ConfigError` for letters that are missing or name what they cannot have. Values are put in as they are:
    braces that a citizen typed mean nothing.
    """

    def __init__(self, city: City, *, styles: Mapping[str, Style] | None = None, show_officers: bool = False) -> None:
        if mistakes := [*_mistakes(city.words.letters)]:
            raise ConfigError(*mistakes)
        self._styles = dict(styles or {})
        self._show_officers = show_officers
        self._forms = {name: _forms(letter) for name, letter in city.words.letters.items()}
        self._desks = _desks(city)
        self._urgent = {u.id: (u.hint, u.hint_en) for u in city.routing.urgent}
        self._kinds: dict[str, tuple[str, str]] = {
            k.kind: (k.hint, k.hint_en or k.hint) for k in city.routing.kinds if k.hint
        }
        self._faqs = {faq.id: faq for faq in city.faqs}
        self._mute = {(one.platform, one.handle) for one in city.accounts if not one.may_answer}
        self._known: dict[tuple[Any, ...], Words] = {}

    def write(self, name: str, facts: Facts) -> Words:
        """Returns the letter in Korean when the citizen writes Korean, else in English."""
        if facts.text or facts.reason or facts.officer or not facts.number:
            # Said once, to one citizen.
            return self._write(name, facts)
        # To the minute, as letters say it: in a rush thousands get the same letter.
        key = (
            name,
            facts.channel,
            facts.language != "ko",
            facts.public,
            facts.confidential,
            facts.on_duty,
            facts.queue,
            facts.unit,
            _minute(facts.received_at),
            _minute(facts.accepted_at),
            _minute(facts.due_at),
            _minute(facts.answer_at),
            deadline(facts.said_at) if facts.said_at else "",
            facts.answer,
            facts.hint,
            facts.question,
            not facts.link,
        )
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            marked = msgspec.structs.replace(facts, number=_NUMBER, link=_LINK if facts.link else "")
            known = self._known[key] = self._write(name, marked)
        return Words(
            text=known.text.replace(_NUMBER, facts.number).replace(_LINK, facts.link),
            subject=known.subject.replace(_NUMBER, facts.number).replace(_LINK, facts.link),
            link=facts.link if known.link else "",
        )

    def _write(self, name: str, facts: Facts) -> Words:
        english = facts.language != "ko"
        style = self._styles.get(facts.channel, _PLAIN)
        forms = self._forms[name]
        manner = "public" if facts.public and (english, "public") in forms else "short" if style.short else "text"
        subject, text = forms[english, manner]
        values = self._values(facts, english, style)
        words = _filled(text, values)
        link = values["link"]
        heading = "" if style.short else _filled(subject, values)
        return Words(text=words, subject=heading, link=link if link and link in words else "")

    def desk(self, queue: str) -> Desk:
        return self._desks.get(queue) or self._desks[TRIAGE]

    def knows(self, queue: str) -> bool:
        return queue in self._desks

    def must_know(self, queue: str) -> None:
        """Raises `Rejected` for what is no queue, with all that are."""
        if not self.knows(queue):
            raise Rejected(f"there is no queue {queue}. There are: {', '.join(self._desks)}")

    def is_mute(self, channel: str, account: str) -> bool:
        """Whether nothing is written in this account's name (config/accounts.toml)."""
        return (channel, account) in self._mute

    def hint(self, urgency: str, kind: str, language: str) -> str:
        """Returns what to tell at once about an emergency or a delicate matter: whom to ring."""
        if not urgency and kind not in self._kinds:
            return ""
        found = (self._urgent.get(urgency, _NOTHING), self._kinds.get(kind, _NOTHING))
        return "\n".join(dict.fromkeys(hint[language != "ko"] for hint in found if hint[0]))

    def question(self, faq: str, language: str) -> str:
        known = self._faqs.get(faq)
        if known is None:
            return ""
        return known.question if language == "ko" or known.en is None else known.en.question

    def holds(self, faq: str, version: str, day: date) -> bool:
        """Whether this answer may still go out: not a word of it changed, and it is valid on this day."""
        known = self._faqs.get(faq)
        if known is None or known.version != version or not known.verified:
            return False
        return (known.valid_from or day) <= day <= (known.valid_until or day)

    def _values(self, facts: Facts, english: bool, style: Style) -> dict[str, str]:
        desk = self.desk(facts.queue)
        hidden = facts.confidential
        values = {
            "number": facts.number,
            "queue": "" if hidden else desk.english if english else desk.name,
            "due": "" if hidden or facts.due_at is None else deadline(facts.due_at, english=english),
            "phone": _CITY_PHONE if hidden else desk.duty_phone if facts.on_duty else desk.phone,
            "day": "" if facts.said_at is None else deadline(facts.said_at, english=english),
        }
        if facts.public:
            # What to do in danger is no secret, and cannot wait.
            return _NONE | values | ({"hint": facts.hint} if facts.on_duty and not hidden else {})
        return values | {
            "unit": "" if hidden else _unit(facts.unit),
            "officer": facts.officer if self._show_officers else "",
            "received": moment(facts.received_at, english=english),
            "accepted": moment(facts.accepted_at, english=english),
            "answer_at": moment(facts.answer_at, english=english),
            "answer": facts.answer,
            "text": facts.text,
            "hint": facts.hint,
            "link": facts.link if style.link else "",
            "question": facts.question,
            "reason": facts.reason,
        }


_PLAIN = Style()
_NOTHING = ("", "")
_NONE = dict.fromkeys(_EVERYWHERE.union(*_MORE.values()), "")


def deadline(due_at: datetime, *, english: bool = False) -> str:
    """Returns "12월 1일(화)", "Tue, 1 Dec"; no hour, and the letter says "까지"."""
    return _day(due_at.astimezone(SEOUL).date(), english)


def moment(at: datetime | None, *, english: bool = False) -> str:
    """Returns "11월 21일(토) 22:10", "Sat, 21 Nov 22:10"; "" for none."""
    if at is None:
        return ""
    local = at.astimezone(SEOUL)
    return f"{_day(local.date(), english)} {local:%H:%M}"


def _minute(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(second=0, microsecond=0)


@lru_cache(maxsize=1024)
def _day(day: date, english: bool) -> str:
    if english:
        return f"{_WEEKDAYS_EN[day.weekday()]}, {day.day} {_MONTHS_EN[day.month - 1]}"
    return f"{day.month}월 {day.day}일({_WEEKDAYS[day.weekday()]})"


def _filled(lines: tuple[_Line, ...], values: Mapping[str, str]) -> str:
    """Returns the text; a line all of whose values are empty is left out, and no two blank lines meet."""
    written: list[str] = []
    for line in lines:
        text = _filled_line(line, values)
        if text is None or (not text and (not written or not written[-1])):
            continue
        written.append(text)
    return "\n".join(written).strip()


def _filled_line(line: _Line, values: Mapping[str, str]) -> str | None:
    if len(line) == 1 and not line[0][1]:
        return line[0][0]
    out, said = "", False
    for fixed, name in line:
        # Where a value is missing between two blanks, one blank is enough.
        out += fixed[1:] if fixed[:1] == " " and (not out or out[-1] == " ") else fixed
        if name and (value := values[name]):
            out += value
            said = True
    return out.rstrip() if said else None


def _forms(letter: Letter) -> dict[tuple[bool, str], tuple[tuple[_Line, ...], tuple[_Line, ...]]]:
    """Returns subject and text by (English?, manner)."""
    korean, english = _parsed(letter.subject), _parsed(letter.subject_en or letter.subject)
    forms = {
        (False, "text"): (korean, _parsed(letter.text)),
        (False, "short"): (korean, _parsed(letter.short or letter.text)),
        (True, "text"): (english, _parsed(letter.text_en)),
        (True, "short"): (english, _parsed(letter.short_en or letter.text_en)),
    }
    public = {(False, "public"): (korean, letter.public), (True, "public"): (english, letter.public_en)}
    return forms | {key: (subject, _parsed(text)) for key, (subject, text) in public.items() if text}


def _parsed(template: str) -> tuple[_Line, ...]:
    return tuple(_parsed_line(line) for line in template.split("\n")) if template else ()


def _parsed_line(line: str) -> _Line:
    parts = [(fixed, name or "") for fixed, name, _, _ in Formatter().parse(line.rstrip())]
    # "{{" and "}}" come as pieces of their own: join what has no value to what follows it.
    joined: list[tuple[str, str]] = []
    for fixed, name in parts:
        if joined and not joined[-1][1]:
            fixed = joined.pop()[0] + fixed  # noqa: PLW2901
        joined.append((fixed, name))
    return tuple(joined) or (("", ""),)


def _mistakes(letters: Mapping[str, Letter]) -> Iterator[str]:
    for name in sorted(_MORE.keys() - letters.keys()):
        yield f"words.toml: letters.{name} is missing. Add [letters.{name}] with text and text_en."
    for name, letter in letters.items():
        if name not in _MORE:
            yield f"words.toml: letters.{name} is no letter. There are {', '.join(sorted(_MORE))}."
            continue
        if bool(letter.public) is not bool(letter.public_en):
            yield f"words.toml: letters.{name} has only one of public and public_en. Write both, or none."
        for field, template in letter.model_dump().items():
            allowed = _PUBLIC if field.startswith("public") else _EVERYWHERE | _MORE[name]
            yield from _template_mistakes(f"words.toml: letters.{name}.{field}", template, allowed)


def _template_mistakes(where: str, template: str, allowed: frozenset[str]) -> Iterator[str]:
    try:
        parts = [part for line in template.split("\n") for part in Formatter().parse(line)]
    except ValueError as error:
        yield f"{where}: {error}. Write braces that are no placeholder twice: {{{{ and }}}}."
        return
    for _, name, form, conversion in parts:
        if name is not None and (name not in allowed or form or conversion):
            written = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            yield f"{where}: {{{written}}} cannot be filled in. Use {', '.join(sorted(allowed))}."


def _unit(name: str) -> str:
    """Returns "청소 담당" for "청소"; what is a desk's name by itself stays."""
    return f"{name} 담당" if name and not name.endswith(_DESKS) else name


def _desks(city: City) -> dict[str, Desk]:
    words = city.words
    triage = Desk(
        name=words.triage_name,
        english=words.triage_name_en,
        duty_phone=words.triage_duty_phone,
        duty_contact=words.triage_duty_contact,
    )
    desks = {TRIAGE: triage}
    offices: tuple[District | Department, ...] = (*city.districts, *city.departments)
    for office in offices:
        desks[office.id] = Desk(
            name=office.name,
            english=office.english,
            phone=office.phone if office.verified and office.phone else _CITY_PHONE,
            duty_phone=office.duty_phone,
            duty_contact=office.duty_contact,
            units=office.units if isinstance(office, District) else (),
        )
    return desks
