"""One conversation a citizen and channel, never two citizens in one: in what every channel reads, and in the cases."""

from collections import defaultdict

import msgspec
import pytest

from cases.store import CaseStore
from core.message import Assurance, Author, Message
from tests.casework import SOFA, Time, answered, delivered, message, opened
from tests.test_connector_contract import CHANNELS, FIXTURES, connector_of

TOGETHER = "모두의 방"


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
