"""Tokens of OAuth 2.0 at X: replaced in time, once, by one process, and what replaces them is never lost by us."""

import asyncio
from hashlib import sha256
from typing import Any

import pytest

from cases.store import CaseStore
from connectors._x_refresh import Client, Refreshing
from connectors._x_settings import XSettings
from connectors.x import X
from core.clock import machine_clock
from core.errors import Unavailable
from tests.casework import SEAL, Time
from tests.test_x_rest import reply
from tests.x_provider import CITY, FakeX, Trouble

SECRETS = {
    "EUNGDAPSO_X_CLIENT_ID": "client",
    "EUNGDAPSO_X_CLIENT_SECRET": "secret",
    "EUNGDAPSO_X_REFRESH_TOKEN_SEOUL_EDS": "refresh-1",
}


def refreshing(fake: FakeX, store: CaseStore, time: Time) -> Refreshing:
    client = Client(fake.url, "client", "secret", 2.0)
    return Refreshing("x", client, lambda: store.places, lambda: SEAL, clock=time)


def x(fake: FakeX, **settings: Any) -> X:
    given = {"accounts": {"Seoul_eds": {"id": CITY}}, "api_url": fake.url, "timeout_seconds": 2, **settings}
    return X("x", XSettings.model_validate(given), environment=SECRETS)


async def test_an_account_speaks_with_a_token_that_is_refreshed() -> None:
    """A refresh token and the app's own secrets are all that an account needs to answer."""
    fake = FakeX(refresh="refresh-1")
    asked = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        sender = x(fake).sender()
        assert sender is not None
        await sender.send(reply(asked["id"]))

    assert (["access-1"], 1) == (fake.granted, len(fake.replies_to(asked)))


async def test_a_token_is_replaced_before_it_ends(store: CaseStore, time: Time) -> None:
    """Each refresh is with what the one before gave; in between the same token is used."""
    fake = FakeX(refresh="refresh-1")
    async with fake.listening():
        tokens = refreshing(fake, store, time)
        given = [await tokens.of("refresh-1"), await tokens.of("refresh-1")]
        time.moves(minutes=106)
        given.append(await tokens.of("refresh-1"))

    assert ["access-1", "access-1", "access-2"] == given


async def test_what_replaces_it_outlives_the_process(store: CaseStore, time: Time) -> None:
    """The next process goes on with what is kept, though the environment still has the first; it lies sealed."""
    fake = FakeX(refresh="refresh-1")
    async with fake.listening():
        first = await refreshing(fake, store, time).of("refresh-1")
        again = await refreshing(fake, store, time).of("refresh-1")
        time.moves(hours=3)
        later = await refreshing(fake, store, time).of("refresh-1")

    kept = store.places.noted(f"x token {_grant('refresh-1')}")
    assert ("access-1", "access-1", "access-2") == (first, again, later)
    assert kept
    assert "refresh" not in kept


async def test_of_many_one_refreshes(store: CaseStore, time: Time) -> None:
    """X takes a refresh token once: whoever comes second uses what the first one got."""
    fake = FakeX(refresh="refresh-1")
    async with fake.listening():
        tokens = refreshing(fake, store, time)
        given = await asyncio.gather(*(tokens.of("refresh-1") for _ in range(10)))

    assert (["access-1"], {"access-1"}) == (fake.granted, set(given))


async def test_another_process_waits_for_the_one_that_refreshes(store: CaseStore, time: Time) -> None:
    """While it does nobody else asks X; when it was killed, somebody else does after its time."""
    fake = FakeX(refresh="refresh-1")
    async with fake.listening():
        killed, other = refreshing(fake, store, time), refreshing(fake, store, time)
        await killed._change(_grant("refresh-1"), lambda kept: killed._leased(kept, "refresh-1"))
        with pytest.raises(Unavailable, match="another process"):
            await other.of("refresh-1")
        before = list(fake.granted)
        time.moves(seconds=91)

        assert ([], "access-1") == (before, await other.of("refresh-1"))


async def test_what_x_refuses_waits_for_an_operator(store: CaseStore, time: Time) -> None:
    """Letters wait, X is not asked again at once, and the note says what to do."""
    fake = FakeX(refresh="another")
    async with fake.listening():
        tokens = refreshing(fake, store, time)
        for _ in range(2):
            with pytest.raises(Unavailable, match="grant a new one"):
                await tokens.of("refresh-1")

    assert 1 == fake.calls("POST token")
    assert "docs/channels/x.md" in tokens.note


async def test_a_refresh_that_fails_leaves_the_token_that_holds(store: CaseStore, time: Time) -> None:
    """X is asked early, so that an hour of trouble costs nothing."""
    fake = FakeX(refresh="refresh-1")
    async with fake.listening():
        tokens = refreshing(fake, store, time)
        await tokens.of("refresh-1")
        time.moves(minutes=106)
        fake.fails("POST token", Trouble(status=503))
        still, then = await tokens.of("refresh-1"), await tokens.of("refresh-1")

    assert ("access-1", "access-2") == (still, then)


async def test_what_came_is_kept_though_the_store_was_away(
    store: CaseStore, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets X's answer a second time: it is kept as soon as it can be."""
    fake, change = FakeX(refresh="refresh-1"), store.places.change
    calls = 0

    def sometimes(name: str, how: Any) -> str:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Unavailable("the store is away")
        return change(name, how)

    monkeypatch.setattr(store.places, "change", sometimes)
    async with fake.listening():
        await refreshing(fake, store, time).of("refresh-1")

        assert "access-1" == await refreshing(fake, store, time).of("refresh-1")


async def test_asking_keeps_tokens_fresh(store: CaseStore) -> None:
    """An account that answers nobody for weeks has a token all the same."""
    fake = FakeX(refresh="refresh-1")

    async def accept(_: Any) -> None:
        """Nothing comes."""

    async with fake.listening():
        part = x(fake)
        part.memory, part.seal = store.places, SEAL
        await part.ask("", accept, machine_clock)
        await part.close()

    assert ["access-1"] == fake.granted


def _grant(first: str) -> str:
    return sha256(first.encode()).hexdigest()[:16]
