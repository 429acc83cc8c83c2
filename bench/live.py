"""The launchers of real servers that the tests use, for what is measured on them."""

import importlib.util
from typing import Any

from bench.instance import ROOT


def launcher(name: str, **options: Any) -> Any:
    """Returns a server ("kafka", "postgresql", "elasticsearch") that is not started yet."""
    spec = importlib.util.spec_from_file_location("live_run", ROOT / "tests" / "live" / "run.py")
    assert spec is not None
    assert spec.loader is not None
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    return run.launcher(name, **options)
