"""A real Kafka broker (KRaft, one node) from Maven Central's jars, for tests: `python tests/live/broker.py`."""

import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_LIBS = Path.home() / ".cache" / "eungdapso-live" / "broker"
_START_SECONDS = 60
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


class Broker:
    """One broker on a free loopback port. `variable` is the environment variable that tells tests its address."""

    variable = "EUNGDAPSO_LIVE_KAFKA"

    def __init__(self, *, data: Path | None = None, advertised: int = 0) -> None:
        """`advertised` is the port that clients are told to use: a proxy's."""
        self._folder = Path(tempfile.mkdtemp(prefix="eungdapso-broker-"))
        self._data = data or self._folder / "data"
        self.port, self._controller = _free_port(), _free_port()
        self._advertised = advertised or self.port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"kafka://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Fetches the jars once."""
        if not list(_LIBS.glob("kafka_*.jar")):
            fetch = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={_LIBS}"]
            subprocess.run(["mvn", "-q", "-B", "-f", str(_HERE / "broker" / "pom.xml"), *fetch], check=True)

    def start(self) -> str:
        """Formats the storage and starts; returns the URL once it answers."""
        properties = _PROPERTIES.format(
            port=self.port, advertised=self._advertised, controller=self._controller, data=self._data
        )
        (self._folder / "server.properties").write_text(properties, encoding="ascii")
        # Written with "=": one in 64 begins with a hyphen.
        identity = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        self._java("kafka.tools.StorageTool", "format", f"--cluster-id={identity}", "-c", self._config).wait(
            timeout=_START_SECONDS
        )
        return self.again()

    def again(self) -> str:
        """Starts on the same data and port."""
        self._process = self._java("kafka.Kafka", self._config)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the broker does not start: {self.log()[-2000:]}")
            time.sleep(0.1)
        return self.url

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """As a power cut does."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """As a network that carries nothing any more, until `resume`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ends it and removes what it wrote."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)

    def log(self) -> str:
        path = self._folder / "broker.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def _config(self) -> str:
        return str(self._folder / "server.properties")

    def _java(self, *arguments: str) -> "subprocess.Popen[bytes]":
        command = ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{_LIBS}/*", *arguments]
        with (self._folder / "broker.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        # The broker's port opens when it has joined its own controller.
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _raise(*_: object) -> None:
    raise SystemExit


if __name__ == "__main__":
    # Without a handler the signal would end this process and leave the broker running.
    signal.signal(signal.SIGTERM, _raise)
    signal.signal(signal.SIGINT, _raise)
    broker = Broker()
    try:
        broker.prepare()
        sys.stdout.write(f"{Broker.variable}={broker.start()}\n")
        sys.stdout.flush()
        signal.pause()
    finally:
        broker.stop()
