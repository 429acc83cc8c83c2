"""Tables of the command line: what somebody copies is whole, whatever the width."""

import io

import pytest
from rich.console import Console
from rich.markup import escape

from pipeline.cli_table import put, table

ACCOUNT, POST = "facebook:Seoul_eungdapso", "1500000000000000200_20807658135781910"
REASON = "[connectors.x.accounts.Seoulmania] has no id"


def shown(width: int, *, is_terminal: bool = True) -> str:
    made = table("account", "case", "topic", "post, or why not", cut=("topic",))
    made.add_row(ACCOUNT, "[bold]![/bold]1-20261123-000001", "주정차 위반 차량을 신고합니다. " * 4, POST)
    made.add_row("x:Seoulmania", "1-20261123-000002", "가로등", escape(REASON))
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=width, color_system=None)
    put(made, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [20, 80, 132])
def test_ids_are_whole(width: int) -> None:
    """On a terminal of whatever width ids, case numbers, handles and names of settings stand in one piece."""
    said = shown(width)

    assert [] == [
        one
        for one in (ACCOUNT, POST, "!1-20261123-000001", "x:Seoulmania", "[connectors.x.accounts.Seoulmania]")
        if one not in said
    ]


def test_what_may_be_cut_is_cut() -> None:
    """The one column that may be cut gives way to the others."""
    assert (True, False) == ("…" in shown(132), "신고합니다. 주정차 위반 차량을 신고합니다. 주정차" in shown(132))


def test_in_a_pipe_a_row_is_a_line() -> None:
    """What a program reads is wrapped nowhere and cut nowhere."""
    lines = shown(40, is_terminal=False).splitlines()

    assert 4 == len(lines)
    assert (True, True) == (REASON in lines[3], "…" not in lines[2])
