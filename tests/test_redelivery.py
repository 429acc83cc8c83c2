"""All channels called at once, doubled and in any order, with a kill: a little of `python -m bench.channels`."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from bench._channels_said import Call
from bench._channels_storm import shuffled
from bench.channels import Redelivery, Result, shown
from connectors.base import Connector, Webhook
from pipeline.parts import find, names


@pytest.fixture(scope="module")
def redelivery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redelivery]:
    made = Redelivery(tmp_path_factory.mktemp("city"))
    try:
        yield made
    finally:
        made.instance.kill()


@pytest.fixture(scope="module")
def result(redelivery: Redelivery) -> Result:
    return redelivery.run(300, waves=1, kills=1, connections=24)


def kinds(redelivery: Redelivery) -> set[str]:
    return {type(part).__module__.rpartition(".")[2] for part in redelivery.providers.parts.values()}


def test_every_channel_that_is_called_takes_part(redelivery: Redelivery) -> None:
    """A new channel is in it as soon as it has a file and a table."""
    hooks = {name for name in names("connectors") if issubclass(find("connectors", name, Connector), Webhook)}

    assert hooks == kinds(redelivery)


def test_each_message_is_one_case_with_one_letter(result: Result) -> None:
    """However often and whenever a message was called out, it has one case, and one answer or notice where one is due;
    an edit belongs to the case of what it changes, also when it came before."""
    assert [] == [row for row in result.rows if row.wrong]


def test_what_was_acknowledged_is_there(result: Result) -> None:
    """The kill makes no yes forgotten and no letter lost or doubled; nothing is said but yes and "try again"."""
    assert result.is_clean, str(result)
    assert result.tally.silent.total()


def test_the_table_names_every_channel(redelivery: Redelivery, result: Result) -> None:
    """What is shown has a row for each and one for all."""
    assert len(redelivery.providers.parts) + 1 == shown(result).row_count


def test_calls_come_again_in_another_order() -> None:
    """Each is sent one to four times, and no longer in the order in which they were made."""
    calls = [Call(channel="sms", native_ids=(str(n),), octets=b"") for n in range(400)]
    order = [call.native_ids[0] for call in shuffled(calls, random.Random(1))]

    assert {1, 2, 3, 4} == set(Counter(order).values())
    assert sorted(order, key=int) != order
