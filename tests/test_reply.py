"""The reply sink: out once, tried again with patience, given up where a person sees it."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from cases.store import CaseStore
from core.errors import Rejected, Unavailable, Uncertain
from core.reply import Receipt, Reply, Sender, Verdict
from core.wire import Ticket
from sinks._backoff import Backoff
from sinks._files import FileSender, file_name
from sinks.reply import Courier
from tests.casework import (
    FORMS,
    SOFA,
    WASTE,
    Time,
    answered,
    at,
    dispatched,
    joins,
    make_store,
    message,
    opened,
    place,
)


class Channel(Sender):
    """A channel that does with each reply what it was told, in turn; after that it takes them."""

    def __init__(self, *does: Exception, repeatable: bool = False, found: Receipt | Exception | None = None) -> None:
        self.repeatable = repeatable
        self.sent: list[Reply] = []
        self._does = list(does)
        self._found = found

    async def send(self, reply: Reply) -> Receipt:
        if self._does:
            raise self._does.pop(0)
        self.sent.append(reply)
        return Receipt(provider_id=f"SM-{reply.id}")

    async def find(self, reply: Reply) -> Receipt | None:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


class Parking:
    """Keeps what was given up."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []

    async def __call__(self, ticket: Ticket, case: str, reason: str) -> None:
        self.tickets.append(ticket)


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture(params=FORMS)
def store(request: pytest.FixtureRequest, tmp_path: Path, time: Time) -> Iterator[CaseStore]:
    with place(request.param, tmp_path) as url:
        made = make_store(url, time)
        yield made
        made.close()


@pytest.fixture
def parking() -> Parking:
    return Parking()


def courier(store: CaseStore, time: Time, channel: Sender, parking: Parking, **backoff: float) -> Courier:
    # However slow the machine is: what these channels do is told by them, not by the time that it takes.
    settings = Backoff.model_validate({"patience_seconds": 60, **backoff})
    return Courier(store.outbox, {"sms": channel}, parking, backoff=settings, machine=time)


def relay(store: CaseStore, time: Time) -> list[Ticket]:
    due = store.outbox.due(time.now)
    store.outbox.relayed(due)
    return [row.ticket for row in due]


def states(store: CaseStore, number: str) -> list[str]:
    """Returns the state of every letter of a case."""
    return [line.what for line in store.views.history(number) if "letter" in line.detail]


async def test_a_reply_goes_out_and_is_written_down(store: CaseStore, time: Time, parking: Parking) -> None:
    """What was sent is sent, and its provider's id is known when the citizen answers."""
    number = opened(store, dispatched(message(WASTE, time)))
    channel = Channel()
    refused = await courier(store, time, channel, parking).write(relay(store, time))

    assert {} == refused
    assert (["sent"], 1) == (states(store, number), len(channel.sent))
    answer = message("추가합니다", time, in_reply_to=f"SM-{channel.sent[0].id}")
    assert number == store.contexts([answer])[0].reply_to_case


async def test_tickets_that_come_again_send_nothing(store: CaseStore, time: Time, parking: Parking) -> None:
    """The same batch, read again after a restart, reaches nobody twice."""
    opened(store, dispatched(message(WASTE, time)))
    channel, tickets = Channel(), relay(store, time)
    await courier(store, time, channel, parking).write(tickets)
    await courier(store, time, channel, parking).write(tickets)

    assert 1 == len(channel.sent)


async def test_a_busy_channel_is_tried_again_later(store: CaseStore, time: Time, parking: Parking) -> None:
    """Unavailable means wait and try again; the second try is the second attempt."""
    opened(store, dispatched(message(WASTE, time)))
    channel = Channel(Unavailable("busy"))
    sink = courier(store, time, channel, parking)
    await sink.write(relay(store, time))
    at_once = relay(store, time)
    time.moves(seconds=5)
    await sink.write(relay(store, time))

    assert [] == at_once
    assert [2] == [reply.attempt for reply in channel.sent]


async def test_a_channels_wish_to_wait_is_respected(store: CaseStore, time: Time, parking: Parking) -> None:
    """Who says Retry-After is not asked before."""
    opened(store, dispatched(message(WASTE, time)))
    await courier(store, time, Channel(Unavailable("slow down", retry_after_seconds=600)), parking).write(
        relay(store, time)
    )

    assert 600.0 == store.outbox.next_due()


def test_waits_grow_to_a_bound() -> None:
    """Each wait is about twice the one before, never in step, never over the bound."""
    backoff = Backoff(first_seconds=10, most_seconds=100)
    waits = [backoff.wait_seconds(tries, None) for tries in (1, 2, 3, 50)]

    for wait, most in zip(waits, (10, 20, 40, 100), strict=True):
        assert most / 2 <= wait <= most


async def test_after_enough_tries_a_person_has_to_look(store: CaseStore, time: Time, parking: Parking) -> None:
    """Given up, the row is failed and its ticket among the dead; retried from there it is tried once more."""
    number = opened(store, dispatched(message(WASTE, time)))
    channel = Channel(Unavailable("busy"), Unavailable("busy"))
    sink = courier(store, time, channel, parking, most_tries=2)
    for _ in range(2):
        await sink.write(relay(store, time))
        time.moves(hours=1)
    failed = states(store, number)
    await sink.write(parking.tickets)

    assert (["failed"], ["sent"]) == (failed, states(store, number))
    assert [3] == [ticket.attempt for ticket in parking.tickets]


async def test_after_three_days_a_person_has_to_look(store: CaseStore, time: Time, parking: Parking) -> None:
    """However few the tries, patience ends."""
    opened(store, dispatched(message(WASTE, time)))
    sink = courier(store, time, Channel(Unavailable("down"), Unavailable("down")), parking)
    await sink.write(relay(store, time))
    time.moves(hours=73)
    await sink.write(relay(store, time))

    assert 1 == len(parking.tickets)


async def test_what_never_works_is_not_tried_again(store: CaseStore, time: Time, parking: Parking) -> None:
    """Rejected is final: parked with its reason, an automatic answer's case goes to a person."""
    number = opened(store, answered(message(SOFA, time)))
    await courier(store, time, Channel(Rejected("no such number")), parking).write(relay(store, time))

    assert (["failed"], "triage") == (states(store, number), store.views.case(number).queue)
    assert 1 == len(parking.tickets)


async def test_a_failed_row_that_nobody_saw_is_parked_when_its_ticket_returns(
    store: CaseStore, time: Time, parking: Parking
) -> None:
    """Killed between giving up and parking, the ticket is parked at the next start."""
    opened(store, dispatched(message(WASTE, time)))

    async def killed(ticket: Ticket, case: str, reason: str) -> None:
        raise Unavailable("killed")

    tickets = relay(store, time)
    dying = Courier(store.outbox, {"sms": Channel(Rejected("no such number"))}, killed, machine=time)
    with pytest.raises(Unavailable):
        await dying.write(tickets)
    await courier(store, time, Channel(), parking).write(tickets)
    await courier(store, time, Channel(), parking).write(tickets)

    assert 1 == len(parking.tickets)


async def test_an_interrupted_reply_is_repeated_where_that_is_harmless(
    store: CaseStore, time: Time, parking: Parking
) -> None:
    """A file or a mail of the same name is written again."""
    opened(store, dispatched(message(WASTE, time)))
    tickets = relay(store, time)
    store.outbox.claim(tickets)
    channel = Channel(repeatable=True)
    await courier(store, time, channel, parking).write(tickets)

    assert [1] == [reply.attempt for reply in channel.sent]


@pytest.mark.parametrize(
    ("found", "state", "sent"),
    [(Receipt(provider_id="SM1"), "sent", 0), (None, "sent", 1), (Uncertain("nobody knows"), "uncertain", 0)],
)
async def test_an_interrupted_reply_is_asked_after(
    store: CaseStore,
    time: Time,
    parking: Parking,
    *,
    found: Receipt | Exception | None,
    state: str,
    sent: int,
) -> None:
    """Found: it went. Surely not there: it goes now. Nobody knows: a person decides."""
    number = opened(store, dispatched(message(WASTE, time)))
    tickets = relay(store, time)
    store.outbox.claim(tickets)
    channel = Channel(found=found)
    await courier(store, time, channel, parking).write(tickets)

    assert ([state], sent) == (states(store, number), len(channel.sent))


async def test_what_may_have_gone_out_is_never_repeated(store: CaseStore, time: Time, parking: Parking) -> None:
    """An uncertain reply waits for a person."""
    number = opened(store, dispatched(message(WASTE, time)))
    await courier(store, time, Channel(Uncertain("the line broke")), parking).write(relay(store, time))
    time.moves(days=1)

    assert (["uncertain"], []) == (states(store, number), relay(store, time))


async def test_a_channel_that_hangs_is_let_go(store: CaseStore, time: Time, parking: Parking) -> None:
    """A try ends after its time; where nobody can tell, a person decides."""

    class Hanging(Channel):
        async def send(self, reply: Reply) -> Receipt:
            await asyncio.Event().wait()
            raise AssertionError

    number = opened(store, dispatched(message(WASTE, time)))
    await courier(store, time, Hanging(), parking, try_seconds=0.01).write(relay(store, time))

    assert ["uncertain"] == states(store, number)


async def test_a_channel_that_is_gone_is_named(store: CaseStore, time: Time, parking: Parking) -> None:
    """A letter for a channel that is set up no more fails with a reason that says what to do."""
    number = opened(store, dispatched(message(WASTE, time, channel="telegram")))
    await courier(store, time, Channel(), parking).write(relay(store, time))

    assert any("telegram" in line.why for line in store.views.history(number))


async def test_one_bad_reply_harms_nobody(store: CaseStore, time: Time, parking: Parking) -> None:
    """Of a batch, the good ones go out."""
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(20)])
    channel = Channel(Rejected("no such number"), Unavailable("busy"))
    await courier(store, time, channel, parking).write(relay(store, time))

    assert (18, 1) == (len(channel.sent), len(parking.tickets))


async def test_a_ticket_of_no_row_is_named(store: CaseStore, time: Time, parking: Parking) -> None:
    """What fits nothing is handed back with a reason."""
    refused = await courier(store, time, Channel(), parking).write([Ticket(row="nothing")])

    assert {0: "no such outbox row"} == refused


async def test_what_cannot_be_written_down_is_not_sent_twice(
    store: CaseStore, time: Time, parking: Parking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent while the store was locked, the reply is written down when the batch comes again."""
    number = opened(store, dispatched(message(WASTE, time)))
    channel, tickets, settle = Channel(), relay(store, time), store.outbox.settle
    sink = courier(store, time, channel, parking)

    def locked(outcomes: Sequence[object]) -> None:
        raise Unavailable("locked")

    monkeypatch.setattr(store.outbox, "settle", locked)
    with pytest.raises(Unavailable):
        await sink.write(tickets)
    monkeypatch.setattr(store.outbox, "settle", settle)
    await sink.write(tickets)

    assert (["sent"], 1) == (states(store, number), len(channel.sent))


class Van(Channel):
    """A channel that takes many at once: the n-th load fails with the n-th error."""

    together = True

    def __init__(self, *fails: Exception) -> None:
        super().__init__()
        self.loads: list[int] = []
        self._fails = list(fails)

    async def send_all(self, replies: Sequence[Reply]) -> list[Verdict]:
        self.loads.append(len(replies))
        if self._fails:
            error = self._fails.pop(0)
            if isinstance(error, TimeoutError):
                await asyncio.Event().wait()
            assert isinstance(error, Rejected | Unavailable | Uncertain)
            return [error for _ in replies]
        return await super().send_all(replies)


async def test_a_channel_that_takes_many_gets_them_together(store: CaseStore, time: Time, parking: Parking) -> None:
    """A batch is one load, and every reply of it is written down."""
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(20)])
    van = Van()
    await courier(store, time, van, parking).write(relay(store, time))

    assert ([20], 20, None) == (van.loads, len(van.sent), store.outbox.next_due())


async def test_loads_are_no_larger_than_what_may_be_on_its_way(store: CaseStore, time: Time, parking: Parking) -> None:
    """`side_by_side` holds for loads as well."""
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(20)])
    van = Van()
    await courier(store, time, van, parking, side_by_side=8).write(relay(store, time))

    assert [8, 8, 4] == van.loads


@pytest.mark.parametrize(
    ("error", "states_"),
    [
        (Unavailable("busy"), ["queued"]),
        (Rejected("no such number"), ["failed"]),
        (Uncertain("the line broke"), ["uncertain"]),
        (TimeoutError(), ["uncertain"]),
    ],
)
async def test_a_load_that_fails_is_judged_like_a_single_reply(
    store: CaseStore, time: Time, parking: Parking, *, error: Exception, states_: list[str]
) -> None:
    """Busy waits, refused is parked, and what nobody can tell is a person's."""
    number = opened(store, dispatched(message(WASTE, time)))
    await courier(store, time, Van(error), parking, try_seconds=0.01).write(relay(store, time))

    assert states_ == states(store, number)


async def test_in_a_load_nobody_overtakes(store: CaseStore, time: Time, parking: Parking) -> None:
    """Of two replies to one person about one case the second waits while the first has to, and goes after it."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.record([joins(message("추가합니다", time), number)])
    tickets = [Ticket(row=line.detail["row"]) for line in store.views.history(number) if "letter" in line.detail]
    van = Van(Unavailable("busy"))
    await courier(store, time, van, parking).write(tickets)
    both_wait = states(store, number)
    await courier(store, time, van, parking).write([Ticket(row=ticket.row, attempt=2) for ticket in tickets])

    assert (["queued", "queued"], ["sent", "sent"]) == (both_wait, states(store, number))
    assert ([1, 1, 1], [ticket.row for ticket in tickets]) == (van.loads, [sent.id for sent in van.sent])


# Replies as files


def reply(**more: object) -> Reply:
    given: dict[str, object] = {
        "id": "01a20659-82ea-7b96-8b19-69a20af559ed",
        "channel": "sms",
        "account": "",
        "to": "+821012345678",
        "text": "답변드립니다 ㅎㅎ",
        "kind": "answer",
        "case": "20261123-000001-0",
        "created_at": at("2026-11-23 10:00"),
        "in_reply_to": "SM1",
    }
    return Reply(**(given | more))  # type: ignore[arg-type]


async def test_a_reply_is_a_file(tmp_path: Path) -> None:
    """Its name says when, which case, what kind and which row; inside stands to whom, what, and to which message."""
    sender = FileSender(tmp_path / "outbox" / "sms")
    receipt = await sender.send(reply())
    (path,) = (tmp_path / "outbox" / "sms").iterdir()
    document = json.loads(path.read_text())

    assert "20261123T010000Z-20261123-000001-0-answer-01a20659-82ea-7b96-8b19-69a20af559ed.json" == path.name
    assert path.name == receipt.provider_id
    assert ("+821012345678", "답변드립니다 ㅎㅎ", "SM1") == (document["to"], document["text"], document["in_reply_to"])
    assert "link" not in document


async def test_a_reply_that_is_sent_again_is_the_same_file(tmp_path: Path) -> None:
    """A retry writes the same name, and the file can be asked for."""
    sender = FileSender(tmp_path)
    before = await sender.find(reply())
    await sender.send(reply())
    await sender.send(reply(attempt=2))

    assert (None, 1) == (before, len(list(tmp_path.iterdir())))
    assert Receipt(provider_id=file_name(reply())) == await sender.find(reply())


async def test_a_mail_lies_beside_it(tmp_path: Path) -> None:
    """Where mail can be composed, the mail itself is there too."""
    await FileSender(tmp_path, lambda made: made.text.encode()).send(reply(link="https://eungdapso.example/c/1/2"))

    assert [".eml", ".json"] == sorted(path.suffix for path in tmp_path.iterdir())
    assert "link" in next(tmp_path.glob("*.json")).read_text()


async def test_many_replies_are_written_together(tmp_path: Path) -> None:
    """A whole batch is on the disk when its replies are done."""
    sender = FileSender(tmp_path)
    await asyncio.gather(*(sender.send(reply(id=str(n))) for n in range(100)))
    await sender.close()

    assert 100 == len(list(tmp_path.glob("*.json")))


async def test_a_mail_that_cannot_be_composed_harms_no_other(tmp_path: Path) -> None:
    """One refused reply leaves its neighbours alone."""

    def compose(made: Reply) -> bytes:
        if made.id == "1":
            raise Rejected("an address with a line break")
        return b"mail"

    sender = FileSender(tmp_path, compose)
    done = await asyncio.gather(*(sender.send(reply(id=str(n))) for n in range(3)), return_exceptions=True)

    assert [Receipt, Rejected, Receipt] == [type(one) for one in done]


async def test_a_load_of_replies_is_written_in_one_go(tmp_path: Path) -> None:
    """Each reply of a load has its own verdict, in order."""

    def compose(made: Reply) -> bytes:
        if made.id == "1":
            raise Rejected("an address with a line break")
        return b"mail"

    done = await FileSender(tmp_path, compose).send_all([reply(id=str(n)) for n in range(3)])

    assert [Receipt, Rejected, Receipt] == [type(one) for one in done]
    assert 2 == len(list(tmp_path.glob("*.json")))


async def test_a_load_for_a_folder_that_cannot_be_written_waits(tmp_path: Path) -> None:
    """Every reply of the load is Unavailable."""
    (tmp_path / "outbox").write_text("in the way")
    done = await FileSender(tmp_path / "outbox" / "sms").send_all([reply(id="1"), reply(id="2")])

    assert [Unavailable, Unavailable] == [type(one) for one in done]


async def test_a_folder_that_cannot_be_written_means_later(tmp_path: Path) -> None:
    """A full disk or a missing right is Unavailable, not lost."""
    (tmp_path / "outbox").write_text("in the way")

    with pytest.raises(Unavailable, match="cannot be written"):
        await FileSender(tmp_path / "outbox" / "sms").send(reply())


def test_giving_up_takes_three_days() -> None:
    """As shipped, a reply is tried for three days."""
    assert timedelta(days=3) == timedelta(hours=Backoff().most_hours)
