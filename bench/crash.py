"""Kills the running pipeline at random moments under load and compares the ledgers: `make crash`."""

import argparse
import asyncio
import contextlib
import random
import secrets
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.instance import SEAL, TOKEN, Instance
from bench.ledger import Verdict, compare
from bench.load import offer, request
from bench.texts import texts


class Crasher:
    """Keeps one instance under load and kills it again and again; remembers every acknowledged id."""

    def __init__(self, folder: Path, *, per_second: float, seed: int, name: str = "") -> None:
        # Whoever joins it on other machines has the same key.
        self.instance = Instance(folder, name=name, extra={SEAL: secrets.token_hex(32)})
        self.acknowledged: set[str] = set()
        self._per_second = per_second
        self._chosen = random.Random(seed)
        self._texts = texts(1000)
        self._sent = 0

    def round(self) -> None:
        """Starts, sends, kills at a random moment, some of the time before it was even ready."""
        if self._chosen.random() < 0.1:
            self._kill_while_starting()
        self.instance.start()
        seconds = self._chosen.uniform(0.05, 1.5)
        killer = threading.Timer(seconds, self.instance.kill)
        killer.start()
        self._offer(seconds + 0.3)
        killer.join()

    def finish(self) -> Verdict:
        """Starts once more, lets everything come to its end, and compares."""
        self.instance.start()
        self.instance.drain()
        self.instance.stop()
        return compare(self.instance.cases_url, self.instance.var / "outbox", self.acknowledged)

    def _kill_while_starting(self) -> None:
        moment = self._chosen.uniform(0.1, 2.0)
        killer = threading.Timer(moment, self.instance.kill)
        killer.start()
        # It may be killed before it is ready, as intended.
        with contextlib.suppress(RuntimeError):
            self.instance.start()
        killer.join()

    def _offer(self, seconds: float) -> None:
        batch = [self._next() for _ in range(int(self._per_second * seconds))]
        try:
            report = asyncio.run(offer(self.instance.http, batch, per_second=self._per_second, connections=16))
        except OSError:
            return
        self.acknowledged.update(report.acknowledged)

    def _next(self) -> tuple[str, bytes]:
        # One in twenty is a redelivery of something that was acknowledged before.
        if self.acknowledged and self._chosen.random() < 0.05:
            number = int(self._chosen.choice(sorted(self.acknowledged)[-200:])[2:])
        else:
            self._sent += 1
            number = self._sent
        sid = f"SM{number:032d}"
        text = f"{self._texts[number % len(self._texts)]} {number}"
        return sid, request(self.instance.base, TOKEN, sid, f"+8210{number:08d}", text)


def crash(folder: Path, *, kills: int, per_second: float, seed: int) -> Verdict:
    crasher = Crasher(folder, per_second=per_second, seed=seed)
    for number in range(1, kills + 1):
        begun = time.monotonic()
        crasher.round()
        sys.stderr.write(
            f"\rkill {number}/{kills} · acknowledged {len(crasher.acknowledged)} · {time.monotonic() - begun:.1f} s "
        )
    sys.stderr.write("\n")
    return crasher.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="how many times it is killed (100)")
    parser.add_argument("--per-second", type=float, default=300, help="messages a second that are offered (300)")
    parser.add_argument("--seed", type=int, default=1, help="for the random moments (1)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eungdapso-crash-") as folder:
        verdict = crash(Path(folder), kills=given.kills, per_second=given.per_second, seed=given.seed)
        print(verdict)
        for name in ("lost", "doubled", "unanswered", "sent_twice"):
            for sid in getattr(verdict, name)[:5]:
                print(f"  {name}: {sid}")
        if not verdict.is_clean:
            print(Instance(Path(folder)).log()[-3000:])
    sys.exit(0 if verdict.is_clean else 1)


if __name__ == "__main__":
    main()
