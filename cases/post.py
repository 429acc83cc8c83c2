"""Makes the outbox row of a letter: to whom, in which thread, from when on, with sealed words."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from cases.letters import Facts, Letters
from cases.model import Case
from cases.schema import from_stored, to_stored
from core.message import Message
from core.reply import Picture, Reply, ReplyKind
from core.wire import Seal

_KINDS: dict[str, ReplyKind] = {
    "answer": "answer",
    "acknowledgement": "acknowledgement",
    "result": "result",
    "duty": "duty",
}
# Of an outbox row, what `Post.reply` and whoever takes it out read.
COLUMNS = """id, number, kind, recipient, cause, channel, account, sealed, in_reply_to, thread, automatic,
deferred, state, attempts, waits, created_at, first_try_at, parked, claimed_by"""
# A mail with thousands of references is an attack, not a thread.
_MOST_REFERENCES = 20
_encode = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode
_references = msgspec.json.Decoder(tuple[str, ...]).decode


class Address(msgspec.Struct, frozen=True):
    """Where a letter goes and which message of the channel it answers, as `core.reply.Reply` has it."""

    channel: str
    account: str
    to: str
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    public: bool = False
    asked_at: datetime | None = None
    callback: str = ""


class _Sealed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a letter is nobody's business but the citizen's and the channel's."""

    text: str
    subject: str = ""
    link: str = ""
    public: bool = False
    asked_at: datetime | None = None
    callback: str = ""
    pictures: tuple[Picture, ...] = ()


_decode = msgspec.msgpack.Decoder(_Sealed).decode


def address_of(message: Message) -> Address:
    """Returns where an answer to this message goes, threaded below it."""
    thread = (*message.references[-_MOST_REFERENCES:], message.native_id)
    return Address(
        message.channel,
        message.account,
        message.reply_to,
        message.native_id,
        thread,
        public=message.public,
        asked_at=message.received_at,
        callback=message.callback,
    )


def address_of_case(case: Case, asked_at: datetime) -> Address:
    """Returns where the citizen is written to, who wrote last at `asked_at`."""
    return Address(
        case.channel,
        case.account,
        case.reply_to,
        case.native_id,
        (case.native_id,),
        public=case.public,
        asked_at=asked_at,
    )


class Post:
    """Writes letters into rows. A row is unique by case, kind, recipient and cause; its id is its name for ever."""

    def __init__(self, letters: Letters, seal: Seal, new_id: Callable[[], str], public_url: str) -> None:
        self.letters = letters
        self._seal = seal
        self._new_id = new_id
        self._public_url = public_url.rstrip("/")

    def link(self, number: str, token: str) -> str:
        return f"{self._public_url}/c/{number}/{token}"

    def row(
        self,
        letter: str,
        facts: Facts,
        address: Address,
        *,
        cause: str,
        at: datetime,
        not_before: datetime | None = None,
    ) -> dict[str, Any]:
        kind = _KINDS.get(letter, "notice")
        created = to_stored(at)
        starts = created if not_before is None else max(created, to_stored(not_before))
        words = self.letters.write(letter, msgspec.structs.replace(facts, said_at=at) if facts.public else facts)
        sealed = _Sealed(
            text=words.text,
            subject=words.subject,
            link=words.link,
            public=address.public,
            asked_at=address.asked_at,
            callback=address.callback,
            # Where others can read it stands what everybody may know.
            pictures=() if facts.public else facts.pictures,
        )
        return {
            "id": self._new_id(),
            "number": facts.number,
            "kind": kind,
            "recipient": address.to,
            "cause": cause,
            "letter": letter,
            "channel": address.channel,
            "account": address.account,
            "sealed": self._seal.seal(_encode(sealed)),
            "in_reply_to": address.in_reply_to,
            "thread": _json(address.references).decode(),
            "automatic": kind != "result",
            "deferred": starts > created,
            "guarded": is_guarded(letter, address.to),
            "state": "queued",
            "not_before": starts,
            "created_at": created,
        }

    def reply(self, row: Any, *, attempt: int) -> Reply:
        """Returns what is sent for a row as it is stored; raises `Rejected` when it was sealed with another key."""
        words = _decode(self._seal.open(row.sealed))
        return Reply(
            id=row.id,
            channel=row.channel,
            account=row.account,
            to=row.recipient,
            text=words.text,
            subject=words.subject,
            link=words.link,
            kind=row.kind,
            case=row.number,
            created_at=from_stored(row.created_at),
            in_reply_to=row.in_reply_to,
            references=_references(row.thread or "[]"),
            automatic=bool(row.automatic),
            public=words.public,
            asked_at=words.asked_at,
            callback=words.callback,
            pictures=words.pictures,
            attempt=attempt,
        )

    def is_public(self, row: Any) -> bool:
        """Whether others can read what this row says; raises `Rejected` when it was sealed with another key."""
        return _decode(self._seal.open(row.sealed)).public

    def pictures(self, row: Any) -> tuple[Picture, ...]:
        """Returns the pictures of a row as it is stored; raises `Rejected` when it was sealed with another key."""
        return _decode(self._seal.open(row.sealed)).pictures


def is_guarded(letter: str, to: str) -> bool:
    """Whether this counts against a loop: two mail systems can answer each other for ever, telephones do not."""
    return "@" in to and letter not in ("result", "duty")


def facts_of(case: Case, *, link: str, reason: str = "", officer: str = "", text: str = "") -> Facts:
    """Returns what a letter about a case as it stands can say."""
    outside = case.accepted_at is not None and case.accepted_at > case.received_at
    return Facts(
        number=case.number,
        channel=case.channel,
        language=case.language,
        public=case.public,
        confidential=case.confidential,
        queue=case.queue,
        unit=case.unit,
        officer=officer,
        received_at=case.received_at if outside else None,
        accepted_at=case.accepted_at if outside else None,
        due_at=case.due_at,
        link=link,
        reason=reason,
        text=text,
    )
