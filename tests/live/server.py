"""What the launchers of real servers share: jars fetched once, a process on a free port, its end in every case."""

import hashlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

CACHE = Path.home() / ".cache" / "eungdapso-live"
# Behind a network that answers nothing, Maven would wait for hours.
_FETCH_SECONDS = 600
_STOP_SECONDS = 30


class JavaServer(ABC):
    """One process on a free loopback port. `variable` is the environment variable that tells tests its address."""

    variable: str
    name: str
    start_seconds = 120

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"eungdapso-{self.name}-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def begin(self) -> None:
        """Starts on the data and port that it has, and waits for nothing."""

    @abstractmethod
    def _answers(self) -> bool: ...

    def again(self) -> str:
        """Starts on the same data and port; returns the URL once it answers."""
        self.begin()
        return self.wait()

    def wait(self) -> str:
        """Returns the URL once it answers."""
        deadline = time.monotonic() + self.start_seconds
        while not self._answers():
            if not self.is_running or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not start: {self.log()[-2000:]}")
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
        path = self._folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _java(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(["java", *arguments], cwd=self._folder, stdout=log, stderr=log)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def home(name: str, recipe: bytes, make: Callable[[Path], None]) -> Path:
    """Returns the folder that `make` filled, once for each version of the recipe; whole, or not at all.

    Where it is kept already nothing is asked of Maven. Raises `OSError` or `SubprocessError` when it cannot be had.
    """
    kept = CACHE / f"{name}-{hashlib.sha256(recipe).hexdigest()[:12]}"
    if shutil.which("java") is None:
        raise FileNotFoundError(f"{name} needs Java 17 or newer (java, on the PATH)")
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as unfinished:
            made = Path(unfinished) / "home"
            make(made)
            # Two runs at once may have got this far.
            if not kept.exists():
                made.rename(kept)
    return kept


def fetch(pom: Path, into: Path) -> None:
    """Copies the jars that the pom names, and all that they need."""
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={into}"]
    command = ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(pom), *goal]
    subprocess.run(command, check=True, stdout=sys.stderr, timeout=_FETCH_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(server: Any) -> None:
    """Runs a server, its address printed, until Ctrl-C or a polite kill, which end it with what it wrote."""
    # Without a handler the signal would end this process and leave the server running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        try:
            server.prepare()
            sys.stdout.write(f"{server.variable}={server.start()}\n")
            sys.stdout.flush()
            signal.pause()
        finally:
            server.stop()
