"""Ends the threads of services that were stopped before they had wholly started."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

from mode.threads import WorkerThread

_LEAVE_SECONDS = 2.0


async def end_threads(app: Any) -> None:
    """Ends what faust leaves running when its `app` is stopped while it starts or joins.

    Such a thread would stay a member of the group, with partitions that nobody reads, and keep the process alive.
    """
    for thread in threading.enumerate():
        if not isinstance(thread, WorkerThread) or getattr(thread.service, "app", None) is not app:
            continue
        service = thread.service
        # A loop that is closed has ended by itself.
        with suppress(RuntimeError):
            service._stopped_set()  # noqa: SLF001  # its stop() does nothing before it has wholly started
            await asyncio.to_thread(thread.join, _LEAVE_SECONDS)
            if thread.is_alive():
                service.thread_loop.call_soon_threadsafe(service.thread_loop.stop)
