"""Breaks an engine again and again under load and compares the ledgers: `python -m bench.faults kafka --times 20`.

The engines are real servers of our own; what is broken is killed (SIGKILL), or made to answer nobody (SIGSTOP).
"""

import argparse
import importlib.util
import os
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.crash import Crasher
from bench.instance import ROOT

_DOWN_SECONDS = {"kafka": (0.5, 3.0), "postgresql": (0.5, 3.0), "elasticsearch": (2.0, 6.0)}


class Breaker(Crasher):
    """Keeps one instance under load while an engine under it goes and comes back."""

    seconds_to_recover: list[float]

    def __init__(self, folder: Path, server: Any, *, per_second: float, seed: int, silent: bool, down: float) -> None:
        super().__init__(folder, per_second=per_second, seed=seed)
        self.seconds_to_recover = []
        self._server = server
        self._silent = silent
        self._down = down

    def break_once(self) -> None:
        """Offers messages for some seconds; at a random moment the engine goes; afterwards everything recovers."""
        before = self._chosen.uniform(0.3, 1.5)
        breaking = threading.Timer(before, self._go_and_come)
        breaking.start()
        self._offer(before + self._down + 1.0)
        breaking.join()
        begun = time.monotonic()
        self.instance.drain(wait_seconds=180)
        self.seconds_to_recover.append(time.monotonic() - begun)

    def _go_and_come(self) -> None:
        go, come = (
            (self._server.pause, self._server.resume) if self._silent else (self._server.kill, self._server.again)
        )
        go()
        time.sleep(self._down)
        come()


def _server(name: str) -> Any:
    spec = importlib.util.spec_from_file_location("live_run", ROOT / "tests" / "live" / "run.py")
    assert spec is not None
    assert spec.loader is not None
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    return run.launcher(name)


def faults(folder: Path, engine: str, *, times: int, per_second: float, seed: int, silent: bool, down: float) -> bool:
    with ExitStack() as stack:
        server = _server(engine)
        server.prepare()
        stack.callback(server.stop)
        os.environ[server.variable] = server.start()
        breaker = Breaker(folder, server, per_second=per_second, seed=seed, silent=silent, down=down)
        breaker.instance.start()
        stack.callback(breaker.instance.kill)
        for number in range(1, times + 1):
            breaker.break_once()
            seen = f"acknowledged {len(breaker.acknowledged)} · recovered in {breaker.seconds_to_recover[-1]:.1f} s"
            sys.stderr.write(f"{engine} gone {number}/{times} · {seen}\n")
        breaker.instance.stop()
        verdict = breaker.finish()
        seconds = breaker.seconds_to_recover
        print(f"{engine}, {times} times: {verdict}; recovered in {median(seconds):.1f} s (at most {max(seconds):.1f})")
        if not verdict.is_clean:
            print(breaker.instance.log()[-3000:])
        return verdict.is_clean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["kafka", "postgresql", "elasticsearch"])
    parser.add_argument("--times", type=int, default=20, help="how many times it is broken (20)")
    parser.add_argument("--down", type=float, default=2.0, help="seconds until it comes back (2)")
    parser.add_argument("--silent", action="store_true", help="it stays there and answers nobody")
    parser.add_argument("--per-second", type=float, default=200, help="messages a second that are offered (200)")
    parser.add_argument("--seed", type=int, default=1, help="for the random moments (1)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eungdapso-faults-") as folder:
        is_clean = faults(
            Path(folder),
            given.engine,
            times=given.times,
            per_second=given.per_second,
            seed=given.seed,
            silent=given.silent,
            down=given.down,
        )
    sys.exit(0 if is_clean else 1)


if __name__ == "__main__":
    main()
