"""What the flow promises of its own: a record is opened once for all the groups that read it."""

from pathlib import Path

import pytest

from core.errors import Rejected
from core.wire import Seal, Ticket, encode
from pipeline import flow
from streams.base import OUTBOUND, ROUTED, Record
from streams.embedded import Embedded

GROUPS = {ROUTED: ("cases", "search"), OUTBOUND: ("reply",)}


class CountingSeal(Seal):
    """Counts how often something was opened."""

    opened = 0

    def open(self, sealed: bytes) -> bytes:
        self.opened += 1
        return super().open(sealed)


@pytest.fixture
def seal() -> CountingSeal:
    return CountingSeal(bytes(32))


@pytest.fixture
def opener(seal: Seal, tmp_path: Path) -> flow.Opener:
    return flow.Opener(Embedded(tmp_path / "log.db", groups=GROUPS), seal)


def record(seal: Seal, offset: int, *, topic: str = ROUTED, body: bytes = b"") -> Record:
    return Record(topic=topic, offset=offset, key="k", body=body or seal.seal(encode(Ticket(row=str(offset)))))


def test_opened_once_for_all_its_groups(opener: flow.Opener, seal: CountingSeal) -> None:
    records = [record(seal, offset) for offset in range(10)]
    values = [[opener.open(one, Ticket).row for one in records] for _group in GROUPS[ROUTED]]

    assert [[str(offset) for offset in range(10)]] * 2 == values
    assert 10 == seal.opened


def test_what_comes_again_is_opened_again(opener: flow.Opener, seal: CountingSeal) -> None:
    """A group that reads a batch twice takes nothing from the others."""
    one = record(seal, 1)

    assert ["1"] * 5 == [opener.open(one, Ticket).row for _ in range(5)]


def test_every_group_hears_why_a_record_cannot_be_read(opener: flow.Opener, seal: CountingSeal) -> None:
    damaged = record(seal, 1, body=b"damaged")
    verdicts = [opener.open(damaged, Ticket) for _group in GROUPS[ROUTED]]

    assert all(isinstance(verdict, Rejected) for verdict in verdicts)


def test_a_group_far_behind_holds_up_no_memory(
    opener: flow.Opener, seal: CountingSeal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one group has not taken for long is opened anew for it."""
    records = [record(seal, offset) for offset in range(10)]
    monkeypatch.setattr(flow, "_KEPT_BYTES", sum(len(one.body) for one in records[5:]))
    for one in records:
        opener.open(one, Ticket)
    behind = [opener.open(one, Ticket).row for one in reversed(records)]

    assert [str(offset) for offset in reversed(range(10))] == behind
    assert 10 + 5 == seal.opened
