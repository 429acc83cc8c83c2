"""Fetches the files that messages name, a loop for each channel: a provider that is away holds up no other."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from classifiers._boundaries import Map
from config.schema import City
from connectors.base import Connector
from core.decision import SURE
from core.hook import Accept, arrivals
from core.message import Location, Message
from pipeline import flow
from pipeline.house import House
from pipeline.waiting import patiently
from sinks._fetch import Fetcher
from sinks._media import Means, Media, Rest
from sinks.attachments import Attachments

_LOOK_SECONDS, _LONGEST_LOOK_SECONDS = 1.0, 15.0


async def fetch(house: House, shelf: Attachments) -> None:
    """Fetches for ever. Several processes share the work; what one of them had when it was killed another takes."""
    store = house.store.fetches
    await patiently("media", partial(asyncio.to_thread, store.begin))
    accept = flow.door(house.stream, house.seal)
    means = Means(
        fetches=store,
        shelf=shelf,
        allowed=house.plan.settings.limits.attachment_types,
        districts=_Where(house).districts,
        placed=partial(_say, accept, house),
        backoff=house.plan.settings.replies,
    )
    bells = {name: asyncio.Event() for name in house.plan.connectors}
    async with asyncio.TaskGroup() as group:
        for name, part in house.plan.connectors.items():
            group.create_task(_channel(house, part, means, bells[name]), name=f"media.{name}")
        group.create_task(_ring(house, bells))


async def _channel(house: House, part: Connector[Any], means: Means, bell: asyncio.Event) -> None:
    settings, locator = house.plan.settings, part.locator()
    fetcher = Fetcher(most_bytes=settings.limits.attachment_most_bytes, allow_hosts=settings.security.allow_hosts)
    media = Media(part.name, means, fetcher, locator, newest_first=part.links_expire)
    rest = Rest(is_anywhere=locator is None)
    try:
        while True:
            await bell.wait()
            bell.clear()
            taken = -1
            while taken:
                taken, waiting = await patiently(f"media.{part.name}", media.round)
                await asyncio.sleep(rest.after(taken, waiting))
    finally:
        await fetcher.close()
        if locator is not None:
            await locator.close()


async def _ring(house: House, bells: Mapping[str, asyncio.Event]) -> None:
    """Looks whether something is to be fetched, and wakes who has to."""
    while True:
        begun = time.monotonic()
        waiting = await patiently("media", partial(asyncio.to_thread, house.store.fetches.waiting))
        for name, seconds in waiting.items():
            if seconds <= 0 and name in bells:
                bells[name].set()
        await asyncio.sleep(min(max(_LOOK_SECONDS, 20 * (time.monotonic() - begun)), _LONGEST_LOOK_SECONDS))


async def _say(accept: Accept, house: House, message: Message, location: Location) -> None:
    """Says where the photograph was taken as if its sender had, who was asked for the place and is still waited for."""
    said = replace(
        message,
        native_id=f"{message.native_id}#place",
        version="1",
        text="",
        subject="",
        attachments=(),
        location=location,
        received_at=house.clock(),
        in_reply_to=message.native_id,
        change="",
        group="",
        callback="",
    )
    await patiently("media", partial(accept, arrivals(message.channel, [said], b"")))


class _Where:
    """Knows in which districts a place lies, by the city's files as they are now."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: tuple[City, Map] | None = None

    def districts(self, location: Location) -> tuple[Sequence[str], bool]:
        """Returns where it lies, and whether that is sure: without boundaries only the nearest office is known."""
        city = self._house.plan.city
        if self._known is None or self._known[0] is not city:
            self._known = city, Map(city)
        where = self._known[1].where(location)
        return (where.districts, where.confidence >= SURE) if where else ((), False)
