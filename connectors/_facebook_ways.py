"""Which way a letter goes at Facebook, and whether it is still open: a comment, a private reply, a message."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from connectors._facebook_feed import FEED_ID
from connectors._facebook_graph import WINDOW, Graph
from connectors._facebook_settings import FacebookSettings
from connectors._parts import parts
from core.clock import Clock
from core.errors import Rejected
from core.reply import Reply

_PERSON = re.compile(r"[0-9]{1,25}", re.ASCII)
_INSTEAD = "담당자가 다른 연락 방법으로 알려야 합니다"


class Page(msgspec.Struct, frozen=True):
    """One page and the line that speaks for it."""

    id: str
    graph: Graph


class Way(msgspec.Struct, frozen=True):
    """Where a letter goes: what is posted with its words. `may_be_tagged`: an officer's words may still go by the tag
    when Facebook finds them late."""

    path: str
    body: Mapping[str, Any]
    texts: tuple[str, ...]
    is_comment: bool = False
    is_private: bool = False
    may_be_tagged: bool = False


class Ways:
    """What others can read stands below the comment. Every other letter about a comment is a private reply, of which
    Facebook takes one. All others are messages, for as long as Messenger lets us."""

    def __init__(self, settings: FacebookSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def of(self, page: Page, reply: Reply, *, is_past: bool = False) -> Way:
        """Returns the way; raises `Rejected` when it is closed by now, which does not matter for what is past."""
        age = timedelta() if is_past or reply.asked_at is None else self._clock() - reply.asked_at
        is_comment = FEED_ID.fullmatch(reply.in_reply_to) is not None
        if reply.public and not is_comment:
            raise Rejected("there is no comment to reply to")
        if reply.public:
            texts = parts(reply.text, self._settings.most_comment_characters)
            return Way(f"{reply.in_reply_to}/comments", {}, tuple(texts), is_comment=True)
        return self._private(page, reply, age) if is_comment else self._message(page, reply, age)

    def _private(self, page: Page, reply: Reply, age: timedelta) -> Way:
        days = self._settings.private_days
        if age > timedelta(days=days):
            raise Rejected(f"댓글에 비공개로 답할 수 있는 {days:g}일이 지났습니다. {_INSTEAD}")
        # A visitor's post begins with the page's number, a comment with that of what stands above it.
        named = "post_id" if reply.in_reply_to.startswith(f"{page.id}_") else "comment_id"
        body = {"recipient": {named: reply.in_reply_to}}
        return Way(f"{page.id}/messages", body, self._shortened(reply), is_private=True)

    def _message(self, page: Page, reply: Reply, age: timedelta) -> Way:
        if not _PERSON.fullmatch(reply.to):
            raise Rejected("the recipient is no number of Facebook")
        hours, days = self._settings.answer_hours, self._settings.officer_days
        may_be_tagged = not reply.automatic and days > 0
        is_early = age <= timedelta(hours=hours)
        if not is_early and not may_be_tagged:
            raise Rejected(f"{WINDOW}: 시민의 마지막 메시지 뒤 {hours:g}시간까지입니다. {_INSTEAD}")
        if not is_early and age > timedelta(days=days):
            raise Rejected(f"{WINDOW}: 담당자의 답변도 시민의 마지막 메시지 뒤 {days:g}일까지입니다. {_INSTEAD}")
        body = {"recipient": {"id": reply.to}, "messaging_type": "RESPONSE"}
        texts = tuple(parts(reply.text, self._settings.most_characters))
        way = Way(f"{page.id}/messages", body, texts, may_be_tagged=may_be_tagged)
        return way if is_early else tagged(way)

    def _shortened(self, reply: Reply) -> tuple[str, ...]:
        """Returns the one text that a private reply may be."""
        most = self._settings.most_characters
        whole = parts(reply.text, most)
        if len(whole) < 2:
            return tuple(whole)
        contact = self._settings.contact
        call = f"문의 {contact}" if re.search("[가-힣]", reply.text) else f"Call {contact}"
        rest = f"… {reply.link or call}"
        begun = reply.text.replace(reply.link, "") if reply.link else reply.text
        return (f"{parts(begun, most - len(rest) - 1)[0]}\n{rest}",)


def tagged(way: Way) -> Way:
    """Returns the way of what an officer wrote later than a day after the citizen."""
    body = {**way.body, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    return msgspec.structs.replace(way, body=body, may_be_tagged=False)
