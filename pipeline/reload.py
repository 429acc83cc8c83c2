"""The city's files change while everything runs: looked at, judged whole in a process of their own, then taken over
at once, or not at all."""

import asyncio
import multiprocessing
import os
from collections.abc import Mapping
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from config.schema import City
from core import telemetry
from core.clock import clock_of
from core.errors import ConfigError
from pipeline import city_files, models
from pipeline.build import make_desk
from pipeline.decider import Decider, DeskFailed
from pipeline.examine import examine
from pipeline.house import House
from pipeline.memory import few_arenas
from pipeline.orphan import end_with

_LOOK_SECONDS = 1.0
# After what was nobody's mistake.
_AGAIN_SECONDS = 60.0
_JUDGE_SECONDS = 300.0
_NICENESS = 5
_PART = "city files"


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a judge says of the files: the city in JSON, or what is wrong; `failed` when it could not judge."""

    city: bytes = b""
    mistakes: tuple[str, ...] = ()
    failed: str = ""


_encode = msgspec.msgpack.Encoder().encode
_verdicts = msgspec.msgpack.Decoder(Verdict)


def encoded(city: City) -> bytes:
    """Returns a city as other processes take it."""
    return city.model_dump_json(by_alias=True, exclude_defaults=True).encode()


class Reload:
    """Follows the files for one house, and for its deciding process when it has one."""

    def __init__(self, house: House, decider: Decider | None, *, look_seconds: float = _LOOK_SECONDS) -> None:
        self._house = house
        self._decider = decider
        self._look_seconds = look_seconds
        self._folder = house.plan.path.resolve().parent / house.plan.settings.city
        self._models = models.folder_of(house.plan.var)
        self._judged = house.plan.seen
        self._trained = city_files.of_models(house.plan.seen)

    async def watch(self) -> None:
        """Takes over what changes, for ever."""
        before = self._judged
        while True:
            await asyncio.sleep(self._look_seconds)
            now = await asyncio.to_thread(city_files.look, self._folder, self._models)
            # Twice the same: whoever writes has finished.
            if now == before and now != self._judged:
                self._judged = now
                await self._judge()
            before = now

    async def _judge(self) -> None:
        plan = self._house.plan
        verdict = await judged(plan.path, plan.environment)
        if verdict.mistakes:
            more = f" (and {len(verdict.mistakes) - 1} more)" if len(verdict.mistakes) > 1 else ""
            self._refuse(f"{verdict.mistakes[0]}{more}", verdict.mistakes)
            return
        try:
            await self._take(verdict)
        except (DeskFailed, ConfigError) as error:
            self._refuse(str(error), (str(error),))
            await asyncio.sleep(_AGAIN_SECONDS)
            self._judged = city_files.NEVER

    async def _take(self, verdict: Verdict) -> None:
        if verdict.failed:
            raise DeskFailed(verdict.failed)
        house = self._house
        city = await asyncio.to_thread(City.model_validate_json, verdict.city)
        trained = city_files.of_models(self._judged)
        if city != house.plan.city or trained != self._trained:
            if self._decider is not None:
                anew = partial(make_desk, house.plan.path, dict(house.plan.environment), verdict.city)
                await self._decider.take(verdict.city, anew)
            house.follow(city)
            self._trained = trained
            telemetry.reloaded(rules_version=city.rules_version, faq_version=city.faq_version)
        house.status.degraded.pop(_PART, None)

    def _refuse(self, why: str, mistakes: tuple[str, ...]) -> None:
        self._house.status.degraded[_PART] = f"{why}; what held before holds on"
        telemetry.not_reloaded(mistakes=mistakes)


async def judged(path: Path, environment: Mapping[str, str]) -> Verdict:
    """Returns what a process of its own says of the files: models and examples cost nothing here, and nothing
    stays."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=judge, args=(path, dict(environment), theirs), name="judge", daemon=True)
    process.start()
    theirs.close()
    try:
        return await asyncio.to_thread(_heard, ours)
    finally:
        # Who waits for its word no longer ends the waiting with it.
        process.kill()
        process.join()


def _heard(pipe: Connection) -> Verdict:
    with pipe:
        try:
            if not pipe.poll(_JUDGE_SECONDS):
                return Verdict(failed=f"not judged within {_JUDGE_SECONDS:.0f} s")
            return _verdicts.decode(pipe.recv_bytes())
        except (EOFError, OSError, msgspec.DecodeError) as error:
            return Verdict(failed=f"the process that judges ended: {error or 'killed'}")


def judge(path: Path, environment: Mapping[str, str], pipe: Connection) -> None:
    """Runs in the child: says once what is to be said."""
    os.nice(_NICENESS)
    end_with(pipe, grace_seconds=1.0)
    few_arenas()
    try:
        plan, _ = examine(path, clock_of(environment)(), environment)
    except ConfigError as error:
        verdict = Verdict(mistakes=error.mistakes)
    else:
        verdict = Verdict(city=encoded(plan.city))
    pipe.send_bytes(_encode(verdict))
