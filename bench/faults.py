"""Breaks a part again and again under load and compares the ledgers: `python -m bench.faults kafka --times 20`.

The servers are real ones of our own. What can go:
  kafka, postgresql, elasticsearch   a server: --how kill (SIGKILL, the default), stop (it stays and answers nobody),
                                     cut (a proxy before it carries nothing)
  disk                               the broker's disk is full, the broker ends; there is room again, it is started
  worker                             a process of one role, router or sinks, of several: SIGKILL
  members                            one more process of a role joins and leaves again: partitions change hands
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from bench.crash import Crasher
from bench.instance import Instance, free_port
from bench.ledger import compare
from bench.live import launcher
from bench.proxy import Proxy

_SERVERS = ("kafka", "postgresql", "elasticsearch")
# Large enough for what the log itself takes in so many rounds.
_DISK_BYTES = 3 * 1024**3
_WORKERS = ("router", "sinks")


class Fault(Protocol):
    """Something that goes and comes back."""

    def go(self) -> None: ...

    def come(self) -> None: ...


class Killed:
    def __init__(self, server: Any) -> None:
        self.go, self.come = server.kill, server.again


class Silent:
    """Of a server or a proxy."""

    def __init__(self, server: Any) -> None:
        self.go, self.come = server.pause, server.resume


class Full:
    """The disk of a server that ends when it cannot write."""

    def __init__(self, server: Any, disk: Path) -> None:
        self._server = server
        self._rest = disk / "rest"

    def go(self) -> None:
        with suppress(OSError), self._rest.open("wb", buffering=0) as rest:
            while rest.write(b"\0" * 65536):
                pass

    def come(self) -> None:
        self._rest.unlink(missing_ok=True)
        if not self._server.is_running:
            self._server.again()


class Worker:
    """One of several processes of a role, another one each time."""

    def __init__(self, workers: list[Instance]) -> None:
        self._workers = workers
        self._next = 0

    def go(self) -> None:
        self._workers[self._next].kill()

    def come(self) -> None:
        self._workers[self._next].start()
        self._next = (self._next + 1) % len(self._workers)


class Member(Worker):
    """It was not there before, and takes its leave."""

    def go(self) -> None:
        self._workers[self._next].start()

    def come(self) -> None:
        self._workers[self._next].stop()
        self._next = (self._next + 1) % len(self._workers)


class Breaker(Crasher):
    """Keeps an instance under load while a part of it goes and comes back."""

    def __init__(self, folder: Path, *, per_second: float, seed: int, down: float) -> None:
        super().__init__(folder / "first", per_second=per_second, seed=seed, name="f" + folder.name.lower()[-8:])
        self.seconds_to_recover: list[float] = []
        self._folder = folder
        self._down = down

    def workers(self) -> list[Instance]:
        """Returns one more process of each role, on the same engines."""
        made = []
        for role in _WORKERS:
            worker = Instance(self._folder / role, role=role, name=self.instance.name, extra=self.instance.extra)
            worker.is_prepared = True
            made.append(worker)
        return made

    def break_once(self, fault: Fault) -> None:
        """Offers messages for some seconds; at a random moment a part goes; afterwards everything recovers."""
        before = self._chosen.uniform(0.3, 1.5)
        breaking = threading.Timer(before, self._go_and_come, [fault])
        breaking.start()
        self._offer(before + self._down + 1.0)
        breaking.join()
        begun = time.monotonic()
        self.instance.drain(wait_seconds=180)
        self.seconds_to_recover.append(time.monotonic() - begun)

    def _go_and_come(self, fault: Fault) -> None:
        fault.go()
        time.sleep(self._down)
        fault.come()

    def verdict(self) -> Any:
        self.instance.stop()
        self.instance.start()
        self.instance.drain()
        self.instance.stop()
        return compare(self.instance.cases_url, self._folder, self.acknowledged)


def faults(folder: Path, given: argparse.Namespace) -> bool:
    with ExitStack() as stack:
        fault = _engines(stack, given.part, given.how)
        breaker = Breaker(folder, per_second=given.per_second, seed=given.seed, down=given.down)
        breaker.instance.start()
        stack.callback(breaker.instance.kill)
        if fault is None:
            fault = _workers(stack, breaker, given.part)
        for number in range(1, given.times + 1):
            breaker.break_once(fault)
            seen = f"acknowledged {len(breaker.acknowledged)} · recovered in {breaker.seconds_to_recover[-1]:.1f} s"
            sys.stderr.write(f"{given.part} {number}/{given.times} · {seen}\n")
        verdict = breaker.verdict()
        seconds = breaker.seconds_to_recover
        times = f"{given.part} ({given.how}, {given.down:g} s), {given.times} times"
        print(f"{times}: {verdict}; recovered in {median(seconds):.1f} s (at most {max(seconds):.1f})", flush=True)
        if not verdict.is_clean:
            print(breaker.instance.log()[-3000:])
        return bool(verdict.is_clean)


def _engines(stack: ExitStack, part: str, how: str) -> Fault | None:
    """Starts the servers that this needs; returns the fault when it is a server's."""
    if part == "disk":
        disk = stack.enter_context(_small_disk())
        server = started(stack, launcher("kafka", data=disk / "data"))
        return Full(server, disk)
    if part not in _SERVERS:
        for name in _SERVERS:
            started(stack, launcher(name))
        return None
    if how != "cut":
        server = started(stack, launcher(part))
        return Silent(server) if how == "stop" else Killed(server)
    port = free_port()
    server = started(stack, launcher(part, **({"advertised": port} if part == "kafka" else {})))
    proxy = Proxy(port, server.port)
    proxy.start()
    stack.callback(proxy.stop)
    os.environ[server.variable] = os.environ[server.variable].replace(f":{server.port}", f":{port}")
    return Silent(proxy)


def started(stack: ExitStack, server: Any) -> Any:
    server.prepare()
    stack.callback(server.stop)
    os.environ[server.variable] = server.start()
    return server


def _workers(stack: ExitStack, breaker: Breaker, part: str) -> Fault:
    workers = breaker.workers()
    for worker in workers:
        stack.callback(worker.kill)
        if part == "worker":
            worker.start()
    return Worker(workers) if part == "worker" else Member(workers)


@contextmanager
def _small_disk() -> Iterator[Path]:
    """A file system of its own, in memory; only root can make one."""
    with tempfile.TemporaryDirectory(prefix="eungdapso-disk-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*_SERVERS, "disk", "worker", "members"])
    parser.add_argument("--how", choices=["kill", "stop", "cut"], default="kill", help="how a server goes (kill)")
    parser.add_argument("--times", type=int, default=20, help="how many times it is broken (20)")
    parser.add_argument("--down", type=float, default=2.0, help="seconds until it comes back (2)")
    parser.add_argument("--per-second", type=float, default=200, help="messages a second that are offered (200)")
    parser.add_argument("--seed", type=int, default=1, help="for the random moments (1)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eungdapso-faults-") as folder:
        is_clean = faults(Path(folder), given)
    sys.exit(0 if is_clean else 1)


if __name__ == "__main__":
    main()
