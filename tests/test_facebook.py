"""What Facebook's batches become, who may ask for the hook, and what is nobody's words to us."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors._facebook_settings import FacebookSettings
from connectors.base import Request, Words
from connectors.facebook import Facebook
from core.errors import ConfigError, Forged, Rejected
from core.hook import arrivals
from core.message import Arrival, Location, Message
from tests.facebook_provider import (
    AT,
    CITIZEN,
    MAYOR,
    OTHER,
    PAGE,
    POST,
    SECRETS,
    batch,
    comment,
    feed,
    message,
    messaging,
    signed,
)
from web.hooks import Hooks

NOW = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
LAMP = "송파구 잠실동 석촌호수 산책로 가로등이 꺼졌어요. 고쳐주세요"
ACCOUNTS = {"Seoul_eungdapso": {"id": PAGE}, "mayor.page": {"id": MAYOR}}


def facebook(**settings: Any) -> Facebook:
    given = {"accounts": ACCOUNTS, **settings}
    return Facebook("facebook", FacebookSettings.model_validate(given), environment=SECRETS)


def request(body: bytes = b"", *, query: str = "", headers: dict[str, str] | None = None) -> Request:
    return Request(
        method="POST" if body else "GET",
        url=f"https://eungdapso.example/hooks/facebook{'?' if query else ''}{query}",
        path="/hooks/facebook",
        query=query,
        headers=signed(body) if headers is None else headers,
        body=body,
        received_at=NOW,
    )


def parsed(*entries: dict[str, Any]) -> list[Message]:
    return facebook().parse(request(batch(*entries)))


# Who asks.


def test_challenge_is_given_back_as_it_came() -> None:
    """Whoever knows the token gets the challenge back, and nothing else."""
    asked = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-me"
    answer = facebook().challenge(request(query=asked))

    assert answer is not None
    assert (200, b"1158201444") == (answer.status, answer.body)
    assert answer.media_type.startswith("text/plain")


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=verify-me",
        "hub.mode=subscribe&hub.verify_token=verify-me",
        "hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=verify-me",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=%FF%ED%A0%80",
    ],
)
def test_who_does_not_know_the_token_is_refused(asked: str) -> None:
    """A question without the right token, the right mode or a challenge that is one is refused with 403."""
    with pytest.raises(Rejected) as refusal:
        facebook().challenge(request(query=asked))

    assert 403 == refusal.value.status


def test_without_a_token_nobody_may_ask() -> None:
    """Where no token is set an empty one is no key."""
    part = Facebook("facebook", FacebookSettings(), environment={})
    with pytest.raises(Rejected) as refusal:
        part.challenge(request(query="hub.mode=subscribe&hub.challenge=1&hub.verify_token="))

    assert 403 == refusal.value.status


def test_signature_covers_the_octets_as_they_came() -> None:
    """The same JSON written otherwise is not what was signed."""
    body = batch(feed(comment("1_2", LAMP)))
    facebook().verify(request(body), now=0)
    other = msgspec.json.encode(msgspec.json.decode(body))

    with pytest.raises(Forged):
        facebook().verify(request(other, headers=signed(body)), now=0)


@pytest.mark.parametrize("change", [str.upper, lambda text: text.removeprefix("sha256="), lambda text: f" {text}"])
def test_signature_is_taken_as_it_is_written(change: Callable[[str], str]) -> None:
    """Nothing but the signature as Facebook writes it opens the door."""
    body = batch(feed(comment("1_2", LAMP)))
    headers = {"x-hub-signature-256": change(signed(body)["x-hub-signature-256"])}

    with pytest.raises(Forged):
        facebook().verify(request(body, headers=headers), now=0)


def test_old_signature_alone_is_refused() -> None:
    """The header of old, made with SHA-1, proves nothing."""
    body = batch(feed(comment("1_2", LAMP)))

    with pytest.raises(Forged):
        facebook().verify(request(body, headers={"x-hub-signature": "sha1=" + "0" * 40}), now=0)


@pytest.mark.parametrize(
    ("environment", "settings", "missing"),
    [
        ({}, {}, ["EUNGDAPSO_CITY_PAGES_APP_SECRET", "EUNGDAPSO_CITY_PAGES_VERIFY_TOKEN"]),
        ({"EUNGDAPSO_CITY_PAGES_APP_SECRET": "s"}, {}, ["EUNGDAPSO_CITY_PAGES_VERIFY_TOKEN"]),
        ({"EUNGDAPSO_CITY_PAGES_APP_SECRET": "s", "EUNGDAPSO_CITY_PAGES_VERIFY_TOKEN": "v"}, {}, []),
    ],
)
def test_missing_secrets_are_named(environment: dict[str, str], settings: dict[str, Any], missing: list[str]) -> None:
    """Without what the webhook needs the channel does not start, and says all of it."""
    part = Facebook("city_pages", FacebookSettings.model_validate(settings), environment=environment)

    assert missing == [*part.missing()]


def test_answers_without_any_token_are_told() -> None:
    """Where answers are to go out and no page has a token, letters would become files that nobody reads."""
    secrets = {"EUNGDAPSO_FACEBOOK_APP_SECRET": "s", "EUNGDAPSO_FACEBOOK_VERIFY_TOKEN": "v"}
    settings = FacebookSettings.model_validate({"accounts": ACCOUNTS, "api_url": "https://graph.facebook.com"})
    one = {**secrets, "EUNGDAPSO_FACEBOOK_PAGE_TOKEN_MAYOR_PAGE": "t"}

    assert "EUNGDAPSO_FACEBOOK_PAGE_TOKEN" in Facebook("facebook", settings, environment=secrets).missing()[0]
    assert [] == [*Facebook("facebook", settings, environment=one).missing()]


# Batches.


def test_thousand_updates_are_a_thousand_messages() -> None:
    """A batch of a thousand mixed updates is read whole, and within the size that is let in."""
    entries = [feed(comment(f"1_{n}", LAMP * 9)) if n % 2 else messaging(message(f"m_{n}", LAMP)) for n in range(1_000)]
    body = batch(*entries)

    assert 1_000 == len({found.native_id for found in facebook().parse(request(body))})
    assert len(body) < Facebook.most_bytes


def test_longest_comments_fit_into_a_batch() -> None:
    """A batch of a hundred comments of 8,000 escaped characters is let in."""
    body = batch(*[feed(comment(f"1_{n}", "가" * 8_000)) for n in range(100)])

    assert len(body) < Facebook.most_bytes


def test_each_message_of_a_batch_keeps_its_own_part() -> None:
    """With every message of a batch lies its own part of the payload, which is a batch itself and says the same."""
    entries = [feed(comment("1_1", LAMP), comment("1_2", "둘")), messaging(message("m_1", "셋"))]
    part, asked = facebook(), request(batch(*entries))
    messages = part.parse(asked)
    made = arrivals("facebook", messages, asked.body, pieces=part.pieces(asked, messages))
    again = [part.parse(request(one.raw)) for one in made]

    assert [[message] for message in messages] == again
    assert all(len(one.raw) < len(asked.body) for one in made)
    assert 3 == len({one.message.raw_digest for one in made if one.message})


async def test_door_keeps_the_parts_of_a_batch() -> None:
    """Through the door a batch of many is made durable part by part; one of one message as it came."""
    taken: list[Arrival] = []
    several, alone = batch(feed(comment("1_1", LAMP), comment("1_2", "둘"))), batch(feed(comment("1_3", LAMP)))

    async def accept(made: Sequence[Arrival]) -> None:
        taken.extend(made)

    async def send(_event: Any) -> None:
        return None

    hooks = Hooks({"facebook": facebook()}, accept, lambda: NOW, "https://eungdapso.example")
    for body in (several, alone):
        headers = [(name.encode(), value.encode()) for name, value in signed(body).items()]
        scope = {"type": "http", "method": "POST", "path": "/hooks/facebook", "query_string": b"", "headers": headers}

        async def receive(said: bytes = body) -> Any:
            return {"type": "http.request", "body": said, "more_body": False}

        await hooks(scope, receive, send)

    assert ["1_1", "1_2", "1_3"] == [one.native_id for one in taken]
    assert [False, False, True] == [one.raw in (several, alone) for one in taken]


BAD: list[Any] = [
    None,
    7,
    [],
    {"id": []},
    {"id": PAGE, "changes": {}},
    {"id": PAGE, "changes": [None]},
    {"id": PAGE, "changes": [{"field": "feed", "value": {"item": "comment", "verb": "add", "comment_id": "<b>"}}]},
    {"id": PAGE, "messaging": [{"sender": {"id": "nobody"}, "message": {"mid": "m_1"}}]},
    {"id": PAGE, "messaging": [{"sender": {"id": CITIZEN}, "message": {"text": "no id"}}]},
]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_bad_entry_does_not_refuse_the_good_ones(bad: Any) -> None:
    """What can be read is taken; what cannot is kept beside it, as something that nobody wrote."""
    found = parsed(bad, feed(comment("1_2", LAMP)), bad)
    unread = [one for one in found[1:] if one.signals == ("automatic: an update that cannot be read",)]

    assert ("1_2", LAMP) == (found[0].native_id, found[0].text)
    assert 2 == len(unread)
    assert not any(one.replyable for one in unread)


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_batch_of_nothing_but_bad_entries_is_refused(bad: Any) -> None:
    """Only a batch with nothing else in it is no message."""
    with pytest.raises(Rejected):
        parsed(bad, feed({"item": "reaction", "verb": "add"}))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"object": 1}', b'{"object": "page", "entry": {}}'])
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    """Authentic octets that are no batch are refused with 400."""
    with pytest.raises(Rejected) as refusal:
        facebook().parse(request(body))

    assert 400 == refusal.value.status


# What nobody said to us.


@pytest.mark.parametrize(
    "entry",
    [
        feed(comment("1_2", "접수하였습니다", author=PAGE)),
        feed(comment("1_2", "시장입니다", author=MAYOR)),
        feed(comment("1_2", "다른 페이지", author="77"), page="77"),
        feed(comment("1_2", LAMP, verb="hide")),
        feed(comment("1_2", LAMP, verb="unhide")),
        feed(comment("1_2", LAMP, verb="hide", item="a thing of next year")),
        feed({"item": "reaction", "verb": "add", "reaction_type": "love", "post_id": POST, "from": {"id": CITIZEN}}),
        feed({"item": "like", "verb": "add", "post_id": POST, "from": {"id": CITIZEN}}),
        feed({"item": "status", "verb": "add", "post_id": POST, "from": {"id": CITIZEN}, "published": 0}),
        {"id": PAGE, "time": AT, "changes": [{"field": "ratings", "value": {"rating": 5}}]},
        messaging(message("m_1", "접수하였습니다", sender=PAGE, page=CITIZEN, is_echo=True)),
        messaging(message("m_1", "접수하였습니다", sender=PAGE, page=CITIZEN)),
        messaging({"sender": {"id": CITIZEN}, "recipient": {"id": PAGE}, "read": {"watermark": AT}}),
        messaging({"sender": {"id": CITIZEN}, "recipient": {"id": PAGE}, "delivery": {"mids": ["m_1"]}}),
        messaging(
            {"sender": {"id": CITIZEN}, "recipient": {"id": PAGE}, "reaction": {"mid": "m_1", "action": "react"}}
        ),
        messaging({"sender": {"id": CITIZEN}, "something": {"of": "next year"}}),
        {"id": PAGE, "standby": [message("m_1", LAMP)]},
        {"id": PAGE, "time": AT},
    ],
    ids=lambda entry: str(entry)[40:120],
)
def test_what_nobody_said_to_us_is_nothing(entry: dict[str, Any]) -> None:
    """Our own words, reactions, receipts, hidings and fields of other things are taken and are no messages."""
    assert [] == parsed(entry)


def test_other_objects_are_nothing() -> None:
    """What is for others than pages is taken and is no message."""
    assert [] == facebook().parse(request(b'{"object":"instagram","entry":[{"id":"1"}]}'))


# The feed.


def test_comment_can_be_read_by_others() -> None:
    """A comment is public, of a verified author, and its citizen's conversation is that post."""
    first, second, other = parsed(
        feed(comment("1_2", LAMP), comment("1_3", "아직도요", parent="1_2"), comment("1_4", "저도요", author=OTHER))
    )

    assert first.public
    assert ("Seoul_eungdapso", CITIZEN, CITIZEN) == (first.account, first.author.handle, first.reply_to)
    assert (first.conversation, "1_2") == (second.conversation, second.in_reply_to)
    assert first.conversation != other.conversation


def test_people_who_are_not_named_are_not_one_person() -> None:
    """Without an author every comment is a conversation of its own, which is answered below it."""
    unnamed = [{key: value for key, value in comment(f"1_{n}", LAMP).items() if key != "from"} for n in (1, 2)]
    first, second = parsed(feed(*unnamed))

    assert first.conversation != second.conversation
    assert ("", "1_1") == (first.author.handle, first.reply_to)


def test_edit_is_another_version() -> None:
    """An edit names the comment it is of; two of them in one second are two, a redelivery is the same."""
    edits = [comment("1_2", text, verb="edited", created_time=AT + 9) for text in ("하나", "둘", "하나")]
    added, one, two, again = parsed(feed(comment("1_2", LAMP), *edits))

    assert ["", "edit", "edit"] == [added.change, one.change, two.change]
    assert "1_2" == one.native_id == one.in_reply_to
    assert 3 == len({added.identity, one.identity, two.identity})
    assert one.identity == again.identity


def test_expiring_addresses_make_no_new_version() -> None:
    """A picture's address is signed anew every time; the edit stays the same."""
    urls = [f"https://scontent.xx.fbcdn.net/v/1_n.jpg?oe={n}" for n in (1, 2)]
    one, again = parsed(feed(*[comment("1_2", LAMP, verb="edited", photo=url) for url in urls]))

    assert one.identity == again.identity


def test_removal_has_no_words() -> None:
    """A comment that was taken back is a removal, whatever words come with it, and is not answered."""
    (found,) = parsed(feed(comment("1_2", LAMP, verb="remove")))

    assert ("removal", "removed", "", False) == (found.change, found.version, found.text, found.replyable)
    assert "1_2" == found.in_reply_to


def test_post_of_a_visitor_is_a_message() -> None:
    """What a visitor writes on the page is known by the post, as are the comments of theirs below it."""
    own = {"item": "status", "verb": "add", "post_id": POST, "from": {"id": CITIZEN}, "message": LAMP}
    post, below = parsed(feed(own, comment("1_2", "아직도요")))

    assert (POST, LAMP) == (post.native_id, post.text)
    assert (post.conversation, POST) == (below.conversation, below.in_reply_to)


def test_comment_of_nothing_is_kept_unanswered() -> None:
    """A comment without anything that can be read, as a sticker is, opens no case."""
    (found,) = parsed(feed(comment("1_2", "")))

    assert ("automatic: nothing that can be read",) == found.signals
    assert not found.replyable


def test_old_names_of_the_author_are_known() -> None:
    """Where the author stands as a bare number, as older versions have it, it is the same person."""
    value = {key: value for key, value in comment("1_2", LAMP).items() if key != "from"}
    (found,) = parsed(feed({**value, "sender_id": int(CITIZEN), "sender_name": "시민"}))

    assert (CITIZEN, "시민") == (found.author.handle, found.author.name)


# Messenger.


def test_message_is_private_and_its_citizens_own() -> None:
    """A message is read by nobody else; two citizens on a page, and one on two pages, are different conversations."""
    mine, other, elsewhere = parsed(
        messaging(message("m_1", LAMP), message("m_2", LAMP, sender=OTHER)),
        messaging(message("m_3", LAMP, page=MAYOR), page=MAYOR),
    )

    assert not mine.public
    assert 3 == len({mine.conversation, other.conversation, elsewhere.conversation})
    assert ("mayor.page", datetime.fromtimestamp(AT, UTC)) == (elsewhere.account, elsewhere.sent_at)


def test_page_that_is_not_configured_is_its_number() -> None:
    """A page without a handle is known by its number, and its own words are still no message."""
    found = parsed(messaging(message("m_1", LAMP, page="77"), message("m_2", "우리", sender="77"), page="77"))

    assert ["77"] == [one.account for one in found]


def test_location_without_a_place_is_left_out() -> None:
    """A location that is none does not refuse the words beside it."""
    points = [
        {"lat": 91, "long": 127},
        {"lat": "37", "long": 127},
        {"lat": True, "long": 1},
        {"lat": 37.5, "long": 127},
    ]
    files = [{"type": "location", "payload": {"coordinates": point}} for point in points]
    none, some = parsed(messaging(message("m_1", LAMP, attachments=files[:3]), message("m_2", "", attachments=files)))

    assert (LAMP, None) == (none.text, none.location)
    assert Location(37.5, 127.0) == some.location


def test_address_that_is_shared_is_not_said_twice() -> None:
    """The preview of an address that stands in the text adds only its title."""
    text = "여기요 https://news.example/pothole"
    file = {"type": "fallback", "title": "도로 파손", "url": "https://news.example/pothole"}
    (found,) = parsed(messaging(message("m_1", text, attachments=[file])))

    assert f"{text}\n도로 파손" == found.text


def test_press_without_an_id_is_known_by_its_moment() -> None:
    """Older versions give presses no id: the same press is the same, another is another."""
    press = {"sender": {"id": CITIZEN}, "recipient": {"id": PAGE}, "postback": {"title": "담당 부서", "payload": "F"}}
    one, again, other = parsed(
        messaging({**press, "timestamp": AT}, {**press, "timestamp": AT}, {**press, "timestamp": AT + 1})
    )

    assert one.identity == again.identity != other.identity


def test_message_taken_back_is_a_removal() -> None:
    """A message that its author took back is a removal of that message."""
    (found,) = parsed(messaging(message("m_1", LAMP, is_deleted=True)))

    assert ("m_1", "removal", "") == (found.native_id, found.change, found.text)


# What `send` says.


def test_what_send_says_is_let_in() -> None:
    """`eungdapso send` speaks as Messenger does."""
    spoken = facebook().spoken(Words(text=LAMP, sender=OTHER, public_url="https://eungdapso.example", now=AT))
    asked = request(spoken.body, headers=dict(spoken.headers))
    facebook().verify(asked, now=AT)
    (found,) = facebook().parse(asked)

    assert (LAMP, OTHER, "Seoul_eungdapso") == (found.text, found.author.handle, found.account)


def test_send_says_what_is_missing() -> None:
    """Without the secret, and for somebody who is no number, `send` says what is wrong."""
    words = Words(text=LAMP, sender="@citizen", public_url="", now=AT)
    with pytest.raises(ConfigError, match="EUNGDAPSO_FACEBOOK_APP_SECRET"):
        Facebook("facebook", FacebookSettings(), environment={}).spoken(words)
    with pytest.raises(ConfigError, match="number"):
        facebook().spoken(words)
