"""Answers to who wrote by the web page."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from aiosmtpd.smtp import SMTP

from connectors.email import Email, EmailSettings
from connectors.form import Form, FormSettings
from connectors.sms import Sms, SmsSettings
from core.reply import Reply, Sender
from pipeline.contact import with_contacts
from sinks._files import FileSender

NOTICE = Reply(
    id="019aa0f0-5c5e-7d3a-9c57-2f6f0d3c1a10",
    channel="form",
    account="form",
    to="citizen@example.kr",
    subject="[응답소] 접수되었습니다",
    text="안녕하십니까. 응답소입니다.",
    kind="notice",
    case="20261120-000123-4",
    created_at=datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
    in_reply_to="form-token",
)


class Kept:
    """A relay that keeps envelopes."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], bytes]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"


@asynccontextmanager
async def relayed(kept: Kept, outbox: Path) -> AsyncIterator[dict[str, Sender]]:
    """The senders of a city with a relay; SMS and the page have none of their own."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(kept, hostname="relay.example", loop=loop), "127.0.0.1", 0)
    relay = {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "timeout_seconds": 5}
    settings = {"addresses": ["minwon@eungdapso.example"], "relay": relay}
    connectors = {
        "email": Email("email", EmailSettings.model_validate(settings)),
        "sms": Sms("sms", SmsSettings(), environment={}),
        "form": Form("form", FormSettings(), environment={}),
    }
    try:
        own = {name: part.sender() or FileSender(outbox / name) for name, part in connectors.items()}  # type: ignore[attr-defined]
        yield with_contacts(own, connectors)  # type: ignore[arg-type]
    finally:
        server.close()


async def test_who_left_an_address_gets_a_mail(tmp_path: Path) -> None:
    """What the page promises comes: by the city's relay."""
    kept = Kept()
    async with relayed(kept, tmp_path) as senders:
        await senders["form"].send(NOTICE)

    assert [["citizen@example.kr"]] == [to for to, _ in kept.mails]


async def test_who_left_a_number_is_not_mailed(tmp_path: Path) -> None:
    """Where SMS cannot be sent the letter is a file, as for SMS itself."""
    kept = Kept()
    async with relayed(kept, tmp_path) as senders:
        await senders["form"].send(msgspec.structs.replace(NOTICE, to="+821012345678"))

    assert [] == kept.mails
    assert 1 == len(list((tmp_path / "form").glob("*.json")))


def test_without_a_relay_nothing_changes(tmp_path: Path) -> None:
    """Files stay files, written many at once."""
    files = FileSender(tmp_path)
    page = Form("form", FormSettings(), environment={})

    assert {"form": files} == with_contacts({"form": files}, {"form": page})
