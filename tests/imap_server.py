"""A mail server's IMAP side on loopback, as RFC 3501 has it for a reader, with the ways in which servers fail."""

import asyncio
import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

USER, PASSWORD = "minwon", "s3cret-가로등"
_FETCH = re.compile(r"UID FETCH (\d+)(?::(\d+|\*))? \((.*)\)$")
_PARTIAL = re.compile(r"BODY\.PEEK\[\]<0\.(\d+)>")


@dataclass
class Folder:
    """Its mails by number; `validity` is another one when the server had to number them anew."""

    validity: int = 1_700_000_001
    mails: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    next_number: int = 1

    def add(self, raw: bytes, day: str = "23-Nov-2026") -> int:
        number = self.next_number
        self.mails[number] = (raw, day)
        self.next_number += 1
        return number

    def renumber(self, validity: int) -> None:
        mails = list(self.mails.values())
        self.validity, self.mails, self.next_number = validity, {}, 1
        for raw, day in mails:
            self.add(raw, day)


class MailServer:
    """Keeps what it was told; `refused` are numbers it answers NO for, `busy` how many logins it turns away, `cut_at`
    and `hang_at` how many mails it gives before the line breaks or nothing more is said."""

    def __init__(self) -> None:
        self.folders = {"INBOX": Folder()}
        self.said: list[str] = []
        self.refused: set[int] = set()
        self.busy = 0
        self.cut_at = -1
        self.hang_at = -1
        # What it says to be the length of a mail, when that is not true.
        self.announces = 0
        self.given: list[int] = []
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def inbox(self) -> Folder:
        return self.folders["INBOX"]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    @contextmanager
    def in_thread(self) -> Iterator["MailServer"]:
        """Runs beside the test."""
        loop, ready = asyncio.new_event_loop(), threading.Event()

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(self.start())
            ready.set()
            loop.run_forever()
            loop.run_until_complete(self.stop())
            loop.run_until_complete(loop.shutdown_asyncgens())
            for task in asyncio.all_tasks(loop):
                task.cancel()
                loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
            loop.close()

        thread = threading.Thread(target=run, name="imap")
        thread.start()
        ready.wait()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        session = _Talk(self, reader, writer)
        try:
            await session.run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


class _Talk:
    """One connection."""

    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._folder: Folder | None = None

    async def run(self) -> None:
        self._say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
        while line := await self._reader.readline():
            tag, _, command = line.decode().strip().partition(" ")
            self._server.said.append(command)
            verb = command.split(" ", 1)[0].upper()
            if verb == "LOGOUT":
                self._say("* BYE so long", f"{tag} OK done")
                return
            await self._answer(tag, verb, command)
            await self._writer.drain()

    async def _answer(self, tag: str, verb: str, command: str) -> None:
        if verb == "CAPABILITY":
            self._say("* CAPABILITY IMAP4rev1 AUTH=PLAIN", f"{tag} OK done")
        elif verb == "AUTHENTICATE":
            await self._authenticate(tag)
        elif verb == "EXAMINE":
            self._examine(tag, command.split(" ", 1)[1].strip('"'))
        elif verb == "UID" and (found := _FETCH.match(command)) and self._folder is not None:
            await self._fetch(tag, found, self._folder)
        else:
            self._say(f"{tag} BAD what is that")

    async def _authenticate(self, tag: str) -> None:
        self._say("+ ")
        given = b64decode(await self._reader.readline()).decode()
        if self._server.busy:
            self._server.busy -= 1
            self._say(f"{tag} NO [UNAVAILABLE] too many logins just now")
        elif given == f"\0{USER}\0{PASSWORD}":
            self._say(f"{tag} OK [CAPABILITY IMAP4rev1] welcome")
        else:
            self._say(f"{tag} NO [AUTHENTICATIONFAILED] wrong")

    def _examine(self, tag: str, name: str) -> None:
        folder = self._folder = self._server.folders.get(name)
        if folder is None:
            self._say(f"{tag} NO [NONEXISTENT] no such folder")
            return
        self._say(
            "* FLAGS (\\Seen)",
            f"* {len(folder.mails)} EXISTS",
            f"* OK [UIDVALIDITY {folder.validity}] valid",
            f"* OK [UIDNEXT {folder.next_number}] next",
            f"{tag} OK [READ-ONLY] opened",
        )

    async def _fetch(self, tag: str, found: "re.Match[str]", folder: Folder) -> None:
        first, last = int(found[1]), int(found[2] or found[1])
        partial = _PARTIAL.search(found[3])
        for place, (number, (raw, day)) in enumerate(folder.mails.items(), start=1):
            if not first <= number <= last:
                continue
            if partial is None:
                self._say(f'* {place} FETCH (UID {number} RFC822.SIZE {len(raw)} INTERNALDATE "{day} 10:00:00 +0900")')
            elif number in self._server.refused:
                self._say(f"{tag} NO [SERVERBUG] cannot be read")
                return
            else:
                await self._give(place, number, raw[: int(partial[1])])
        self._say(f"{tag} OK done")

    async def _give(self, place: int, number: int, raw: bytes) -> None:
        server = self._server
        server.given.append(number)
        if len(server.given) == server.hang_at:
            await self._reader.read()
        self._say(f"* {place} FETCH (UID {number} BODY[]<0> {{{server.announces or len(raw)}}}")
        if len(server.given) == server.cut_at:
            self._writer.write(raw[: len(raw) // 2])
            await self._writer.drain()
            self._writer.transport.abort()
            raise ConnectionResetError
        self._writer.write(raw + b")\r\n")

    def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
