"""The S3 store before endpoints that fail in every way: nothing hangs, nothing is lost, nothing is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.errors import Rejected, Unavailable
from sinks._objects_s3 import S3, Bucket
from tests import s3

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def names(store: S3) -> list[str]:
    return [name async for name in store.names("a")]


ACTS: dict[str, Callable[[S3], Awaitable[object]]] = {
    "put": lambda store: store.put("a/b", b"x"),
    "get": lambda store: store.get("a/b"),
    "exists": lambda store: store.exists("a/b"),
    "delete": lambda store: store.delete("a/b"),
    "folders": lambda store: store.folders("a"),
    "names": names,
}


def says(status: str, body: bytes = b"", length: int | None = None) -> Answer:
    """Returns an endpoint that answers everything so."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        size = len(body) if length is None else length
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


async def hangs(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        """Reads on, and never answers."""


async def hangs_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def talks_nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()


FAILURES: dict[str, Answer] = {
    "hangs": hangs,
    "hangs up": hangs_up,
    "is no HTTP": talks_nonsense,
    "500": says("500 Internal Server Error"),
    "503": says("503 Slow Down", b"<Error><Code>SlowDown</Code></Error>"),
    "403": says("403 Forbidden", b"<Error><Code>SignatureDoesNotMatch</Code></Error>"),
    "401": says("401 Unauthorized"),
    "400": says("400 Bad Request", b"<Error><Code>AuthorizationHeaderMalformed</Code></Error>"),
    "302": says("302 Found"),
    "half an answer": says("200 OK", b"<?xml", length=1_000),
}


@asynccontextmanager
async def endpoint(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Yields the address of a server that answers so."""

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            """The client went first."""
        finally:
            writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        server.close()


def store_at(url: str, *, seconds: float = 0.2, ca_file: Path | None = None) -> S3:
    return S3(
        Bucket(
            bucket="city",
            endpoint=url,
            access_key="who-we-are",
            secret_key="never-told",
            ca_file=ca_file,
            timeout_seconds=seconds,
        )
    )


@pytest.mark.parametrize("act", ["put", "get", "delete", "folders", "names"])
@pytest.mark.parametrize("failure", FAILURES)
async def test_whatever_fails_is_not_now(failure: str, act: str) -> None:
    """However an endpoint fails, it ends in time, as Unavailable, and no secret stands in the reason."""
    async with endpoint(FAILURES[failure]) as url:
        with pytest.raises(Unavailable) as told:
            await ACTS[act](store_at(url))

    assert told.value.reason.startswith("s3://city: ")
    assert "\n" not in told.value.reason
    assert "never-told" not in told.value.reason


@pytest.mark.parametrize("act", ["put", "get", "exists"])
async def test_a_web_server_keeps_nothing(act: str) -> None:
    """An address that says yes to everything is not taken for a store."""
    async with endpoint(says("200 OK", b"<html>welcome</html>")) as url:
        with pytest.raises(Unavailable, match="does not answer as S3 does"):
            await ACTS[act](store_at(url))


@pytest.mark.parametrize("act", ACTS)
async def test_nobody_there_is_not_now(act: str) -> None:
    """A port on which nobody listens is Unavailable."""
    async with endpoint(hangs) as url:
        """Nobody listens there any more."""

    with pytest.raises(Unavailable):
        await ACTS[act](store_at(url))


async def test_whoever_waits_may_give_up(tmp_path: Path) -> None:
    """A call to a store that hangs ends when its task is cancelled, without waiting for the store."""
    async with endpoint(hangs) as url:
        waiting = asyncio.create_task(store_at(url, seconds=600).get("a/b"))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert not done


@pytest.mark.parametrize("act", ["put", "get", "folders", "names"])
async def test_a_bucket_that_is_not_there_is_mended_by_a_person(act: str) -> None:
    """Nothing is taken for absent because the whole bucket is; the reason says what to do."""
    with pytest.raises(Unavailable, match="there is no such bucket"):
        await ACTS[act](S3(s3.at("never-made")))


async def test_a_store_that_comes_back_is_used_again() -> None:
    """The same store that failed works when the bucket is there: nothing has to be begun anew."""
    bucket = s3.new_bucket()
    store = S3(s3.at(bucket))
    with pytest.raises(Rejected):
        await store.get("a/b")
    await store.put("a/b", b"x")

    assert b"x" == await store.get("a/b")


async def test_installations_share_a_bucket() -> None:
    """Two prefixes see nothing of each other."""
    bucket = s3.new_bucket()
    ours, theirs = S3(s3.at(bucket, "seoul")), S3(s3.at(bucket, "seoul-test"))
    await ours.put("a/b", b"ours")
    await theirs.put("a/c", b"theirs")

    assert (["a/b"], ["a"]) == (await names(ours), await ours.folders())
    assert (["a/c"], False) == (await names(theirs), await theirs.exists("a/b"))


async def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other programs are told about Amazon by their environment leads nobody astray."""
    heard: list[bytes] = []

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    theirs = {"ENDPOINT_URL": "http://127.0.0.1:1", "BUCKET": "theirs", "SESSION_TOKEN": "theirs", "REGION": "theirs"}
    for name, value in {**theirs, "SKIP_SIGNATURE": "true", "ACCESS_KEY_ID": "theirs"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    async with endpoint(listens) as url:
        assert not await store_at(url, seconds=10).exists("a/b")

    assert heard[0].startswith(b"HEAD /city/a/b HTTP/1.1\r\n")
    assert b"AWS4-HMAC-SHA256 Credential=who-we-are/" in heard[0]
    assert b"theirs" not in heard[0]


def test_no_secret_shows() -> None:
    """Neither the store nor the way to it tells its secret."""
    bucket = Bucket(bucket="city", prefix="a", access_key="who-we-are", secret_key="never-told")

    assert ("Bucket(s3://city/a)", "S3(s3://city/a)") == (repr(bucket), repr(S3(bucket)))


async def test_a_certificate_of_the_city_is_trusted_when_named(tmp_path: Path) -> None:
    """A store with a certificate of a private authority is used with `ca_file`, and refused without."""
    tls, ca_file = certificate(tmp_path)
    async with endpoint(says("404 Not Found"), tls) as url:
        with pytest.raises(Unavailable):
            await store_at(url).exists("a/b")
        trusted = await store_at(url, seconds=10, ca_file=ca_file).exists("a/b")

    assert not trusted


async def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A `ca_file` that is missing or none is Unavailable with its reason, not a crash."""
    (tmp_path / "none.pem").write_text("nothing")
    for file in ("missing.pem", "none.pem"):
        with pytest.raises(Unavailable, match="cannot be used now"):
            await store_at("https://127.0.0.1:1", ca_file=tmp_path / file).exists("a/b")


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Returns a server's context with a certificate that it signed itself, and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "objects.city.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, folder / "key.pem")
    return context, file
