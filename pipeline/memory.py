"""The habits of the collector and of the C library's allocator, for processes that run for months."""

import ctypes
import gc
from functools import cache

# mallopt's name for the number of arenas (malloc.h of glibc).
_ARENA_MAX = -8
_ARENAS = 2


def few_arenas() -> None:
    """Lets all threads share two heaps, where each would else keep what it once needed. To be called first."""
    if hasattr(_libc(), "mallopt"):
        _libc().mallopt(_ARENA_MAX, _ARENAS)


def settle_memory() -> None:
    """What is alive now stays; the collector need not look at it again under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    give_back()


def settle_again() -> None:
    """After what was settled was replaced: what nobody needs any more goes, too."""
    gc.unfreeze()
    settle_memory()


def give_back() -> None:
    """Returns to the system what loading needed for a moment."""
    if hasattr(_libc(), "malloc_trim"):
        _libc().malloc_trim(0)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
