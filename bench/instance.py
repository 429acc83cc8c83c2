"""A running pipeline of our own: fresh folder, free ports, known secrets; started, killed and started again."""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar

from bench.engines import Engines
from pipeline import models

ROOT = Path(__file__).resolve().parent.parent
TOKEN = secrets.token_hex(16)
# Names the variable of the key, for instances that are given one in `extra`.
SEAL = "EUNGDAPSO_BENCH_SEAL"
_WHEN = re.compile(r"^\d{4}-\d\d-\d\dT\S+ ")
_USUAL = re.compile(r"^eungdapso: |\[(?:info|debug) *\]")
_LONGEST = 400
# What it may take to stop on a machine that is busy elsewhere.
_STOP_SECONDS = 300


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Instance:
    """`python -m pipeline run` in `folder`; `extra` goes into its environment.

    Several of one `name` share topics, cases and index; each has its own `role` and its own var.
    """

    # Returns a var in which lies what the city's own files come to (`pipeline.models.Kept`): who is new begins with it.
    found_before: ClassVar[Callable[[], Path] | None] = None
    # Those that this process started.
    begun: ClassVar[list["Instance"]] = []

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    role: str = "all"
    name: str = ""
    http: int = field(default_factory=free_port)
    smtp: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    is_prepared: bool = False
    # When it was stopped or killed from here.
    ended_at: float | None = None
    # How long the log was when the process began.
    _begun_at: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = (ROOT / "pipeline.toml").read_text(encoding="utf-8")
        text = text.replace('city = "config"', f'city = "{ROOT / "config"}"', 1)
        text = re.sub(r"(?m)^port = 8120", f"port = {self.http}", text)
        text = re.sub(r"(?m)^port = 8025", f"port = {self.smtp}", text)
        text = text.replace("127.0.0.1:8120", f"127.0.0.1:{self.http}")
        if SEAL in self.extra:
            text += f'\n[security]\nkey = {{ env = "{SEAL}" }}\n'
        self.config.write_text(self.engines.written_into(text), encoding="utf-8")

    @property
    def config(self) -> Path:
        return self.folder / "pipeline.toml"

    @property
    def var(self) -> Path:
        return self.folder / "var"

    @property
    def engines(self) -> Engines:
        return Engines(name=self.name or "e" + blake2b(str(self.folder).encode(), digest_size=6).hexdigest())

    @property
    def cases_url(self) -> str:
        return self.engines.cases_url(self.var / "cases.sqlite")

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EUNGDAPSO_")}
        return {**kept, "EUNGDAPSO_SMS_TOKEN": TOKEN, "EUNGDAPSO_VAR": str(self.var), **self.extra}

    def start(self, *, wait_seconds: float = 180) -> float:
        """Starts and waits until it is ready; returns the seconds that took."""
        if not self.is_prepared:
            self.engines.prepare(self.config, self.environment)
            self.is_prepared = True
        begun = time.monotonic()
        self.begin()
        while not self.is_ready():
            if not self.is_running or time.monotonic() - begun > wait_seconds:
                raise RuntimeError(f"it does not start: {self.log()[-2000:]}")
            time.sleep(0.05)
        return time.monotonic() - begun

    def begin(self) -> None:
        """Starts it and waits for nothing."""
        self.furnish()
        self.ended_at = None
        if self not in Instance.begun:
            Instance.begun.append(self)
        path = self.folder / "run.log"
        self._begun_at = path.stat().st_size if path.exists() else 0
        command = [sys.executable, "-m", "pipeline", "run", "--role", self.role, "--config", str(self.config)]
        with path.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def furnish(self) -> None:
        """Gives it what was found before, if anything was and nothing is there yet."""
        if Instance.found_before is None or self.var.exists():
            return
        found = Instance.found_before()
        self.var.mkdir(mode=0o700)
        shutil.copytree(models.folder_of(found), models.folder_of(self.var))

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Kills the process that was started; what it started itself has to notice."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.ended_at = time.time()

    def stop(self) -> float:
        """Stops it as an operator does; returns the seconds that took."""
        assert self.process is not None
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=_STOP_SECONDS)
        self.ended_at = time.time()
        return time.monotonic() - begun

    def log(self) -> str:
        return (self.folder / "run.log").read_text(encoding="utf-8", errors="replace")

    def warnings(self) -> list[str]:
        """Returns what it warned of and what it failed with, each once, with how often it was said."""
        said = Counter(_WHEN.sub("", line).strip() for line in self.log().splitlines() if not _USUAL.search(line))
        return [f"{count} × {line[:_LONGEST]}" for line, count in said.items() if line]

    def is_ready(self) -> bool:
        if self.role in ("router", "sinks"):
            return b"eungdapso: ready" in (self.folder / "run.log").read_bytes()[self._begun_at :]
        try:
            return bool(self.readiness()["ready"])
        except (OSError, ValueError):
            return False

    def readiness(self) -> dict[str, object]:
        try:
            with urllib.request.urlopen(f"{self.base}/readyz", timeout=5) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))

    def drain(self, *, wait_seconds: float = 300) -> float:
        """Waits until nothing is left in the stream and the outbox; returns the seconds that took."""
        begun = time.monotonic()
        quiet = 0
        while quiet < 3:
            if time.monotonic() - begun > wait_seconds:
                raise RuntimeError(f"not drained: {self.readiness()}\n" + "\n".join(self.warnings()))
            says = self.readiness()
            attention, lag = says["attention"], says["lag"]
            assert isinstance(attention, dict)
            assert isinstance(lag, dict)
            quiet = quiet + 1 if not sum(lag.values()) and not attention.get("unsent", 0) else 0
            time.sleep(0.1)
        return time.monotonic() - begun

    def memory_bytes(self) -> int:
        """Returns the memory of all processes; what they share is counted once (proportional set size)."""
        assert self.process is not None
        return sum(_proportional(pid) for pid in _family(self.process.pid))


def children(pid: int) -> list[int]:
    """Returns the processes that this one started and that still run."""
    # A process belongs to the thread that started it, and that is not always the first.
    lists = [list_.read_text(encoding="ascii").split() for list_ in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for found in lists for child in found]


def _family(pid: int) -> list[int]:
    return [pid, *(member for child in children(pid) for member in _family(child))]


def _proportional(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
