"""Real Kafka brokers (KRaft, one or several) from Maven Central's jars, for tests: `python tests/live/broker.py`."""

import secrets
import socket
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.live.server import JavaServer, fetch, free_port, home, serve

_POM = Path(__file__).resolve().parent / "broker" / "pom.xml"
_PROPERTIES = """
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listener.security.protocol.map={protocols}
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={advertised}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
min.insync.replicas={in_sync}
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


class Broker(JavaServer):
    """One broker."""

    variable = "EUNGDAPSO_LIVE_KAFKA"
    name = "broker"

    def __init__(
        self,
        *,
        data: Path | None = None,
        advertised: int = 0,
        listeners: Mapping[str, Mapping[str, str]] = {},
        passwords: Mapping[str, str] = {},
        is_light: bool = False,
    ) -> None:
        """`advertised` is the port that clients are told to use: a proxy's.

        `listeners` are further ones by name, with TLS and SASL, each with what its properties say; `ports` has
        theirs. `passwords` are those of users, for SCRAM-SHA-512. One that `is_light` starts sooner and carries less.
        """
        super().__init__()
        self._data = data or self._folder / "data"
        self.controller = free_port()
        self._advertised = advertised or self.port
        self.ports = {name: free_port() for name in listeners}
        self._listeners, self._passwords = listeners, passwords
        self._is_light = is_light

    @property
    def url(self) -> str:
        return f"kafka://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Fetches the jars once."""
        _home()

    def start(self) -> str:
        """Formats the storage and starts; returns the URL once it answers."""
        self.format({1: self.controller}, _identity()).wait(timeout=self.start_seconds)
        return self.again()

    def format(self, controllers: Mapping[int, int], identity: str, number: int = 1) -> "subprocess.Popen[bytes]":
        """Prepares the storage of one of several, once what is returned ends: `controllers` are the ports of all."""
        ports = {"PLAINTEXT": self.port, **self.ports}
        protocols = dict.fromkeys(("PLAINTEXT", "CONTROLLER"), "PLAINTEXT") | dict.fromkeys(self.ports, "SASL_SSL")
        properties = _PROPERTIES.format(
            number=number,
            voters=",".join(f"{one}@127.0.0.1:{port}" for one, port in controllers.items()),
            protocols=",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            listeners=_addresses(ports),
            advertised=_addresses(ports | {"PLAINTEXT": self._advertised}),
            controller=self.controller,
            data=self._data,
            copies=min(3, len(controllers)),
            in_sync=min(2, len(controllers)),
        )
        for name, more in self._listeners.items():
            properties += "".join(f"listener.name.{name.lower()}.{key}={value}\n" for key, value in more.items())
        Path(self._config).write_text(properties, encoding="ascii")
        # Written with "=": one in 64 begins with a hyphen.
        arguments = [f"--cluster-id={identity}", "-c", self._config]
        for user, password in self._passwords.items():
            arguments += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
        return self._kafka("kafka.tools.StorageTool", "format", *arguments)

    def begin(self) -> None:
        """Starts; one of several answers when the others have begun, too."""
        self._process = self._kafka("kafka.Kafka", self._config)

    @property
    def _config(self) -> str:
        return str(self._folder / "server.properties")

    def _kafka(self, *arguments: str) -> "subprocess.Popen[bytes]":
        options = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", *(["-XX:TieredStopAtLevel=1"] if self._is_light else [])]
        return self._java(*options, "-cp", f"{_home()}/*", *arguments)

    def _answers(self) -> bool:
        # The broker's port opens when it has joined its own controller.
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


class Brokers:
    """Several brokers of one cluster: `each` may be killed, paused and started again by itself."""

    variable = Broker.variable

    def __init__(self, count: int = 3) -> None:
        self.each = [Broker(is_light=True) for _ in range(count)]

    @property
    def url(self) -> str:
        return "kafka://" + ",".join(broker.url.removeprefix("kafka://") for broker in self.each)

    def prepare(self) -> None:
        self.each[0].prepare()

    def start(self) -> str:
        """Starts all of them; returns the URL once all answer."""
        controllers = {number: broker.controller for number, broker in enumerate(self.each, start=1)}
        identity = _identity()
        for making in [each.format(controllers, identity, number) for number, each in enumerate(self.each, start=1)]:
            making.wait(timeout=Broker.start_seconds)
        for broker in self.each:
            broker.begin()
        for broker in self.each:
            broker.wait()
        return self.url

    def stop(self) -> None:
        """Ends them and removes what they wrote; a majority that is gone would let none of them end in order."""
        for broker in self.each:
            broker.kill()
            broker.stop()


def _identity() -> str:
    return urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def _home() -> Path:
    return home(Broker.name, _POM.read_bytes(), partial(fetch, _POM))


if __name__ == "__main__":
    serve(Broker())
