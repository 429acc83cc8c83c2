"""A real Elasticsearch (one node) from Maven Central's jars, for tests: `python tests/live/elasticsearch.py`."""

import hashlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

_SOURCE = Path(__file__).resolve().parent / "elasticsearch-node"
_CACHE = Path.home() / ".cache" / "eungdapso-live"
_START_SECONDS = 90
_TRANSPORT = "transport-netty4"
_DESCRIPTOR = """
name={name}
description=HTTP
version={version}
elasticsearch.version={version}
java.version=17
classname=org.elasticsearch.transport.netty4.Netty4Plugin
"""


class Elasticsearch:
    """One node on a free loopback port, without security. `variable` is the environment variable that tells tests
    its address."""

    variable = "EUNGDAPSO_LIVE_ELASTICSEARCH"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="eungdapso-elasticsearch-"))
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Fetches the jars and compiles the launcher, once for each version of both."""
        home = _home()
        if home.exists():
            return
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as unfinished:
            made = Path(unfinished) / "home"
            _fetch(made / "lib")
            _install(made)
            # Two runs at once may have got this far.
            if not home.exists():
                made.rename(home)

    def start(self) -> str:
        """Starts with nothing in it; returns the URL once it answers."""
        return self.again()

    def again(self) -> str:
        """Starts on the same data and port."""
        home = _home()
        command = ["java", "-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{home}/classes:{home}/lib/*"]
        command += ["OneNode", str(home), str(self._folder / "data"), str(self.port)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Elasticsearch does not start: {self.log()[-2000:]}")
            time.sleep(0.1)
        return self.url

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
        path = self._folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

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
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            # Indexes of the last run are there again when the node is no longer red.
            connection.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def _home() -> Path:
    sources = [_SOURCE / "pom.xml", _SOURCE / "OneNode.java", Path(__file__)]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    return _CACHE / f"elasticsearch-{digest[:12]}"


def _fetch(libraries: Path) -> None:
    pom = str(_SOURCE / "pom.xml")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={libraries}"]
    subprocess.run(["mvn", "-q", "-B", "-Dstyle.color=never", "-f", pom, *goal], check=True, stdout=sys.stderr)


def _install(home: Path) -> None:
    """Puts things where an installed server has them: what speaks HTTP is a module with a descriptor."""
    module = home / "modules" / _TRANSPORT
    for folder in (module, home / "config", home / "plugins", home / "classes"):
        folder.mkdir(parents=True)
    for jar in [*home.glob(f"lib/{_TRANSPORT}-*.jar"), *home.glob("lib/netty-*.jar")]:
        jar.rename(module / jar.name)
    names = [jar.name for jar in home.glob("lib/*.jar")]
    version = next(found[1] for name in names if (found := re.fullmatch(r"elasticsearch-(\d+\.\d+\.\d+)\.jar", name)))
    descriptor = _DESCRIPTOR.format(name=_TRANSPORT, version=version)
    (module / "plugin-descriptor.properties").write_text(descriptor, encoding="ascii")
    source = str(_SOURCE / "OneNode.java")
    subprocess.run(["javac", "-cp", f"{home}/lib/*", "-d", str(home / "classes"), source], check=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    engine = Elasticsearch()
    engine.prepare()
    # Ctrl-C and a polite kill end alike: with the server and what it wrote.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with suppress(KeyboardInterrupt):
        try:
            sys.stdout.write(f"{Elasticsearch.variable}={engine.start()}\n")
            sys.stdout.flush()
            signal.pause()
        finally:
            engine.stop()
