"""The collector's habits, for a process that has loaded what it keeps."""

import gc


def settle_memory() -> None:
    """What is alive now stays; the collector need not look at it again under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
