"""Objects in an S3-compatible store: Amazon's, MinIO, Ceph; by obstore, which nobody on one machine loads.

obstore and not boto3: half the size, loaded in 22 ms and 10 MB instead of 660 ms and 29 MB, and its calls wait in no
thread of ours: a store that hangs holds up whoever asked, and can be given up at any moment.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from core.errors import Rejected, Unavailable
from sinks._objects import Store, absent, checked

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, S3Config, S3Credential, S3Store

_LONGEST_REASON = 300
_CONNECT_SECONDS = 5
_NO_BUCKET = "NoSuchBucket"
# A connection that was kept open and has gone meanwhile is nobody's fault; everything else waits with the flow.
_RETRIES, _RETRY_SECONDS = 2, 3
# Beside the client's own bound: for whatever it does not count.
_GRACE_SECONDS = 5
# The client's threads call into Python when an answer came, and go back after who waited for it has gone on: one that
# still does when the interpreter ends aborts the process (exit code 134). They need microseconds, and a turn.
_SETTLE_SECONDS = 0.05
# What one request deletes.
_AT_ONCE = 1_000


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """Where the store is, and who asks. Without `endpoint` it is Amazon's; without a key whoever the machine is."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = ""
    # Certificates that are trusted besides the public ones.
    ca_file: Path | None = None
    timeout_seconds: float = 30.0

    @property
    def name(self) -> str:
        return "/".join(part for part in (f"s3://{self.bucket}", self.prefix) if part)

    def __repr__(self) -> str:
        return f"Bucket({self.name})"


class S3(Store):
    """Objects in a bucket, each sent in one request: there whole, or not at all."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._prefix = f"{bucket.prefix}/" if bucket.prefix else ""
        self._made: S3Store | None = None
        self._tags_otherwise = False

    def __repr__(self) -> str:
        return f"S3({self._bucket.name})"

    async def put(self, name: str, body: bytes) -> None:
        """One request for what is there already, else three: a store is not believed, it is looked into."""
        import obstore

        if await self._holds(name, body):
            return
        async with self._lent() as store:
            # Signed with the body's SHA-256: what came as something else is refused by the store.
            written = await obstore.put_async(store, self._place(name), body, use_multipart=False)
        if not await self._holds(name, body, written["e_tag"]):
            raise Unavailable(
                f"{self._bucket.name}: said that it has {name}, and has it not, or something else."
                " Check the endpoint, and who else writes there. It is tried again."
            )

    async def get(self, name: str) -> bytes:
        import obstore

        place = self._place(name)
        async with self._lent() as store:
            try:
                found = await obstore.get_async(store, place)
                self._must_be_tagged(found.meta["e_tag"])
                return bytes(await found.bytes_async())
            except FileNotFoundError as error:
                # Also a bucket that is not there answers so.
                if _NO_BUCKET in str(error):
                    raise
                raise absent(name) from error

    async def exists(self, name: str) -> bool:
        return await self._head(name) is not None

    async def delete(self, *names: str) -> None:
        import obstore

        places = [self._place(name) for name in names]
        for begin in range(0, len(places), _AT_ONCE):
            async with self._lent() as store:
                await obstore.delete_async(store, places[begin : begin + _AT_ONCE])

    async def names(self, folder: str = "") -> AsyncIterator[str]:
        import obstore

        below = self._place(folder) if folder else self._prefix.rstrip("/")
        async with self._lent() as store:
            pages = obstore.list(store, below or None, chunk_size=_AT_ONCE)
        while True:
            async with self._lent():
                page = await anext(pages, None)
            if page is None:
                return
            for found in page:
                yield found["path"].removeprefix(self._prefix)

    async def folders(self, folder: str = "") -> list[str]:
        import obstore

        below = self._place(folder) if folder else self._prefix.rstrip("/")
        async with self._lent() as store:
            found = await obstore.list_with_delimiter_async(store, below or None)
        return sorted(place.removeprefix(self._prefix) for place in found["common_prefixes"])

    async def close(self) -> None:
        if self._made is None:
            return
        self._made = None
        await asyncio.sleep(_SETTLE_SECONDS)

    async def _head(self, name: str) -> "ObjectMeta | None":
        import obstore

        place = self._place(name)
        async with self._lent() as store:
            try:
                found = await obstore.head_async(store, place)
            except FileNotFoundError:
                return None
            self._must_be_tagged(found["e_tag"])
            return found

    async def _holds(self, name: str, body: bytes, written: str | None = None) -> bool:
        """Returns whether the object is there and is this one: by its size and tag where these tell, else by its bytes.

        A tag is the MD5 of what was sent at once, but not in a store that encrypts with keys of its own (SSE-KMS). When
        such a store has shown an object once, the tag of what was `written` just now is enough.
        """
        found = await self._head(name)
        if found is None or found["size"] != len(body):
            return False
        tag = found["e_tag"] or ""
        if (tag == written and self._tags_otherwise) or await asyncio.to_thread(_md5, body) in tag:
            return True
        try:
            is_same = await self.get(name) == body
        except Rejected:
            # Deleted since.
            return False
        self._tags_otherwise |= is_same and tag == written
        return is_same

    def _must_be_tagged(self, e_tag: str | None) -> None:
        """A web server that says yes to everything keeps nothing; every store of objects tags what it keeps."""
        if not e_tag:
            raise Unavailable(f"{self._bucket.name}: does not answer as S3 does. Check the endpoint.")

    def _place(self, name: str) -> str:
        return self._prefix + checked(name)

    @asynccontextmanager
    async def _lent(self) -> "AsyncIterator[S3Store]":
        """Lends the client for one request; whatever goes wrong with it is `Unavailable`."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        where, bucket = self._bucket.name, self._bucket
        try:
            self._made = self._made or _client(bucket)
            async with asyncio.timeout(bucket.timeout_seconds + _GRACE_SECONDS):
                yield self._made
        except (Rejected, Unavailable):
            raise
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise Unavailable(
                f"{where}: refused us. Check access_key, secret_key, and what they are allowed."
            ) from error
        except TimeoutError as error:
            raise Unavailable(f"{where}: did not answer in time. It is tried again.") from error
        except (BaseError, OSError, ValueError) as error:
            if _NO_BUCKET in str(error):
                raise Unavailable(f"{where}: there is no such bucket. Make it, or name another one.") from error
            raise Unavailable(f"{where}: cannot be used now: {_shortened(error)}. It is tried again.") from error


def _client(bucket: Bucket) -> "S3Store":
    from obstore.store import S3Store

    # Said in so many words, for what is left out the client takes from the AWS_… of the environment.
    config: S3Config = {
        "region": bucket.region,
        "endpoint": bucket.endpoint or f"https://s3.{bucket.region}.amazonaws.com",
        "virtual_hosted_style_request": False,
        "skip_signature": False,
    }
    client: ClientConfig = {
        "timeout": timedelta(seconds=bucket.timeout_seconds),
        "connect_timeout": timedelta(seconds=min(_CONNECT_SECONDS, bucket.timeout_seconds)),
        "allow_http": bucket.endpoint.startswith("http://"),
    }
    if bucket.ca_file is not None:
        client["root_certificate"] = bucket.ca_file.read_bytes()
    return S3Store(
        bucket.bucket,
        config=config,
        client_options=client,
        credential_provider=partial(_credential, bucket) if bucket.access_key else None,
        retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
    )


def _credential(bucket: Bucket) -> "S3Credential":
    return {
        "access_key_id": bucket.access_key,
        "secret_access_key": bucket.secret_key,
        "token": None,
        "expires_at": None,
    }


def _md5(body: bytes) -> str:
    return md5(body, usedforsecurity=False).hexdigest()


def _shortened(error: Exception) -> str:
    """Returns why, on one line: the client tells everything that it knows, in many."""
    first = " ".join(str(error).partition("\n\nDebug source:")[0].split())
    return first[:_LONGEST_REASON]
