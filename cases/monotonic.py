"""Ids that rise: of two made by this process, the later one sorts after the earlier."""

import threading
from collections.abc import Callable


def rising(new_id: Callable[[], str]) -> Callable[[], str]:
    """Returns a maker of ids that are never below the one before, also within a millisecond."""
    lock = threading.Lock()
    last = ""

    def make() -> str:
        nonlocal last
        with lock:
            made = new_id()
            last = made if made > last else _after(last)
            return last

    return make


def _after(uuid: str) -> str:
    digits = f"{int(uuid.replace('-', ''), 16) + 1:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
