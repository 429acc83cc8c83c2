"""What may stand in [connectors.kakao]: who is believed, what is said at once, and how later answers go."""

from typing import Annotated, Literal, Self

import msgspec
from pydantic import Field, StringConstraints, field_validator, model_validator

from connectors.base import ChannelSettings
from core.settings import SecretRef, Settings

Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
# What Kakao shows on a button.
Label = Annotated[str, StringConstraints(min_length=1, max_length=14)]
Utterance = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Bubble = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
_URL = r"^(https?://[^\s/?#]+(/\S*)?)?$"
# What a request says of its letter.
_NAMES = frozenset({"to", "text", "template", "sender_key", "id", "number"})


class Account(Settings):
    """[connectors.kakao.accounts.<handle>]"""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """The bot's id, as it stands in its skill requests, without the ! of the bot under development."""


class Alimtalk(Settings):
    """[connectors.kakao.alimtalk]: a dealer's service that takes one message by JSON. Dealers differ, so what is
    posted and what means yes stand here."""

    api_url: str = Field(default="", pattern=_URL)
    """Where a message is posted; "" sends none."""
    token: SecretRef | None = None
    """What opens the service; left out: EUNGDAPSO_<NAME>_ALIMTALK_TOKEN."""
    sender_key: SecretRef | None = None
    """Key of the sending profile; left out: EUNGDAPSO_<NAME>_SENDER_KEY."""
    template: str = ""
    """Code of the approved template."""
    header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]{1,64}$")
    """Header that carries the token."""
    prefix: str = Field(default="Bearer ", pattern=r"^[!-~]{0,20} ?$")
    """What stands before the token there."""
    body: str = (
        '{"senderKey": "{sender_key}", "templateCode": "{template}", "to": "{to}", "message": "{text}", "ref": "{id}"}'
    )
    """What is posted: JSON whose texts may hold {sender_key}, {template}, {to}, {text}, {id} and {number} (of the
    case)."""
    id_field: str = "id"
    """Field of the answer that names the message."""
    ok_field: str = ""
    """Field of the answer that tells whether it was taken; "" when the status alone tells."""
    ok_value: str = ""
    """What stands in that field when it was taken."""
    most_characters: int = Field(default=1_000, ge=90, le=1_000)
    """Longest message, in characters; what is longer ends with where more is."""

    @field_validator("body")
    @classmethod
    def _is_json(cls, body: str) -> str:
        try:
            msgspec.json.decode(body, type=dict)
        except (msgspec.DecodeError, ValueError) as error:
            raise ValueError(f"is no JSON object: {error}") from error
        return body


class KakaoSettings(ChannelSettings):
    """[connectors.kakao]"""

    secret: SecretRef | None = None
    """What Kakao says in the header X-Eungdapso-Secret of every request, as set in the skill; left out:
    EUNGDAPSO_<NAME>_SECRET."""
    account: str = ""
    """The bot as config/accounts.toml names it; "" for the table's name."""
    accounts: dict[str, Account] = {}
    """Several bots by handle, as config/accounts.toml names them."""
    api_url: str = Field(default="", pattern=_URL)
    """Where callbacks go: https://bot-api.kakao.com, or what stands in for it; "" uses no callbacks."""
    callback_hosts: tuple[Host, ...] = ()
    """More hosts that callbacks may lie on, always by https: who calls names the address, so no other is asked."""
    callback_seconds: float = Field(default=50.0, ge=1, le=60)
    """How long after a message its callback is used; Kakao takes it for a minute."""
    file_hosts: tuple[Host, ...] = ("kakaocdn.net", "daumcdn.net")
    """Hosts, and those below them, whose addresses are photographs that a citizen sent and not words."""
    phone_param: str = ""
    """Parameter of the block in which citizens leave their telephone number for later answers; "" for none."""
    later: Literal["none", "alimtalk"] = "none"
    """How answers go when the callback's minute is over: "none" (staff see them as failed) or "alimtalk"."""
    alimtalk: Alimtalk = Alimtalk()
    """The service for later answers."""
    receipt: Bubble = (
        "말씀을 접수하였습니다. 담당 부서가 확인하여 처리하겠습니다. "
        "처리 결과는 120다산콜(국번 없이 120)에서 알려 드립니다."
    )
    """Said at once when no answer can follow in the chat."""
    receipt_chat: Bubble = (
        "말씀을 접수하였습니다. 담당 부서가 확인하여 처리하겠습니다. 접수번호와 답변은 이 대화방에서 '답변 보기'를 "
        "누르시거나 다시 말씀하시면 보여 드립니다."
    )
    """Said at once when nobody can be written to in the chat: what is answered is shown when they write again."""
    receipt_contact: Bubble = (
        "말씀을 접수하였습니다. 담당 부서가 확인하여 처리하겠습니다. 처리 결과는 등록해 두신 연락처로 알려 드립니다."
    )
    """Said at once to who has another contact by consent, to which the answer will go."""
    receipt_phone: Bubble = (
        "말씀을 접수하였습니다. 담당 부서가 확인하여 처리하겠습니다. 처리 결과는 남겨 주신 번호로 알려 드립니다."
    )
    """Said at once when the answer will go to the citizen's telephone number."""
    waiting: Bubble = "말씀을 접수하였습니다. 담당 부서를 확인하고 있으니 잠시만 기다려 주십시오."
    """Said at once when the answer follows by callback."""
    late: Bubble = (
        "말씀을 접수하였는지 아직 확인하지 못하였습니다. "
        "잠시 뒤에 같은 말씀을 한 번 더 보내 주시면 확인해 드리겠습니다. "
        "급하시면 120다산콜(국번 없이 120)로 전화해 주십시오."
    )
    """Said when Kakao's time is over and nobody knows yet whether the words are safe; they may be all the same."""
    nothing: Bubble = "아직 보여 드릴 답변이 없습니다. 담당 부서가 확인하는 대로 이 대화방에서 보실 수 있습니다."
    """Said to who asks for answers while there are none."""
    sorry: Bubble = (
        "지금은 말씀을 접수하지 못하였습니다. 불편을 드려 죄송합니다. "
        "잠시 뒤에 다시 보내 주시거나 120다산콜(국번 없이 120)로 전화해 주십시오."
    )
    """Said when nothing can be taken."""
    greeting: Bubble = "무엇을 도와드릴까요? 불편하신 점과 장소를 글이나 사진으로 보내 주십시오."
    """Said to who sent no words."""
    quick_replies: dict[Label, Utterance] = {"민원 진행 상황": "민원 진행 상황은 어떻게 아나요?"}
    """Buttons below the receipt: what stands on them, and what a citizen says by them; at most nine."""
    show: Label = "답변 보기"
    """Button below the receipt, and what a citizen says to see what was answered; it is no message."""
    contact: str = Field(default="120", max_length=40)
    """Where a message that had to be cut sends the reader."""
    timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    """Longest wait for one call."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.later == "alimtalk" and not self.alimtalk.api_url:
            raise ValueError('later = "alimtalk" needs [connectors.<name>.alimtalk] api_url')
        if len(self.quick_replies) > 9:
            raise ValueError("quick_replies: Kakao shows ten at most, and one is `show`")
        return self
