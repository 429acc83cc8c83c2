"""Starts real servers, runs the suites on them, stops them: `make live`. With --only kafka (…) just these."""

import argparse
import importlib.util
import os
import subprocess
import sys
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
    "kafka": ("test_stream_contract.py", "test_kafka_live.py"),
    "postgresql": ("test_store.py", "test_outbox.py", "test_officer.py", "test_reply.py", "test_postgres.py"),
    "elasticsearch": ("test_sink_contract.py", "test_search.py", "test_elastic.py", "test_elastic_live.py"),
}
_TOGETHER = ("test_end_to_end.py", "test_crash.py")


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(_SERVERS), default=sorted(_SERVERS))
    given = parser.parse_args()
    with ExitStack() as stack:
        environment = dict(os.environ)
        for name in given.only:
            server = launcher(name)
            sys.stderr.write(f"{name}: starting …\n")
            server.prepare()
            stack.callback(server.stop)
            environment[server.variable] = server.start()
        return max(_tests(suites, environment) for suites in (*map(_SUITES.get, given.only), _TOGETHER))


def _tests(suites: Any, environment: dict[str, str]) -> int:
    files = [f"tests/{name}" for name in suites]
    # One after the other: what rebalances and restarts is watched, and two cores carry the servers too.
    return subprocess.run([sys.executable, "-m", "pytest", *files], cwd=_ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
