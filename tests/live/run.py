"""Starts real servers, runs the suites on them, stops them: `make live`. With --only kafka (…) just these.

Exit 3: a server could not be had here (no Maven, nothing that can be fetched), no test was run.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
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
    ),
    "postgresql": (
        "test_store.py",
        "test_outbox.py",
        "test_officer.py",
        "test_reply.py",
        "test_postgres.py",
        "test_secured_postgres_live.py",
        "test_cases_tallies.py",
        "test_cases_tidy.py",
        "test_cases_migrations.py",
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


def launcher(name: str, **options: Any) -> Any:
    """Returns a server that is not started yet."""
    module, kind = _SERVERS[name]
    # By its path: a folder that holds an elasticsearch.py must never be searched for imports.
    spec = importlib.util.spec_from_file_location(f"live_{module}", _HERE / f"{module}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return getattr(loaded, kind)(**options)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(_SERVERS), default=sorted(_SERVERS))
    parser.add_argument("--quick", action="store_true", help="the contracts and the main job only")
    given = parser.parse_args()
    each, together = (_QUICK, _QUICK_TOGETHER) if given.quick else (_SUITES, _TOGETHER)
    servers = {name: launcher(name) for name in given.only}
    try:
        for server in servers.values():
            server.prepare()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"the servers cannot be had here: {error}\n")
        return _ABSENT
    with ExitStack() as stack:
        environment = dict(os.environ)
        for name, server in servers.items():
            sys.stderr.write(f"{name}: starting …\n")
            stack.callback(server.stop)
            environment[server.variable] = server.start()
        return max(_tests(suites, environment) for suites in (*(each[name] for name in servers), together))


def _tests(suites: Sequence[str], environment: dict[str, str]) -> int:
    # One after the other: what rebalances and restarts is watched, and two cores carry the servers too. What needs no
    # server was run by `make test`.
    command = [sys.executable, "-m", "pytest", "-k", "not embedded and not sqlite", *(f"tests/{one}" for one in suites)]
    return subprocess.run(command, cwd=_ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
