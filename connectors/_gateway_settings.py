"""What a domestic text gateway calls things: each name is a setting, because no two of them agree."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from connectors._cp949 import LONG_BYTES, SHORT_BYTES
from connectors._hmac import Signature
from connectors._paths import Path
from connectors.base import ChannelSettings
from core.settings import SecretRef, Settings

# Of an MMS, by all carriers.
MOST_PICTURES = 3

Meaning = Literal["taken", "delivered", "later", "sender", "opted-out", "number", "off", "blocked", "funds", "refused"]

# What staff read about a message that did not arrive.
WORDS: Mapping[str, str] = {
    "sender": "발신번호가 사전등록되어 있지 않습니다. 문자 사업자에 발신번호를 등록하십시오",
    "opted-out": "받는 분이 문자를 수신 거부했습니다. 전화나 다른 방법으로 알려 드리십시오",
    "number": "없는 번호이거나 문자를 받을 수 없는 번호입니다",
    "off": "전화가 꺼져 있거나 받을 수 없는 곳에 있습니다",
    "blocked": "통신사가 스팸으로 보고 막았습니다",
    "funds": "문자 요금의 잔액이 모자랍니다",
    "refused": "문자 사업자가 받지 않았습니다",
}


class Incoming(Settings):
    """[connectors.<name>.incoming]: where in a call of the gateway things stand, as paths; "" for what it does not
    say."""

    items: Path = ""
    """The list, where one call carries several messages or receipts; "" where it carries one."""
    id: Path = "msgKey"
    """The gateway's id of a message; "" for a digest of the call."""
    sender: Path = "from"
    """Number of who wrote; in a receipt ours."""
    recipient: Path = "to"
    """Number that was written to."""
    text: Path = "text"
    """The words."""
    subject: Path = "subject"
    """Subject of a long message."""
    sent_at: Path = "receivedAt"
    """When it was written: 20261123101500, ISO 8601 or Unix time; without a zone it is Seoul's."""
    attachments: Path = "files"
    """A list of pictures; in each of them the two below."""
    attachment_url: Path = "url"
    """Address of a picture."""
    attachment_type: Path = "type"
    """Media type of a picture."""
    result: Path = "result"
    """Result code; what has one is a receipt for a message of ours."""
    reference: Path = "refKey"
    """In a receipt, what we gave as `reference` when we sent."""


class Outgoing(Settings):
    """[connectors.<name>.outgoing]: what the gateway calls what we send, and what it answers."""

    sender: str = "from"
    """Our number, as it is dialled at home."""
    recipient: str = "to"
    """The citizen's number, as it is dialled at home."""
    type: str = "type"
    """SMS, LMS or MMS."""
    subject: str = "subject"
    """Subject, of LMS and MMS alone."""
    text: str = "text"
    """The words."""
    reference: str = "refKey"
    """Our own name of the message, given back in receipts."""
    more: Mapping[str, str] = {}
    """What else has to stand in each request, e.g. the account."""
    result: Path = "code"
    """In the answer: its result code; "" where the HTTP status says it all."""
    id: Path = "msgKey"
    """In the answer: the gateway's id of the message."""
    picture_name: str = "fileName"
    """Name of a picture that is posted."""
    picture_data: str = "fileData"
    """The picture in base64."""
    picture_id: Path = "fileKey"
    """In the answer to that: the gateway's id of the picture."""
    pictures: str = "fileKeys"
    """The list of these ids in an MMS."""


class SmsDomesticSettings(ChannelSettings):
    """[connectors.sms_domestic], or [connectors.sms] with type = "sms_domestic"."""

    secret: SecretRef | None = None
    """Key that the gateway signs its calls with; left out: EUNGDAPSO_<NAME>_SECRET."""
    key: SecretRef | None = None
    """Key that opens the way out; left out: EUNGDAPSO_<NAME>_KEY."""
    signature: Signature = Signature(
        header="X-Gateway-Signature", timestamp_header="X-Gateway-Timestamp", content="{timestamp}.{body}"
    )
    """How the gateway signs its calls."""
    tolerance_seconds: int = Field(default=300, ge=1, le=3_600)
    """How far the signed time may be from now."""
    charset: Literal["utf-8", "cp949"] = "utf-8"
    """What its calls are written in; forms of older gateways are in cp949."""
    thanks: str = '{"code": "1000"}'
    """What the gateway is told when everything is durable."""
    api_url: str = Field(default="", pattern=r"^(https?://[^\s/]+(/\S*)?)?$")
    """Where messages go out: the gateway's address; "" delivers to files."""
    send_path: str = Field(default="/v1/messages", pattern=r"^/\S*$")
    """Path that messages are posted to."""
    picture_path: str = Field(default="", pattern=r"^(/\S*)?$")
    """Path that pictures are posted to before their message, which then goes as MMS; "" where answers carry none."""
    find_path: str = Field(default="", pattern=r"^(/\S*\{reference\}\S*)?$")
    """Path that tells about a message by our name of it, `/v1/messages/{reference}`; "" where it cannot be asked."""
    authorization: str = "Bearer {key}"
    """Header Authorization of what we ask."""
    from_number: str = ""
    """Number that answers come from, registered with the gateway beforehand; "" for the one that was written to."""
    country_code: str = Field(default="82", pattern=r"^[1-9]\d{0,2}$")
    """Country of numbers that begin with 0."""
    link: bool = False
    """Whether the link to the case stands in messages."""
    subject: str = "[응답소]"
    """Subject of long messages, followed by the case's number; at most 40 bytes are shown."""
    short_bytes: int = Field(default=SHORT_BYTES, ge=70, le=140)
    """Longest SMS in bytes of cp949; what is longer goes as LMS."""
    most_bytes: int = Field(default=LONG_BYTES, ge=SHORT_BYTES, le=LONG_BYTES)
    """Longest outgoing message in bytes of cp949."""
    contact: str = "120"
    """Where a message that had to be cut sends the reader."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """Longest wait for one call to the gateway."""
    codes: Mapping[str, Meaning] = {"1000": "taken", "4100": "delivered", "6600": "delivered"}
    """What the gateway's result codes mean. A message with an unknown one, or with what is neither taken, delivered
    nor later, did not arrive; `sender` is a number of ours that is not registered."""
    incoming: Incoming = Incoming()
    """What its calls look like."""
    outgoing: Outgoing = Outgoing()
    """What our requests look like."""
