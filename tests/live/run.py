"""Starts real servers, runs the suites on them, stops them: `make live`. With --only kafka (…) just these.

Exit 0: every suite passed; 1: one did not, as said at the end. Exit 3: a server could not be had here (no Java or
Maven, nothing that can be fetched), no test was run.
"""

import argparse
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
# Name on the command line: the launcher's file and class.
_SERVERS = {
    "kafka": ("broker", "Broker"),
    "postgresql": ("postgres", "Postgres"),
    "elasticsearch": ("elasticsearch", "Elasticsearch"),
}
_SUITES = {
    "kafka": (
        "test_stream_contract.py",
        "test_kafka_live.py",
        "test_topics_live.py",
        "test_secured_kafka_live.py",
        "test_brokers_live.py",
        "test_poison.py",
        "test_rewind_live.py",
        "test_restored_live.py",
    ),
    "postgresql": (
        "test_store.py",
        "test_outbox.py",
        "test_officer.py",
        "test_reply.py",
        "test_postgres.py",
        "test_key_check.py",
        "test_status.py",
        "test_paused_live.py",
        "test_secured_postgres_live.py",
        "test_cases_tallies.py",
        "test_cases_tidy.py",
        "test_cases_migrations.py",
        "test_contacts.py",
        "test_contacts_page.py",
        "test_conversations.py",
        "test_versions.py",
        "test_chat.py",
        "test_courier.py",
        "test_polling.py",
        "test_alarms.py",
        "test_media.py",
        "test_same_again.py",
        "test_pages.py",
        "test_georeport.py",
        "test_requests.py",
        "test_broadcasts.py",
        "test_broadcast_api.py",
        "test_notices.py",
        "test_x_refresh.py",
        "test_x_again.py",
        "test_x_spent.py",
    ),
    "elasticsearch": (
        "test_sink_contract.py",
        "test_search.py",
        "test_elastic.py",
        "test_elastic_live.py",
        "test_secured_elastic_live.py",
    ),
}
_TOGETHER = ("test_end_to_end.py", "test_crash.py", "test_migrate_live.py")
# What shows in a few minutes that every engine keeps its contract, and the main job is done on them.
_QUICK = {
    "kafka": ("test_stream_contract.py", "test_kafka_live.py"),
    "postgresql": ("test_store.py",),
    "elasticsearch": ("test_sink_contract.py", "test_elastic_live.py"),
}
_QUICK_TOGETHER = ("test_end_to_end.py",)
_ABSENT = 3
# The longest, test_crash.py, takes a few minutes; one that waits for what never comes must not wait for ever.
_MOST_SECONDS, _MOST_SECONDS_QUICK = 1200, 240
_SAYS_SECONDS = 10


def launcher(name: str, **options: Any) -> Any:
    """Returns a server that is not started yet."""
    module, kind = _SERVERS[name]
    # By its whole name: as a script this folder is searched for imports, and it holds an elasticsearch.py.
    return getattr(importlib.import_module(f"tests.live.{module}"), kind)(**options)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(_SERVERS), default=sorted(_SERVERS))
    parser.add_argument("--quick", action="store_true", help="the contracts and the main job only")
    parser.add_argument("--seconds", type=float, help="a suite that takes longer is ended, and has failed")
    given = parser.parse_args()
    each, together = (_QUICK, _QUICK_TOGETHER) if given.quick else (_SUITES, _TOGETHER)
    most_seconds = given.seconds or (_MOST_SECONDS_QUICK if given.quick else _MOST_SECONDS)
    # A polite kill ends the servers too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    servers = {name: launcher(name) for name in given.only}
    with ExitStack() as stack:
        for server in servers.values():
            stack.callback(server.stop)
        try:
            for server in servers.values():
                server.prepare()
        except (OSError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"live: skipped, the servers cannot be had here: {error}\n")
            return _ABSENT
        environment = dict(os.environ)
        for name, server in servers.items():
            sys.stderr.write(f"{name}: starting …\n")
            environment[server.variable] = server.start()
        return run((*(suite for name in servers for suite in each[name]), *together), environment, most_seconds)


def run(suites: Iterable[str], environment: Mapping[str, str], most_seconds: float) -> int:
    """Runs one suite after the other and says at the end how each went; returns 0 when all of them passed.

    Two at once would be unfair: what rebalances and restarts is watched, and two cores carry the servers too.
    """
    said: dict[str, str] = {}
    try:
        for suite in suites:
            said[suite] = "was interrupted"
            sys.stderr.write(f"{suite}\n")
            said[suite] = _ran(suite, environment, most_seconds)
    finally:
        wrong = [suite for suite, words in said.items() if not words.startswith("passed")]
        # What went wrong stands last, where one looks.
        for suite in sorted(said, key=wrong.__contains__):
            sys.stderr.write(f"live: {suite} {said[suite]}\n")
    return 1 if wrong else 0


def _ran(suite: str, environment: Mapping[str, str], most_seconds: float) -> str:
    """Returns how it went. A suite that hangs says on standard error where it is, and is ended with what it began."""
    # What needs no server was run by `make test`.
    command = [sys.executable, "-m", "pytest", "-k", "not embedded and not sqlite", str(_ROOT / "tests" / suite)]
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=_ROOT, env=environment, process_group=0)
    try:
        code = process.wait(timeout=most_seconds)
    except subprocess.TimeoutExpired:
        return f"hung, ended after {most_seconds:.0f} s"
    finally:
        if process.poll() is None:
            _end(process)
    seconds = f"{time.monotonic() - begun:.0f} s"
    return f"passed in {seconds}" if code == 0 else f"failed with {code} in {seconds}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Lets it say where every thread is (pytest has set faulthandler up), then ends it and all that it began."""
    process.send_signal(signal.SIGABRT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_SAYS_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
