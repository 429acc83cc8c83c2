"""What X posts to the hook, beyond the contract suite: whom a post belongs to, whom it summons, what is left out."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors._x_settings import XSettings
from connectors.base import Request, Words
from connectors.x import X
from core.errors import Forged, Rejected
from core.message import Attachment, Location, Message

AT = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
CITY, TRAFFIC, CITIZEN = "1500000000000000120", "1500000000000000121", "1500000000000000001"
SECRET = "consumer-secret"
ENVIRONMENT = {"EUNGDAPSO_X_CONSUMER_SECRET": SECRET, "EUNGDAPSO_X_BEARER_TOKEN": "bearer"}
ACCOUNTS = {"Seoul_eds": {"id": CITY}, "Seoulgyotong": {"id": TRAFFIC}}


def x(environment: dict[str, str] | None = None, **settings: Any) -> X:
    made = XSettings.model_validate({"accounts": ACCOUNTS, **settings})
    return X("x", made, environment=ENVIRONMENT if environment is None else environment)


def request(body: bytes = b"", *, query: str = "", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="POST", url="", path="/hooks/x", query=query, headers=named, body=body, received_at=AT)


def post(text: str = "@Seoul_eds 가로등이 꺼졌어요", **more: Any) -> dict[str, Any]:
    named = [
        {"username": name, "id": account["id"]}
        for name, account in sorted(ACCOUNTS.items(), key=lambda one: text.find(one[0]))
        if f"@{name}" in text
    ]
    plain = {"id": "900", "text": text, "author_id": CITIZEN, "conversation_id": "900"}
    return {**plain, "entities": {"mentions": named}, **more}


def event(payload: Any, kind: str = "post.mention.create", *, who: str = CITY, **more: Any) -> bytes:
    data = {"event_uuid": "-1", "filter": {"user_id": who}, "event_type": kind, "payload": payload, **more}
    return json.dumps({"data": data}).encode()


def parsed(payload: Any, kind: str = "post.mention.create", *, part: X | None = None, **more: Any) -> list[Message]:
    return (part or x()).parse(request(event(payload, kind, **more)))


def one(payload: Any, kind: str = "post.mention.create", **more: Any) -> Message:
    return parsed(payload, kind, **more)[0]


# Authenticity.


def test_challenge_is_answered_at_any_time() -> None:
    """X's check is answered with the HMAC of its token, as often as it asks."""
    answer = x().challenge(request(query="nonce=n&crc_token=chal%20lenge"))
    digest = hmac.new(SECRET.encode(), b"chal lenge", hashlib.sha256).digest()

    assert answer is not None
    assert {"response_token": "sha256=" + base64.b64encode(digest).decode()} == json.loads(answer.body)
    assert "application/json" == answer.media_type


@pytest.mark.parametrize(("query", "environment", "status"), [("", ENVIRONMENT, 400), ("crc_token=a", {}, 403)])
def test_challenge_that_cannot_be_answered_is_refused(query: str, environment: dict[str, str], status: int) -> None:
    """Without a token to answer, or a secret to answer with, nothing is made up."""
    with pytest.raises(Rejected) as refusal:
        x(environment).challenge(request(query=query))

    assert status == refusal.value.status


def test_signature_is_of_the_raw_bytes() -> None:
    """The same event written another way is not what X signed."""
    body = event(post())
    claimed = "sha256=" + base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    x().verify(request(body, x_twitter_webhooks_signature=claimed), now=0)
    other = json.dumps(json.loads(body), ensure_ascii=False).encode()

    with pytest.raises(Forged):
        x().verify(request(other, x_twitter_webhooks_signature=claimed), now=0)


def test_what_send_says_is_taken() -> None:
    """What `eungdapso send` says is signed as X signs and comes through as these words."""
    words = "강남구 역삼동 <가로등> & 보도블록"
    said = x().spoken(Words(text=words, sender="", public_url="https://eungdapso.example", now=1_795_396_500.0))
    made = Request(
        method="POST", url="", path=said.path, query="", headers=said.headers, body=said.body, received_at=AT
    )
    x().verify(made, now=0)

    assert [words] == [message.text for message in x().parse(made)]


@pytest.mark.parametrize(
    ("environment", "settings", "missing"),
    [
        ({}, {}, ["EUNGDAPSO_X_CONSUMER_SECRET"]),
        ({"EUNGDAPSO_X_CONSUMER_SECRET": "s"}, {}, []),
        ({"EUNGDAPSO_X_BEARER_TOKEN": "b"}, {}, ["EUNGDAPSO_X_CONSUMER_SECRET"]),
        ({"EUNGDAPSO_X_BEARER_TOKEN": "b"}, {"api_url": "https://api.x.com"}, []),
    ],
)
def test_one_way_in_is_enough(environment: dict[str, str], settings: dict[str, str], missing: list[str]) -> None:
    """X listens when it can be called or can be asked; else it says what it lacks."""
    assert missing == list(x(environment, **settings).missing())


def test_nobody_is_asked_without_an_address() -> None:
    """As shipped nothing is asked and replies go to files."""
    assert not x().polls
    assert x().sender() is None


# Whose post it is, and whether it can be answered.


def test_account_is_the_first_that_is_named() -> None:
    """A post that names two accounts is one message, whichever of them X tells of it."""
    both = post("@Seoulgyotong @Seoul_eds 버스가 안 와요")

    assert one(both, who=CITY).identity == one(both, who=TRAFFIC).identity
    assert "Seoulgyotong" == one(both).account


def test_account_that_is_not_configured_is_called_by_its_name() -> None:
    """Without a table of accounts the account is what the post calls it."""
    assert "Seoul_eds" == one(post(), part=x(accounts={})).account


@pytest.mark.parametrize(
    ("payload", "kind", "replyable"),
    [
        (post(), "post.mention.create", True),
        (post("가로등이 꺼졌어요", in_reply_to_user_id=CITY), "post.reply.create", False),
        (post("@Seoul_eds 네", in_reply_to_user_id=CITY), "post.reply.create", True),
        (post("이건요?", referenced_tweets=[{"type": "quoted", "id": "5"}]), "post.quote.create", True),
        (post("서울시 가로등 왜 이래"), "post.create", False),
    ],
)
def test_only_whoever_summoned_us_is_answered(payload: Any, kind: str, replyable: bool) -> None:
    """A post can be answered when its author names one of our accounts or quotes it, and not otherwise."""
    message = one(payload, kind, who=CITIZEN if kind == "post.create" else CITY)

    assert replyable == message.replyable
    assert message.public


def test_quote_of_our_post_summons_the_account_that_wrote_it() -> None:
    """Whose post is quoted is known from what X sends along, or from the address."""
    quoting = post("왜요?", referenced_tweets=[{"type": "quoted", "id": "5"}])
    included = one(quoting, "post.create", who=CITIZEN, includes={"tweets": [{"id": "5", "author_id": TRAFFIC}]})
    urls = [{"url": "https://t.co/a", "expanded_url": "https://twitter.com/seoulgyotong/status/5"}]
    named = one({**quoting, "entities": {"urls": urls}}, "post.create", who=CITIZEN)

    assert ("Seoulgyotong", True) == (included.account, included.replyable)
    assert ("Seoulgyotong", True) == (named.account, named.replyable)


@pytest.mark.parametrize(
    "payload",
    [
        post(author_id=CITY),
        post(author_id=TRAFFIC),
        post("RT @Seoul_eds: 안내", referenced_tweets=[{"type": "retweeted", "id": "5"}]),
    ],
)
def test_own_posts_and_reposts_are_nothing(payload: Any) -> None:
    """What one of our accounts wrote, and what is only passed on, is no message."""
    assert [] == parsed(payload)


@pytest.mark.parametrize("kind", ["like.create", "follow.follow", "chat.received", "post.repost.create", "dm.sent"])
def test_other_events_are_nothing(kind: str) -> None:
    """What is subscribed to beside messages is taken and means nothing here."""
    assert [] == parsed({"id": "1"}, kind)


def test_two_citizens_are_never_in_one_conversation() -> None:
    """Below one post everybody has a conversation of their own with us."""
    first = one(post(conversation_id="7"))
    second = one(post(conversation_id="7", author_id="1500000000000000009"))

    assert first.conversation != second.conversation


# Words.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@Seoul_eds @Seoulgyotong 신호등이 꺼졌어요", "신호등이 꺼졌어요"),
        ("@SEOUL_EDS\n신호등", "신호등"),
        ("@friend @Seoul_eds 여기 봐 주세요", "@friend 여기 봐 주세요"),
        ("@Seoul_eds님 안녕하세요", "@Seoul_eds님 안녕하세요"),
        ("안녕하세요 @Seoul_eds 입니다", "안녕하세요 @Seoul_eds 입니다"),
        ("@Seoul_eds", "@Seoul_eds"),
        ("1 &lt; 2 &amp;amp; 3", "1 < 2 &amp; 3"),
        ("@Seoul_eds 가로등", "가로등"),
    ],
)
def test_words_are_the_citizens(text: str, words: str) -> None:
    """Our names at the beginning go, all else stays; signs are spelled out once; letters are whole."""
    assert words == one(post(text)).text


def test_short_links_are_spelled_out() -> None:
    """t.co says nothing: what it stands for is in the text, pictures are attached instead."""
    urls = [
        {"url": "https://t.co/ab", "expanded_url": "https://a.example/?x=1&y=2"},
        {"url": "https://t.co/abc", "expanded_url": "https://x.com/u/status/900/photo/1"},
        {"url": "", "expanded_url": "https://evil.example"},
        {"url": "가", "expanded_url": "https://evil.example"},
    ]
    message = one(post("가 보세요 https://t.co/ab https://t.co/abc", entities={"urls": urls}))

    assert "가 보세요 https://a.example/?x=1&y=2" == message.text


@pytest.mark.parametrize(
    ("geo", "places", "expected"),
    [
        ({"coordinates": {"coordinates": [127.0, 37.5]}}, [], Location(37.5, 127.0)),
        ({"place_id": "p"}, [{"id": "p", "geo": {"bbox": [127.0, 37.5, 127.02, 37.52]}}], Location(37.51, 127.01)),
        ({"place_id": "p"}, [{"id": "p", "geo": {"bbox": [126.7, 37.4, 127.2, 37.7]}}], None),
        ({"coordinates": {"coordinates": [999.0, 37.5]}}, [], None),
        ({"place_id": "q"}, [], None),
    ],
)
def test_place_is_where_it_is_small(geo: Any, places: Any, expected: Location | None) -> None:
    """A point, or a place no larger than a neighbourhood, is the location; a whole city is none."""
    found = one(post(geo=geo), includes={"places": places}).location

    assert (expected and (expected.lat, expected.lon)) == (found and (round(found.lat, 6), round(found.lon, 6)))


# Versions.


def test_edit_is_another_version_of_the_same_message() -> None:
    """An edited post keeps the id that it had first."""
    first = one(post(edit_history_tweet_ids=["900"]))
    edited = one(post(id="901", edit_history_tweet_ids=["900", "901"]))

    assert ("900", "1", "") == (first.native_id, first.version, first.change)
    assert ("900", "901", "edit", "900") == (edited.native_id, edited.version, edited.change, edited.in_reply_to)
    assert first.conversation == edited.conversation


def test_removal_reaches_every_account() -> None:
    """X tells of a removed post by its author: it is removed wherever it was taken."""
    removals = parsed({"id": "900", "author_id": CITIZEN}, "post.delete", who=CITIZEN)

    assert ["Seoul_eds", "Seoulgyotong"] == [message.account for message in removals]
    assert {("900", "removed", "removal", "")} == {(m.native_id, m.version, m.change, m.text) for m in removals}


def test_own_post_that_is_removed_is_nothing() -> None:
    """What we take back ourselves is no removal of a citizen's."""
    assert [] == parsed({"id": "900", "author_id": CITY}, "post.delete")


# Direct messages.


def direct(**changes: Any) -> dict[str, Any]:
    create = {"target": {"recipient_id": CITY}, "sender_id": CITIZEN, "message_data": {"text": "여권은 어디서?"}}
    event = {"type": "message_create", "id": "77", "created_timestamp": "1795396460123", "message_create": create}
    return {"direct_message_events": [{**event, **changes}]}


def test_direct_message_is_private() -> None:
    """A direct message is read by nobody else, and is answered to its author."""
    message = one(direct(), "dm.received")

    assert (False, True, CITIZEN, "Seoul_eds") == (
        message.public,
        message.replyable,
        message.reply_to,
        message.account,
    )
    assert datetime(2026, 11, 23, 1, 14, 20, 123000, UTC) == message.sent_at


def test_direct_message_in_the_newer_shape_is_the_same() -> None:
    """The shape that X's version 2 asks for is understood as well."""
    newer = {"id": "77", "event_type": "MessageCreate", "sender_id": CITIZEN, "text": "여권은 어디서?"}

    assert one(direct(), "dm.received").identity == one(newer, "dm.received").identity


def test_own_direct_message_is_nothing() -> None:
    """What an account of ours writes comes back to us and is dropped."""
    create = {"target": {"recipient_id": CITIZEN}, "sender_id": CITY, "message_data": {"text": "답변입니다"}}

    assert [] == parsed(direct(message_create=create), "dm.received")


def test_file_of_a_direct_message_is_fetched_in_the_name_of_its_account() -> None:
    """Such a file is only given to who got it; the request is signed for it, and others' files need nothing."""
    secrets = {"CONSUMER_KEY": "ck", "ACCESS_TOKEN_SEOUL_EDS": "at", "ACCESS_TOKEN_SECRET_SEOUL_EDS": "ats"}
    part = x({**ENVIRONMENT, **{f"EUNGDAPSO_X_{name}": value for name, value in secrets.items()}})
    locator = part.locator()
    assert locator is not None
    private = asyncio.run(locator.locate(Attachment(place="x-dm:Seoul_eds:https://ton.twitter.com/a.jpg")))
    public = asyncio.run(locator.locate(Attachment(place="https://pbs.twimg.com/a.jpg")))

    assert "https://ton.twitter.com/a.jpg" == private.url
    assert private.headers["Authorization"].startswith('OAuth oauth_nonce="')
    assert ("https://pbs.twimg.com/a.jpg", {}) == (public.url, public.headers)


def test_file_without_a_token_is_gone() -> None:
    """Where nothing is set to speak for the account, the file cannot be had."""
    locator = x().locator()
    assert locator is not None

    with pytest.raises(Rejected, match="no token is set"):
        asyncio.run(locator.locate(Attachment(place="x-dm:Seoul_eds:https://ton.twitter.com/a.jpg")))


@pytest.mark.parametrize("name", ["id", "author_id"])
def test_missing_field_is_named(name: str) -> None:
    """An authentic post without what a message needs is refused with the field's name."""
    payload = {key: value for key, value in post().items() if key != name}

    with pytest.raises(Rejected, match=name) as refusal:
        parsed(payload)

    assert 422 == refusal.value.status


def test_cost_of_calls_is_remembered() -> None:
    """X charges for what it posts to us; that is counted with the next thing that is."""
    part = x()
    messages = [*parsed(post()), *parsed(direct(), "dm.received")]
    part.thanks(request(), messages)

    assert "0.015" == str(part._spent._owed)
    assert msgspec.structs.replace(messages[0], id="") == messages[0]
