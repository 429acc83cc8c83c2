"""Stand-ins on loopback for those who carry text messages and webhooks: they take, refuse, hang up, are slow."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web


class Gateways:
    """One server for all: Twilio's REST below /2010-04-01, a domestic gateway below /v1, replies at /replies.

    `instead` holds what is done with the next messages instead of taking them: a status, "hang up" (after it was
    taken) or "slow" (taken).
    """

    def __init__(self) -> None:
        self.twilio: list[dict[str, str]] = []
        self.domestic: list[dict[str, Any]] = []
        self.pictures: list[dict[str, str]] = []
        self.replies: list[tuple[bytes, dict[str, str]]] = []
        self.instead: deque[int | str] = deque()
        self.url = ""

    @contextmanager
    def in_thread(self) -> Iterator["Gateways"]:
        """Listens beside a test that waits for other processes."""
        ready, end = threading.Event(), asyncio.Event()
        loop = asyncio.new_event_loop()

        async def serve() -> None:
            app = web.Application()
            messages = "/2010-04-01/Accounts/{account}/Messages.json"
            app.add_routes([web.post(messages, self._create), web.get(messages, self._list)])
            app.add_routes([web.post("/v1/messages", self._take), web.get("/v1/messages/{reference}", self._tell)])
            app.add_routes([web.post("/v1/files", self._keep), web.post("/replies", self._reply)])
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            ready.set()
            await end.wait()
            await runner.cleanup()

        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
        thread.start()
        ready.wait(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(end.set)
            thread.join(10)
            loop.close()

    async def _create(self, asked: web.Request) -> web.StreamResponse:
        fields = {name: values[0] for name, values in parse_qs(await asked.text()).items()}
        refusal = await self._acts(asked, lambda: self.twilio.append(fields))
        return refusal or web.json_response({"sid": _sid(fields), "status": "queued"}, status=201)

    async def _list(self, asked: web.Request) -> web.StreamResponse:
        found = [fields for fields in self.twilio if fields["To"] == asked.query["To"]]
        messages = [{"sid": _sid(fields), "body": fields["Body"]} for fields in found]
        return web.json_response({"messages": messages, "page_size": 50, "next_page_uri": None})

    async def _take(self, asked: web.Request) -> web.StreamResponse:
        fields = await asked.json()
        refusal = await self._acts(asked, lambda: self.domestic.append(fields))
        return refusal or web.json_response({"code": "1000", "msgKey": f"MT{fields['refKey']}"})

    async def _keep(self, asked: web.Request) -> web.StreamResponse:
        fields = await asked.json()
        refusal = await self._acts(asked, lambda: self.pictures.append(fields))
        return refusal or web.json_response({"code": "1000", "fileKey": f"F{len(self.pictures)}"})

    async def _tell(self, asked: web.Request) -> web.StreamResponse:
        reference = asked.match_info["reference"]
        if not any(fields["refKey"] == reference for fields in self.domestic):
            return web.Response(status=404)
        return web.json_response({"code": "1000", "msgKey": f"MT{reference}"})

    async def _reply(self, asked: web.Request) -> web.StreamResponse:
        body = await asked.read()
        refusal = await self._acts(asked, lambda: self.replies.append((body, dict(asked.headers))))
        return refusal or web.Response()

    async def _acts(self, asked: web.Request, take: Any) -> web.StreamResponse | None:
        """Takes it, or does what comes instead; returns a refusal."""
        instead = self.instead.popleft() if self.instead else ""
        if isinstance(instead, int):
            return web.Response(status=instead, headers={"Retry-After": "1"} if instead == 429 else {}, text="no")
        take()
        if instead == "hang up":
            assert asked.transport is not None
            asked.transport.abort()
        if instead == "slow":
            await asyncio.sleep(0.5)
        return None


def _sid(fields: dict[str, str]) -> str:
    """Returns what Twilio calls this message: our own name of it stands in the address for receipts."""
    return "SM" + fields["StatusCallback"].rpartition("=")[2].replace("-", "")
