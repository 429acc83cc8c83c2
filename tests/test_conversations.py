"""One conversation a citizen and channel, never two citizens in one: in what every channel reads, and in the cases."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec
import pytest
from msgspec import structs

from cases.means import Options
from cases.store import CaseStore
from core.message import Assurance, Author, DeliveryReport, Message
from tests.casework import SOFA, WASTE, Time, answered, delivered, dispatched, mail, make_store, message, opened
from tests.test_connector_contract import CHANNELS, FIXTURES, connector_of

TOGETHER = "모두의 방"


@pytest.fixture
def chats(url: str, time: Time) -> Iterator[CaseStore]:
    """A store that knows the messages of chats by their ids."""
    made = make_store(url, time, options=Options(named=frozenset({"telegram"})))
    yield made
    made.close()


def read_on(channel: str) -> list[Message]:
    """Returns what the recordings of a channel become, without reports on what we sent."""
    paths = sorted((FIXTURES / channel).glob("*.message.json"))
    messages = [msgspec.json.decode(path.read_bytes(), type=Message) for path in paths]
    return [message for message in messages if message.report is None and message.author.handle]


def chat_of(who: str, text: str, time: Time, room: str) -> Message:
    author = Author(handle=who, assurance=Assurance.CHANNEL_VERIFIED)
    return message(text, time, channel="telegram", account="Seoul", author=author, reply_to=who, conversation=room)


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_conversation_has_two_citizens(channel: str) -> None:
    """Whatever stands in the payload: what two people write never has the same conversation."""
    authors: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in read_on(channel):
        authors[one.account, one.conversation].add(one.author.handle)

    assert [] == [each for each in authors.values() if len(each) > 1]


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_citizen_has_one_conversation(channel: str) -> None:
    """In private, where what comes next is known by its author: not by a mail's thread, nor by the page of a form."""
    each_alone = {"form", "open311", "record"}
    conversations: dict[tuple[str, str], set[str]] = defaultdict(set)
    private = [one for one in read_on(channel) if not one.public]
    for one in private if channel not in each_alone and not connector_of(channel).is_threaded else ():
        conversations[one.account, one.author.handle].add(one.conversation)

    assert [] == [each for each in conversations.values() if len(each) > 1]


def test_two_citizens_in_one_room_have_their_own_cases(store: CaseStore, time: Time) -> None:
    """Even where a channel gives them one conversation, the next word of one says nothing about the other's case."""
    number = opened(store, answered(chat_of("one", SOFA, time, TOGETHER)))
    delivered(store, time)
    mine, another = (chat_of(who, "담당자", time, TOGETHER) for who in ("one", "two"))

    assert [number, ""] == [context.reply_to_case for context in store.contexts([mine, another])]


def test_one_citizen_on_two_accounts_has_two_conversations(store: CaseStore, time: Time) -> None:
    """What is asked of the district is not continued at the city."""
    opened(store, answered(chat_of("one", SOFA, time, TOGETHER)))
    delivered(store, time)
    elsewhere = msgspec.structs.replace(chat_of("one", "담당자", time, TOGETHER), account="Gangnam")

    assert [""] == [context.reply_to_case for context in store.contexts([elsewhere])]


def test_the_same_id_on_another_account_is_another_message(chats: CaseStore, time: Time) -> None:
    """Chats count their messages anew for each bot: who answers message 7 of one does not answer 7 of the other."""
    first = structs.replace(chat_of("one", SOFA, time, TOGETHER), native_id="10:7")
    number = opened(chats, answered(first))
    delivered(chats, time)
    answer = structs.replace(chat_of("one", "담당자", time, "다른 방"), native_id="10:8", in_reply_to="10:7")
    elsewhere = structs.replace(answer, id="elsewhere", account="Gangnam")

    assert [number, ""] == [context.reply_to_case for context in chats.contexts([answer, elsewhere])]


def test_an_id_that_others_have_too_hides_nobody(chats: CaseStore, time: Time) -> None:
    """Whoever makes a message of the same id elsewhere cannot keep a citizen from their own case."""
    first = structs.replace(chat_of("one", SOFA, time, TOGETHER), native_id="10:7")
    number = opened(chats, answered(first))
    forged = structs.replace(chat_of("two", WASTE, time, "둘"), native_id="10:7", account="Gangnam")
    opened(chats, answered(forged))
    answer = structs.replace(chat_of("one", "담당자", time, "다른 방"), native_id="10:8", in_reply_to="10:7")

    assert [number] == [context.reply_to_case for context in chats.contexts([answer])]


def test_a_report_is_about_its_own_channel(chats: CaseStore, time: Time) -> None:
    """A mail that claims that a post did not arrive changes nothing: what is public would else be anybody's to undo."""
    number = opened(chats, answered(chat_of("one", SOFA, time, TOGETHER)))
    (letter,) = delivered(chats, time)
    report = DeliveryReport(action="failed", status="5.1.1", original_id=letter.id)
    chats.record([dispatched(mail("returned", time, report=report))])

    assert [] == chats.trouble.listed()
    assert "undeliverable" not in [line.what for line in chats.views.history(number)]
