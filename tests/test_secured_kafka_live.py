"""Kafka with TLS, passwords and a certificate authority of the city's own: what works, and what is said when it fails.

Starts a broker of its own, with a listener for each certificate.
"""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.instance import ROOT
from core.errors import Unavailable
from streams._cluster import Access, create_topics
from streams._topics import Shape, differences
from streams.base import INBOUND, ROUTED, Batch, Entry
from streams.kafka import Kafka
from tests.authority import Authority
from tests.live.broker import Broker
from tests.test_cli import eungdapso

pytestmark = pytest.mark.skipif("EUNGDAPSO_LIVE_KAFKA" not in os.environ, reason="make live runs what needs Kafka")

GROUPS = {INBOUND: ("router",), ROUTED: ("cases",)}
USER, PASSWORD = "eungdapso", "b!#%&:;@~-가로등"
SHAPE = Shape(partitions=2, replication=1, in_sync=1, keep_days=1)
# The PLAIN module's properties hold no such words; its password is plain indeed.
PLAIN_PASSWORD = "plain-secret"
_MODULES = "org.apache.kafka.common.security"


def listener(certificate: tuple[Path, Path]) -> dict[str, str]:
    """Returns the properties of a listener with this certificate that takes both kinds of password."""
    chain, key = certificate
    store = chain.with_suffix(".store")
    store.write_bytes(key.read_bytes() + chain.read_bytes())
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
        "plain.sasl.jaas.config": f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PLAIN_PASSWORD}";',
    }


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def broker(authority: Authority) -> Iterator[Broker]:
    certificates = {
        "SECURED": authority.issue("127.0.0.1"),
        "EXPIRED": authority.issue("127.0.0.1", expired=True),
        "ELSEWHERE": authority.issue("kafka.seoul.example"),
    }
    listeners = {name: listener(certificate) for name, certificate in certificates.items()}
    made = Broker(listeners=listeners, passwords={USER: PASSWORD}, is_light=True)
    made.prepare()
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def access(broker: Broker, authority: Authority, request: pytest.FixtureRequest) -> Access:
    """How it is reached, with topics of the test's own."""
    return Access(
        url=f"kafka://127.0.0.1:{broker.ports['SECURED']}",
        prefix=f"t{abs(hash(request.node.nodeid))}.",
        username=USER,
        password=PASSWORD,
        ca_file=str(authority.ca_file),
    )


async def made(access: Access) -> list[str]:
    return await create_topics(access, list(GROUPS), **msgspec.structs.asdict(SHAPE))


async def next_batch(stream: Kafka) -> Batch:
    async for batch in stream.read(INBOUND, "router"):
        return batch
    raise AssertionError("the stream ended")


@pytest.mark.parametrize(("mechanism", "password"), [("SCRAM-SHA-512", PASSWORD), ("PLAIN", PLAIN_PASSWORD)])
async def test_everything_works_with_a_password_over_tls(access: Access, mechanism: str, password: str) -> None:
    """Topics are made; records are published, read, committed, parked and tried again; the backlog is known."""
    access = msgspec.structs.replace(access, mechanism=mechanism, password=password)
    await made(access)
    stream = Kafka(access, groups=GROUPS)
    await stream.start()
    await stream.publish(Entry(topic=INBOUND, key="a", body="가로등이 꺼졌어요".encode()))
    behind = await stream.lags()
    first = await next_batch(stream)
    await stream.commit(first, park=[(first.records[0], "cannot be read")])
    (parked,) = await stream.parked()
    await stream.retry([parked.id])
    again = await next_batch(stream)
    await stream.commit(again)

    assert (1, 0) == (behind["router"], (await stream.lags())["router"])
    assert ["가로등이 꺼졌어요".encode()] == [record.body for record in again.records]
    assert 0 == await stream.parked_count()
    await stream.close()


REFUSALS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "wrong password": ({"password": "not-it-at-all"}, "user 'eungdapso' or the password is refused"),
    "unknown user": ({"username": "somebody"}, "user 'somebody' or the password is refused"),
    "no user": ({"username": "", "password": ""}, "whether this port wants|Check that this port speaks TLS"),
    "other mechanism": ({"mechanism": "SCRAM-SHA-256"}, "SCRAM-SHA-256 is not offered. Check mechanism"),
    "authority not named": ({"ca_file": "", "tls": True}, "certificate is refused: .* Name in .kafka. ca_file"),
    "no TLS": ({"ca_file": ""}, "ends the connection. Check whether this port wants TLS"),
    "expired": ({"url": "EXPIRED"}, "certificate has expired. Renew it"),
    "other host": ({"url": "ELSEWHERE"}, "is not valid for '127.0.0.1'. Write in stream the name"),
    "TLS where none is": ({"url": "PLAINTEXT"}, "Check that this port speaks TLS"),
    "nobody": ({"url": "kafka://127.0.0.1:1"}, "127.0.0.1:1: it cannot be reached: "),
    "no such host": ({"url": "kafka://kafka.seoul.invalid:9092"}, "kafka.seoul.invalid:9092: it cannot be reached: "),
}


@pytest.mark.parametrize("what", REFUSALS)
async def test_whoever_is_not_let_in_hears_why(access: Access, broker: Broker, what: str) -> None:
    """One line with what to do, soon, for whoever starts and whoever makes topics; no password in it."""
    change, said = REFUSALS[what]
    ports = {**broker.ports, "PLAINTEXT": broker.port}
    name = change.get("url", "SECURED")
    url = name if name not in ports else f"kafka://127.0.0.1:{ports[str(name)]}"
    wrong = msgspec.structs.replace(access, **{**change, "url": url})
    stream = Kafka(wrong, groups=GROUPS)

    for attempt in (stream.start(), made(wrong), differences(wrong, list(GROUPS), SHAPE)):
        with pytest.raises(Unavailable, match=said) as told:
            await attempt
        assert "\n" not in told.value.reason
        assert wrong.password not in told.value.reason or not wrong.password


async def test_a_port_that_says_nothing_is_given_up(access: Access) -> None:
    """What accepts connections and never answers is told within seconds."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        wrong = msgspec.structs.replace(access, url=f"kafka://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(Unavailable, match="no answer"):
            await Kafka(wrong, groups=GROUPS).start()


def configured(folder: Path, access: Access, **lines: str) -> list[str]:
    """Returns the arguments that name a pipeline.toml with these settings of [kafka]."""
    said = {"username": USER, "prefix": access.prefix, "ca_file": access.ca_file, **lines}
    table = "\n".join(f'{name} = "{value}"' for name, value in said.items())
    text = f'city = "{ROOT / "config"}"\nstream = "{access.url}"\n[kafka]\n{table}\n'
    shape = 'partitions = 1\nreplication = 1\nin_sync = 1\npassword = { env = "EUNGDAPSO_KAFKA_PASSWORD" }\n'
    (folder / "pipeline.toml").write_text(text + shape, encoding="utf-8")
    return ["--config", str(folder / "pipeline.toml")]


def run(config: Sequence[str], *words: str, password: str = PASSWORD) -> tuple[int, str, str]:
    done = eungdapso(*words, *config, EUNGDAPSO_KAFKA_PASSWORD=password)
    return done.returncode, done.stdout, done.stderr


def test_operations_prepare_a_secured_cluster(access: Access, tmp_path: Path) -> None:
    """`topics create` and `setup` work with what pipeline.toml and the environment say."""
    config = configured(tmp_path, access)
    first, again = run(config, "topics", "create"), run(config, "topics", "create")

    assert (0, "", 0, "every topic is there already\n") == (first[0], first[2], again[0], again[1])
    assert "created " + access.name("inbound") in first[1]
    assert 0 == run(config, "setup")[0]


def test_the_command_line_says_one_line(access: Access, tmp_path: Path) -> None:
    """A refused password ends with 1, a missing file or variable with 2; each in one line without the password."""
    refused = run(configured(tmp_path, access), "topics", "create", password="not-it-at-all")
    unset = run(configured(tmp_path, access), "setup", password="")
    missing = run(configured(tmp_path, access, ca_file="missing.pem"), "run", "--role", "router")

    assert [1, 2, 2] == [refused[0], unset[0], missing[0]]
    assert [1, 1, 1] == [len(one[2].splitlines()) for one in (refused, unset, missing)]
    assert "password is refused" in refused[2]
    assert "not-it-at-all" not in refused[2]
    assert "kafka.password: EUNGDAPSO_KAFKA_PASSWORD is not set" in unset[2]
    assert "kafka.ca_file: " in missing[2]
