"""A child process that outlives its parent by a moment only, whatever it is doing."""

import os
import select
import threading
import time
from multiprocessing.connection import Connection


def end_with(pipe: Connection, *, grace_seconds: float) -> None:
    """Ends this process so many seconds after the other end of `pipe` is gone, should it not have ended by then.

    A child that loads, waits for a lock or works on a large batch reads nothing from its pipe meanwhile, and who was
    started in the place of its parent would wait for it. The kernel's own signal for this is sent when the thread
    ends that started the child, which here is any thread of a pool.
    """
    threading.Thread(target=_watch, args=(pipe.fileno(), grace_seconds), name="orphan", daemon=True).start()


def _watch(descriptor: int, grace_seconds: float) -> None:
    # Asked for nothing it tells of the end alone, and takes no word from whoever reads.
    end = select.poll()
    end.register(descriptor, 0)
    end.poll()
    time.sleep(grace_seconds)
    os._exit(1)
