"""What each role starts: intake its listeners, router its desk, sinks their loops, web its pages."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Literal

import uvicorn

from core.clock import machine_clock
from core.errors import ConfigError
from core.hook import Accept
from pipeline import flow, place, site
from pipeline.broadcasting import announce
from pipeline.build import Plan, make_desk
from pipeline.decider import Decider
from pipeline.engines import EMBEDDED
from pipeline.fetching import fetch
from pipeline.house import House, Role, Say, lock_roles, open_house
from pipeline.memory import settle_memory
from pipeline.night import tidy
from pipeline.polling import poll
from pipeline.rebuild import watch
from pipeline.reload import Reload, encoded
from pipeline.troubled import Troubled
from sinks._pace import alone
from sinks._shares import Shares
from web.timely import Timely

# Where an instance has a back office, that follows the city's files and says what it took.
_KNOW_THE_CITY: frozenset[Role] = frozenset({"router", "sinks", "web"})
_WITH_PAGES: frozenset[Role] = frozenset({"intake", "web"})


def _nothing(_house: House) -> None:
    """Nobody waits for the stores to be open."""


@asynccontextmanager
async def started(
    plan: Plan,
    roles: frozenset[Role],
    say: Say,
    stop: asyncio.Event,
    *,
    lock_wait_seconds: float = 0,
    opened: Callable[[House], None] = _nothing,
) -> AsyncIterator[House]:
    """Runs these roles while the context lasts. Raises `ConfigError` when something that they need is not to be had."""
    async with AsyncExitStack() as stack:
        listening = _bind(plan, roles)
        lock_roles(plan, roles, stack, wait_seconds=lock_wait_seconds)
        house = await open_house(plan, roles, say, stop, stack)
        place.keep_check(plan.var, house.seal)
        opened(house)
        # Let go of in this order: first the tasks, then what they use, then the stores.
        parts = await stack.enter_async_context(AsyncExitStack())
        stack.push_async_callback(house.end)
        decider = await _start_router(house, parts) if "router" in roles else None
        if "sinks" in roles:
            await _start_sinks(house, parts)
        if "intake" in roles:
            await _start_servers(house)
            _start_pollers(house)
            house.begin(house.loops, house.alarms.watch(), "alarms")
        if listening is not None:
            await _start_web(house, listening, parts, "web" if roles & _WITH_PAGES else "health")
        if "web" in roles:
            house.begin(house.loops, house.changes.listen(), "changes")
        if roles & _KNOW_THE_CITY and house.status.back is None:
            house.begin(house.loops, Reload(house, decider).watch(), "reload")
        settle_memory()
        yield house


async def _start_router(house: House, parts: AsyncExitStack) -> Decider:
    given = encoded(house.plan.city)
    decider = Decider(partial(make_desk, house.plan.path, dict(house.plan.environment), given))
    await decider.start()
    parts.push_async_callback(decider.close)
    house.begin(house.loops, flow.route(house.stream, decider), "router")
    return decider


async def _start_sinks(house: House, parts: AsyncExitStack) -> None:
    plan, search = house.plan, house.plan.engines.search()
    share = await _shared(house, parts)
    replies = plan.replies(house.store, house.stream, house.seal, house.status.degraded, share)
    opener = flow.Opener(house.stream, house.seal)
    attachments = plan.attachments(house.seal)
    for sink in (plan.cases(house.store), search, plan.archive(house.seal), attachments, replies):
        parts.push_async_callback(sink.close)
        told = Troubled(sink, house.status.degraded)
        pouring = flow.pour(house.stream, told, opener=opener, then=house.changes.tell)
        house.begin(house.loops, pouring, type(sink).__module__)
    house.begin(house.loops, fetch(house, attachments), "media")
    house.begin(house.loops, announce(house), "broadcasts")
    house.begin(house.loops, watch(search, house.store, house.status.degraded), "rebuild")
    # A day off that was added while nothing ran moves the answers that wait for the next opening.
    await asyncio.to_thread(house.store.outbox.replan, plan.calendar)
    relay = flow.relay(house.stream, house.store, clock=house.clock, seal=house.seal, rung=house.changes.rung)
    house.begin(house.loops, relay, "relay")
    tidying = tidy(house.store.tidy, plan.settings.limits.case_words_keep_days, machine_clock)
    house.begin(house.loops, tidying, "tidy")


async def _shared(house: House, parts: AsyncExitStack) -> Callable[[], int]:
    """Returns how many processes send; with a file of cases there is never another one."""
    if house.plan.settings.cases == EMBEDDED:
        return alone
    shares = Shares(house.store.places, machine_clock)
    await asyncio.to_thread(shares.beat)
    parts.push_async_callback(asyncio.to_thread, shares.leave)
    house.begin(house.loops, shares.watch(), "shares")
    return lambda: shares.count


def _door(house: House) -> Accept:
    return flow.door(house.stream, house.seal, house.alarms.hear)


async def _start_servers(house: House) -> None:
    accept = _door(house)
    for name, server in house.plan.servers.items():
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        house.begin(house.doors, server.serve(accept, house.clock, ready.set_result), name)
        task = house.doors[-1]
        waiting: list[asyncio.Future[Any]] = [task, ready]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        house.addresses.append(f"{name}: {ready.result()}")


def _start_pollers(house: House) -> None:
    accept = _door(house)
    if house.plan.pollers:
        # Only intake asks, and this process has its lock: who had a turn from here before was killed.
        house.store.places.settle(place.home(house.plan.var, "intake"))
    for name, part in house.plan.pollers.items():
        asking = poll(part, accept, house.store.places, house.clock, house.status.degraded)
        house.begin(house.doors, asking, name)
        house.addresses.append(f"{name}: asks {part.whom}")


async def _start_web(
    house: House, listening: socket.socket, parts: AsyncExitStack, what: Literal["web", "health"]
) -> None:
    if what == "health":
        app = site.health(house)
    else:
        find = house.plan.engines.find()
        parts.push_async_callback(asyncio.to_thread, find.close)
        app = site.application(house, _door(house), find)
    config = uvicorn.Config(
        app,
        http=Timely,
        log_config=None,
        proxy_headers=False,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    server = _Uvicorn(config)
    house.begin(house.doors, _serve(server, listening), what)
    # Uvicorn tells nobody when it is ready; it takes a few milliseconds.
    while not server.started and not house.doors[-1].done():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    host, port = listening.getsockname()[:2]
    house.addresses.append(f"{what}: http://{host}:{port}/")


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to `run`, which stops everything in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


def _bind(plan: Plan, roles: frozenset[Role]) -> socket.socket | None:
    settings = plan.settings
    if roles & _WITH_PAGES:
        return _listen(plan, "web", settings.web.host, settings.web.port)
    # For a back office, which is both at once, its front answers.
    if len(roles) == 1 and settings.health.port is not None:
        return _listen(plan, "health", settings.health.host, settings.health.port)
    return None


def _listen(plan: Plan, table: str, host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"{plan.path.name}: {table}.port: {host}:{port} cannot be listened on "
            f"({os.strerror(error.errno or 0)}). "
            f"Stop what uses it, or set another port in [{table}]"
        ) from error
