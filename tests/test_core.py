"""The vocabulary: records as bytes, ids, identities, text, clocks, secrets."""

import io
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core import telemetry
from core.clock import Rehearsal, clock_of, machine_clock, parse_instant
from core.errors import ConfigError, Rejected
from core.hook import arrivals
from core.ids import uuid7
from core.message import Arrival, Message, identity_of
from core.settings import SecretRef, Settings
from core.text import clean, tokens
from core.wire import KEY_BYTES, VERSION, Seal, decode, encode

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
MESSAGE = Message(id="1", channel="sms", account="a", native_id="SM1", received_at=NOON, text="가로등이 꺼졌어요")


class Older(msgspec.Struct, frozen=True, kw_only=True):
    """A Message as an older program wrote it: fewer fields."""

    id: str
    channel: str
    account: str
    native_id: str
    received_at: datetime


def test_a_record_comes_back_as_it_was() -> None:
    """What was encoded is decoded to the same record."""
    assert MESSAGE == decode(encode(MESSAGE), Message)


def test_an_older_record_is_still_read() -> None:
    """A field that was added since takes its default."""
    older = Older(id="1", channel="sms", account="a", native_id="SM1", received_at=NOON)

    assert msgspec.structs.replace(MESSAGE, text="") == decode(encode(older), Message)


def test_a_record_of_another_version_is_refused() -> None:
    """A program that is too old says so instead of guessing."""
    with pytest.raises(Rejected, match="wire version 09"):
        decode(b"\x09" + encode(MESSAGE)[1:], Message)


@given(st.binary())
def test_any_bytes_are_a_record_or_rejected(noise: bytes) -> None:
    """Nothing but Rejected leaves the decoder."""
    try:
        decode(VERSION + noise, Message)
    except Rejected:
        return
    assert noise


@given(st.binary())
def test_a_seal_opens_what_it_sealed(plain: bytes) -> None:
    """Sealing loses nothing, and what rests does not hold the plain bytes."""
    seal = Seal(b"k" * KEY_BYTES)

    assert plain == seal.open(seal.seal(plain))


@given(st.binary(min_size=1), st.integers(min_value=0))
def test_a_changed_byte_is_noticed(plain: bytes, place: int) -> None:
    """Whatever is changed in sealed bytes makes them Rejected."""
    seal = Seal(b"k" * KEY_BYTES)
    sealed = bytearray(seal.seal(plain))
    sealed[place % len(sealed)] ^= 1

    with pytest.raises(Rejected):
        seal.open(bytes(sealed))


def test_a_seal_does_not_show_its_key() -> None:
    """The key is in no repr."""
    assert "Seal(…)" == repr(Seal(b"k" * KEY_BYTES))


@given(st.lists(st.text(), min_size=1, max_size=5), st.lists(st.text(), min_size=1, max_size=5))
def test_identities_differ_when_the_parts_do(one: list[str], other: list[str]) -> None:
    """No part can run into its neighbour."""
    assert (one == other) == (identity_of(*one) == identity_of(*other))


def test_message_and_arrival_have_one_identity() -> None:
    """Log and case store know a message by the same identity."""
    arrival = Arrival(id="2", channel="sms", account="a", native_id="SM1", key="k", received_at=NOON)

    assert MESSAGE.identity == arrival.identity


def test_ids_sort_by_time() -> None:
    """A later id is greater."""
    assert uuid7(1_000_000_000) < uuid7(2_000_000_000)


def test_an_id_says_its_version() -> None:
    """Version 7, variant 10 (RFC 9562)."""
    made = uuid7()

    assert ("7", True) == (made[14], made[19] in "89ab")


@given(st.text())
def test_clean_text_stays_as_it_is(text: str) -> None:
    """Cleaning twice changes nothing more, and the result can be written as UTF-8."""
    once = clean(text)

    assert once == clean(once)
    assert once.encode().decode() == once


def test_decomposed_hangul_is_composed() -> None:
    """A Mac's jamo and a phone's syllables are the same text."""
    assert "강남" == clean("강남")


def test_hangul_is_searched_by_bigrams() -> None:
    """Words of two syllables are found inside longer ones."""
    assert ["쓰레", "레기", "배출", "app", "2026"] == list(tokens("쓰레기 배출 APP 2026"))


def test_a_rehearsal_waits_for_its_start() -> None:
    """The clock shows its instant until the instance is ready."""
    clock = Rehearsal(NOON, frozen=False)

    assert NOON == clock()
    clock.start()
    assert timedelta() <= clock() - NOON < timedelta(minutes=1)


def test_a_frozen_rehearsal_stands_still() -> None:
    """EUNGDAPSO_CLOCK=frozen: started or not, the same instant."""
    clock = Rehearsal(NOON, frozen=True)
    clock.start()

    assert NOON == clock()


def test_the_environment_sets_a_rehearsals_clock() -> None:
    """EUNGDAPSO_NOW is the instant that it shows until it is started."""
    assert NOON == clock_of({"EUNGDAPSO_NOW": "2026-11-23T12:00"})()


def test_without_a_word_the_clock_is_the_machines() -> None:
    """Nothing is rehearsed by accident."""
    assert machine_clock is clock_of({})


def test_an_unreadable_rehearsal_is_a_mistake() -> None:
    """The operator is told which variable to mend."""
    with pytest.raises(ConfigError, match="EUNGDAPSO_NOW"):
        clock_of({"EUNGDAPSO_NOW": "half past nine"})


def test_a_time_without_a_zone_is_seouls() -> None:
    """17:59:59 without a zone is 08:59:59 UTC."""
    assert datetime(2026, 11, 23, 8, 59, 59, tzinfo=UTC) == parse_instant("2026-11-23T17:59:59")


class _Table(Settings):
    token: SecretRef


def test_a_secret_in_a_file_is_refused_without_showing_it() -> None:
    """The mistake names what to do; the value is not repeated by our sentence."""
    with pytest.raises(ValidationError) as caught:
        _Table.model_validate({"token": "s3cr3t"})

    assert "never stands in a file" in caught.value.errors()[0]["msg"]


def test_a_secret_is_read_from_the_environment() -> None:
    """By reference, and "" when it is not set."""
    table = _Table.model_validate({"token": {"env": "TOKEN"}})

    assert ("v", "") == (table.token.value({"TOKEN": "v"}), table.token.value({}))


def test_a_log_that_nobody_reads_any_more_stops_nothing() -> None:
    """Whoever reads the log may be gone, or its disk full; who works and says so works on."""
    stream = io.StringIO()
    telemetry.configure(stream)
    stream.close()
    before = telemetry.REFUSED.labels("test", "try again")._value.get()
    telemetry.pushed_back(channel="test", reason="nobody reads this")

    assert before + 1 == telemetry.REFUSED.labels("test", "try again")._value.get()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("application/json; charset=utf-8", "application/json; charset=utf-8"),
        ("\xff\xfe", "application/octet-stream"),
        ("a/" + "b" * 999, "application/octet-stream"),
    ],
)
def test_what_can_be_no_media_type_is_not_kept(said: str, kept: str) -> None:
    """A header of nonsense never keeps a payload from being kept."""
    (made,) = arrivals("sms", [MESSAGE], b"{}", media_type=said)

    assert kept == made.media_type
