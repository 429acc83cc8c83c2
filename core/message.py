"""What flows in: an Arrival at the door, and the Message that every channel's payload becomes."""

from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Literal

import msgspec


class Assurance(StrEnum):
    """How sure we are who wrote."""

    ANONYMOUS = "anonymous"
    SELF_DECLARED = "self-declared"
    CHANNEL_VERIFIED = "channel-verified"


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote: `handle` is the address, number or id that the channel knows them by ("" when unknown)."""

    handle: str = ""
    name: str = ""
    assurance: Assurance = Assurance.ANONYMOUS


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that came along. `size` in bytes; `digest` is SHA-256 in hex; `place` is where the bytes are.

    That is `raw:<n>`, the n-th part of the raw payload, or the provider's address or id of it: then size and digest
    are not known before it was fetched.
    """

    name: str = ""
    media_type: str = "application/octet-stream"
    size: int = 0
    digest: str = ""
    place: str = ""


class Location(msgspec.Struct, frozen=True):
    """WGS 84, in degrees."""

    lat: float
    lon: float


class DeliveryReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail system says became of a message of ours (RFC 3464): `action` is failed, delayed, delivered, …"""

    action: str
    status: str = ""
    recipient: str = ""
    original_id: str = ""
    # How the provider names what it reports on, where `original_id` is our own name: tells one try from another.
    provider_id: str = ""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What an office answered by word of mouth before it filed the message: `answer` is its record, "" for none."""

    by: str
    answer: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of one citizen, the same for every channel. Text is NFC, plain, resident numbers masked."""

    id: str
    channel: str
    account: str
    native_id: str
    received_at: datetime
    version: str = "1"
    conversation: str = ""
    author: Author = Author()
    text: str = ""
    subject: str = ""
    language: str = ""
    attachments: tuple[Attachment, ...] = ()
    location: Location | None = None
    sent_at: datetime | None = None
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    # Where an answer goes; "" means: nowhere is known.
    reply_to: str = ""
    replyable: bool = True
    public: bool = False
    # Why the channel thinks that no person wrote this, e.g. "auto-submitted: auto-replied"; empty for people's mail.
    signals: tuple[str, ...] = ()
    report: DeliveryReport | None = None
    raw_digest: str = ""
    # Of the message of this native id, which was another version: its author wrote it anew, or took it back.
    change: Literal["", "edit", "removal"] = ""
    # What was sent as one and comes in pieces (an album) has this in common.
    group: str = ""
    # Where one answer may be sent at once, and only once and soon.
    callback: str = ""
    # What whoever passed it on said that it is about: a topic's id; a district's id or administrative code.
    topic_hint: str = ""
    district_hint: str = ""
    settled: Settled | None = None

    @property
    def whole(self) -> str:
        """Subject and text as one; without a subject the text alone."""
        return f"{self.subject}\n{self.text}" if self.subject else self.text

    @property
    def identity(self) -> bytes:
        """The same for every redelivery of this message, different for every other message."""
        return identity_of(self.channel, self.account, self.native_id, self.version)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What the mail dialogue said (RFC 5321): reverse path ("" for the null sender), accepted recipients, peer."""

    sender: str = ""
    recipients: tuple[str, ...] = ()
    peer: str = ""
    # Without UTF-8 or 8BITMIME announced, raw octets above 127 are still kept as they came.
    options: tuple[str, ...] = ()


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector makes durable before it says yes.

    Hooks carry the parsed `message` and the payload's `raw` bytes for the archive; mail carries `raw` and its
    `envelope` and is parsed in the worker. `key` orders: records with the same key are handled in order.
    """

    id: str
    channel: str
    account: str
    native_id: str
    key: str
    received_at: datetime
    version: str = "1"
    raw: bytes = b""
    media_type: str = "application/octet-stream"
    envelope: Envelope | None = None
    message: Message | None = None

    @property
    def identity(self) -> bytes:
        return identity_of(self.channel, self.account, self.native_id, self.version)


def identity_of(*parts: str) -> bytes:
    """Returns 16 bytes that stand for these parts; no part can run into its neighbour."""
    plain = [part.encode("utf-8", "replace") for part in parts]
    joined = b"".join([len(part).to_bytes(4, "big") + part for part in plain])
    return blake2b(joined, digest_size=16).digest()
