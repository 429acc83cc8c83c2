"""Tables on a terminal: an id, a case's number or a handle is never broken; in a pipe every row is one line."""

from collections.abc import Collection

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

# In a pipe no row is wider. What is longer than that is no id, and may be broken.
_WIDE, _LONG = 100_000, 40
# So much is left of what is cut off.
_CUT = 10


def table(*names: str, cut: Collection[str] = ()) -> Table:
    """Returns an empty one. Columns of `cut` end in an ellipsis where the terminal is too narrow; the others wrap, at
    blanks alone."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in names:
        made.add_column(name, no_wrap=name in cut, overflow="ellipsis" if name in cut else "fold")
    return made


def put(made: Table, console: Console | None = None) -> None:
    """Prints it. Where even the longest words do not fit side by side, the lines are longer than the terminal."""
    console = console or Console()
    if not console.is_terminal:
        console.width = _WIDE
    whole = [column for column in made.columns if not column.no_wrap]
    for column in whole:
        column.min_width = max(min(width, _LONG) for width in _widths(column, in_words=True))
    rest = console.width - sum(max(_widths(column)) + 1 for column in whole)
    for column in made.columns:
        if column.no_wrap:
            column.max_width = max(_CUT, rest)
    needed = sum((column.min_width or _CUT) + 1 for column in made.columns)
    console.width = max(console.width, needed)
    console.print(made, crop=False)


def _widths(column: Column, *, in_words: bool = False) -> list[int]:
    cells = [Text.from_markup(str(cell)).plain for cell in (column.header, *column.cells)]
    pieces = [piece for cell in cells for piece in (cell.split() if in_words else cell.splitlines())]
    return [Text(piece).cell_len for piece in pieces] or [1]
