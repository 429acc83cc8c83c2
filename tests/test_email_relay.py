"""Mail going out, over a real relay on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from connectors.email import Email, EmailSettings
from core.errors import Rejected, Unavailable
from core.reply import Reply, Sender

OURS = "minwon@eungdapso.example"
NOTICE = Reply(
    id="019aa0f0-5c5e-7d3a-9c57-2f6f0d3c1a10",
    channel="email",
    account=OURS,
    to="citizen@example.kr",
    subject="[응답소] 접수되었습니다",
    text="안녕하십니까. 응답소입니다.",
    kind="notice",
    case="20261120-000123-4",
    created_at=datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
)


class Relay:
    """A relay that keeps envelopes, and answers as it is told at each step."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.mails: list[tuple[str, list[str], bytes]] = []

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("rcpt", "250 OK")

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return self.answers.get("data", "250 OK")


@asynccontextmanager
async def relayed(relay: Relay, *, utf8: bool = True, **settings: object) -> AsyncIterator[Sender]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(relay, hostname="relay.example", enable_SMTPUTF8=utf8, loop=loop), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    described = {"host": "127.0.0.1", "port": port, "timeout_seconds": 5, **settings}
    sender = Email("email", EmailSettings.model_validate({"addresses": [OURS], "relay": described})).sender()
    assert sender is not None
    try:
        yield sender
    finally:
        await sender.close()
        server.close()


def changed(**fields: object) -> Reply:
    return Reply(**{**{name: getattr(NOTICE, name) for name in NOTICE.__struct_fields__}, **fields})


async def test_automatic_mail_has_no_sender() -> None:
    """An automatic mail goes out with the null return path, to its one recipient, and gives its Message-ID as proof."""
    relay = Relay()
    async with relayed(relay) as sender:
        receipt = await sender.send(NOTICE)

    assert [("<>", ["citizen@example.kr"])] == [(mail[0], mail[1]) for mail in relay.mails]
    assert "<019aa0f0-5c5e-7d3a-9c57-2f6f0d3c1a10@eungdapso.example>" == receipt.provider_id


async def test_persons_answer_has_our_address() -> None:
    """What an officer wrote goes out with our address, so that we hear when it is not delivered."""
    relay = Relay()
    async with relayed(relay) as sender:
        await sender.send(changed(automatic=False))

    assert [OURS] == [mail[0] for mail in relay.mails]


async def test_sending_again_is_the_same_mail() -> None:
    """A reply that is sent again is the same mail: whoever has it already knows it by its Message-ID."""
    relay = Relay()
    async with relayed(relay) as sender:
        await sender.send(NOTICE)
        await sender.send(NOTICE)

    assert sender.repeatable
    assert 1 == len({mail[2] for mail in relay.mails})


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
async def test_refused_for_good(step: str) -> None:
    """A 5xx at any step is Rejected, with the relay's words."""
    async with relayed(Relay(**{step: "550 5.1.1 no such user"})) as sender:
        with pytest.raises(Rejected, match=r"550 5\.1\.1 no such user"):
            await sender.send(NOTICE)


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
async def test_refused_for_now(step: str) -> None:
    """A 4xx at any step is Unavailable."""
    async with relayed(Relay(**{step: "451 4.7.1 greylisted"})) as sender:
        with pytest.raises(Unavailable, match=r"451 4\.7\.1 greylisted"):
            await sender.send(NOTICE)


async def test_encryption_that_is_not_offered() -> None:
    """With `starttls = true` nothing goes out in the clear: the operator is told, the mail waits."""
    relay = Relay()
    async with relayed(relay, starttls=True) as sender:
        with pytest.raises(Unavailable):
            await sender.send(NOTICE)

    assert [] == relay.mails


async def test_korean_address() -> None:
    """A Korean domain is written in ASCII; a Korean mailbox needs a relay that can carry it."""
    relay = Relay()
    async with relayed(relay) as sender:
        await sender.send(changed(to="citizen@예시.한국"))
        await sender.send(changed(to="시민@example.kr"))

    assert [["citizen@xn--vv4b11d.xn--3e0b707e"], ["시민@example.kr"]] == [mail[1] for mail in relay.mails]


async def test_korean_mailbox_that_the_relay_cannot_carry() -> None:
    """A relay without SMTPUTF8 never delivers to a Korean mailbox: Rejected, not tried for ever."""
    async with relayed(Relay(), utf8=False) as sender:
        with pytest.raises(Rejected):
            await sender.send(changed(to="시민@example.kr"))
