"""`eungdapso send`: what it says is taken by the real door."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, Envelope, Session

from connectors.base import Connector
from connectors.email import Email, EmailSettings
from connectors.form import Form, FormSettings
from connectors.sms import Sms, SmsSettings
from connectors.webhook import Standard, WebhookSettings
from core.clock import machine_clock
from core.errors import ConfigError, Rejected, Unavailable
from core.message import Arrival
from pipeline.speak import speak
from web.hooks import Hooks

NOW = 1_795_396_500.0
PUBLIC_URL = "https://eungdapso.example"
ENVIRONMENT = {"EUNGDAPSO_SMS_TOKEN": "t", "EUNGDAPSO_PRESS_SECRET": "whsec_a2tra2tra2tra2tra2tra2tr"}
FORM = Form("form", FormSettings(), environment=ENVIRONMENT)
CHANNELS: dict[str, Any] = {
    "sms": Sms("sms", SmsSettings(), environment=ENVIRONMENT),
    "press": Standard("press", WebhookSettings(), environment=ENVIRONMENT),
    "form": FORM,
}
WORDS = "강남구 역삼동 가로등이 꺼졌습니다"


@asynccontextmanager
async def running(taken: list[Arrival]) -> AsyncIterator[str]:
    """A door with a page before it, on a free port."""

    async def accept(arrivals: Sequence[Arrival]) -> None:
        taken.extend(arrivals)

    hooks = Hooks(CHANNELS, accept, machine_clock, PUBLIC_URL, unix_time=lambda: NOW)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/":
            await hooks(scope, receive, send)
            return
        page = f'<form><input type="hidden" name="token" value="{FORM.token(NOW)}"></form>'.encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": page})

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, ws="none"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.mark.parametrize("channel", CHANNELS)
async def test_what_is_said_is_taken(channel: str) -> None:
    """What send says in a channel's protocol comes through its real door as that text."""
    taken: list[Arrival] = []
    async with running(taken) as base_url:
        await asyncio.to_thread(
            speak, CHANNELS[channel], WORDS, base_url=base_url, sender="", now=NOW, public_url=PUBLIC_URL
        )

    assert [WORDS] == [arrival.message.text for arrival in taken if arrival.message]


async def test_refusal_is_told() -> None:
    """What the door refuses is told with the status."""
    async with running([]) as base_url:
        with pytest.raises(Rejected, match="401"):
            await asyncio.to_thread(speak, CHANNELS["sms"], WORDS, base_url=base_url, sender="", now=NOW)


def test_nobody_there_is_told() -> None:
    """When nothing runs, that is said with the address."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Unavailable, match=base_url):
            speak(CHANNELS["sms"], WORDS, base_url=base_url, sender="", now=NOW)


def test_without_secret_nothing_can_be_signed() -> None:
    """Without the channel's secret it is said which one is missing."""
    mute: Connector[Any] = Sms("sms", SmsSettings(), environment={})

    with pytest.raises(ConfigError, match="EUNGDAPSO_SMS_TOKEN"):
        speak(mute, WORDS, base_url="http://127.0.0.1:9", sender="", now=NOW)


class _Postman:
    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 taken"


async def test_mail_is_sent_as_mail() -> None:
    """In the e-mail channel send speaks SMTP to its port."""
    postman = _Postman()
    controller = UnthreadedController(postman, hostname="127.0.0.1", port=0, loop=asyncio.get_running_loop())
    server = await asyncio.get_running_loop().create_server(controller.factory, "127.0.0.1", 0)
    settings = EmailSettings(port=server.sockets[0].getsockname()[1])
    async with server:
        said = await asyncio.to_thread(
            speak,
            Email("email", settings, environment={}),
            WORDS,
            base_url="http://127.0.0.1:9",
            sender="hong@example.com",
            now=NOW,
        )

    assert said.startswith("250")
    assert [("hong@example.com", ["minwon@eungdapso.example"])] == [
        (envelope.mail_from, envelope.rcpt_tos) for envelope in postman.envelopes
    ]
