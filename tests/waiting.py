"""How tests wait for what other processes do: until it is there, however busy the machine is."""

import time
from collections.abc import Callable
from typing import Any

# Nobody waits so long for what comes; what never comes fails here.
_MOST_SECONDS = 300


def until(look: Callable[[], Any]) -> Any:
    """Returns the first thing seen."""
    deadline = time.monotonic() + _MOST_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"it did not come within {_MOST_SECONDS} s"
        time.sleep(0.03)
    return found
