"""`eungdapso setup`: everything that operations prepare in the engines before a version runs."""

import asyncio

import typer

from pipeline.cli import CONFIG, DEFAULT, told
from pipeline.engines import Engines


def setup(config: CONFIG = DEFAULT) -> None:
    """Prepare the engines that pipeline.toml names: topics that are missing, tables of this version, the index; and
    see whether the bucket can be used, which is the store's own to make.

    The key that it is first run with is the key of everybody who uses these cases: another one is refused from then on.

    Once before the first start, and before each new version; again at any time, it changes nothing.
    """
    from core.clock import clock_of
    from pipeline.build import prepared

    with told():
        plan = prepared(config)
        engines = plan.engines
        # First: a process that ends in the moment in which the store's client hears its answer is aborted by it.
        if engines.has_bucket:
            asyncio.run(_look_into_bucket(engines))
            typer.echo("objects: the bucket answers")
        if engines.is_shared:
            made = asyncio.run(engines.create_topics())
            typer.echo(f"topics: {', '.join(made) or 'all were there'}")
            for line in asyncio.run(engines.topics_lack()):
                typer.echo(f"note: {line}")
        store = plan.store(plan.seal(), clock_of(plan.environment))
        store.open()
        store.close()
        typer.echo("cases: tables as this version needs them, sealed with this key")
        asyncio.run(_make_index(engines))
        typer.echo("search: ready")


async def _make_index(engines: Engines) -> None:
    search = engines.search()
    try:
        await search.setup()
    finally:
        await search.close()


async def _look_into_bucket(engines: Engines) -> None:
    store = engines.objects()
    try:
        await store.folders()
    finally:
        await store.close()
