"""A sink that says why it waits, for as long as it does."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from core.errors import Unavailable
from sinks.base import Sink

T = TypeVar("T")


class Troubled(Sink[Any]):
    """Hands everything on to `sink`; what that one cannot do now stands in `degraded` until it can."""

    def __init__(self, sink: Sink[Any], degraded: dict[str, str]) -> None:
        self._sink = sink
        self._degraded = degraded
        # Of a class these are, where a sink declares them; here they are those of the other one.
        vars(self).update(topic=sink.topic, group=sink.group, takes=sink.takes, most=sink.most)
        self._name = f"{sink.group} waits"

    async def setup(self) -> None:
        await self._told(self._sink.setup)

    async def write(self, records: Sequence[Any]) -> Mapping[int, str]:
        return await self._told(lambda: self._sink.write(records))

    async def close(self) -> None:
        await self._sink.close()

    async def _told(self, act: Callable[[], Awaitable[T]]) -> T:
        try:
            done = await act()
        except Unavailable as error:
            self._degraded[self._name] = error.reason
            raise
        self._degraded.pop(self._name, None)
        return done
