"""Channels that fall silent and secrets that end are told before citizens notice."""

from datetime import date

import pytest
from prometheus_client import REGISTRY

from cases.store import CaseStore
from connectors.base import ChannelSettings, Connector
from pipeline.alarms import Alarms
from tests.casework import Time, make_store

KINDS = ("spent", "budget")


class Channel(Connector[ChannelSettings]):
    Settings = ChannelSettings


def alarms_of(store: CaseStore, time: Time, degraded: dict[str, str], **settings: object) -> Alarms:
    made = Channel("x", ChannelSettings.model_validate(settings), environment={})
    return Alarms({"x": made}, store.places, degraded, time)


async def test_silence_is_told_and_ends_with_a_message(store: CaseStore, time: Time) -> None:
    """After so many hours without a message, and no longer when one came."""
    degraded: dict[str, str] = {}
    alarms = alarms_of(store, time, degraded, silent_hours=6)
    seen = []
    for hours in (0, 5, 2):
        time.moves(hours=hours)
        await alarms.look()
        seen.append(bool(degraded))
    alarms.hear("x")
    await alarms.look()

    assert [False, False, True, False] == [*seen, bool(degraded)]


async def test_what_another_process_heard_counts(url: str, time: Time) -> None:
    """Also after a restart: silence does not begin anew with a process."""
    degraded: dict[str, str] = {}
    one, other = make_store(url, time), make_store(url, time)
    hearing, first = alarms_of(one, time, {}, silent_hours=6), alarms_of(other, time, degraded, silent_hours=6)
    time.moves(hours=5)
    hearing.hear("x")
    await hearing.look()
    time.moves(hours=2)
    await first.look()
    calm = dict(degraded)
    time.moves(hours=5)
    await alarms_of(other, time, degraded, silent_hours=6).look()

    assert {} == calm
    assert "7 h" in degraded["connectors.x.silent"]
    one.close()
    other.close()


@pytest.mark.parametrize(
    ("ends", "told"),
    [(date(2027, 1, 23), ""), (date(2026, 12, 1), "end in 8 days"), (date(2026, 11, 22), "ended on 2026-11-22")],
)
async def test_the_end_of_secrets_is_told_before(store: CaseStore, time: Time, ends: date, told: str) -> None:
    """From 30 days before, with what to do."""
    degraded: dict[str, str] = {}
    await alarms_of(store, time, degraded, secrets_expire=ends).look()

    assert told in degraded.get("connectors.x.secrets", "")
    assert bool(told) == bool(degraded)


async def test_a_short_silence_is_told_in_minutes(store: CaseStore, time: Time) -> None:
    """Nothing came "for 0 h" would say that all is well."""
    degraded: dict[str, str] = {}
    alarms = alarms_of(store, time, degraded, silent_hours=0.5)
    time.moves(minutes=40)
    await alarms.look()

    assert "nothing came for 40 min" in degraded["connectors.x.silent"]


class Charged(Channel):
    """Of its 500 dollars some are spent already, by whichever process."""

    def spent(self) -> tuple[float, float]:
        return 1.5, 500.0


async def test_what_is_spent_is_known_before_anything_is_bought(store: CaseStore, time: Time) -> None:
    """From the start on, and once: whoever warns at four fifths needs both numbers."""
    await Alarms({"charged": Charged("charged", ChannelSettings())}, store.places, {}, time).look_at_money()
    told = [REGISTRY.get_sample_value(f"eungdapso_{name}_dollars", {"channel": "charged"}) for name in KINDS]

    assert [1.5, 500.0] == told
