"""Where posts to everybody go on a platform whose way out is not set up: one file each; taken back, it is gone."""

import asyncio
import os
from pathlib import Path

import msgspec

from core.announce import Announcement, Announcer
from core.errors import Unavailable
from core.reply import Receipt

PREFIX = "file:"


class FileAnnouncer(Announcer):
    """Has the platform's own rules about lengths and reposts, so that what would go out can be seen before it does."""

    is_repeatable = True
    is_live = False

    def __init__(self, platform: str, rules: Announcer, folder: Path) -> None:
        self.reposts = rules.reposts
        self._platform = platform
        self._rules = rules
        self._folder = folder

    def problem(self, account: str) -> str:
        return ""

    def fitted(self, text: str) -> str:
        return self._rules.fitted(text)

    async def post(self, what: Announcement) -> Receipt:
        return await self._written(what)

    async def repost(self, what: Announcement) -> Receipt:
        await self._written(what)
        return Receipt(provider_id=what.of)

    async def delete(self, what: Announcement, provider_id: str) -> None:
        try:
            await asyncio.to_thread(self._path(what).unlink, missing_ok=True)
        except OSError as error:
            raise self._away(error) from error

    async def find(self, what: Announcement) -> Receipt | None:
        path = self._path(what)
        return self._receipt(path) if await asyncio.to_thread(path.exists) else None

    async def _written(self, what: Announcement) -> Receipt:
        path = self._path(what)
        try:
            await asyncio.to_thread(self._write, path, what)
        except OSError as error:
            raise self._away(error) from error
        return self._receipt(path)

    def _write(self, path: Path, what: Announcement) -> None:
        """Writes it whole: under another name first."""
        self._folder.mkdir(0o700, parents=True, exist_ok=True)
        said = {"channel": self._platform, "account": what.account, "kind": "broadcast", "id": what.id}
        body = msgspec.json.encode({**said, "text": "" if what.of else what.text, "repost_of": what.of})
        part = path.with_name(f".{path.name}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(descriptor)
        part.replace(path)

    def _path(self, what: Announcement) -> Path:
        return self._folder / f"broadcast-{what.account}-{what.id}.json"

    def _receipt(self, path: Path) -> Receipt:
        return Receipt(provider_id=f"{PREFIX}{path.name}")

    def _away(self, error: OSError) -> Unavailable:
        return Unavailable(f"{self._folder} cannot be written: {error.strerror or error}")
