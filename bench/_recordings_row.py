"""One line of the table of recordings: what a channel makes of a file, without what stands in it."""

from dataclasses import dataclass

from core.mask import mask

RIGHT, NONE = "right", "–"
_FIRST_CHARACTERS = 40
COLUMNS = ("text", "sender", "id", "time", "attachments")


@dataclass(frozen=True, kw_only=True)
class Row:
    """Each column says `right`, `–` (there is none), what was done where there is none, or what is else; `note` why.

    `is_message` is False for what is no message, and is not to become one.
    """

    name: str
    channel: str
    text: str = NONE
    sender: str = NONE
    id: str = NONE
    time: str = NONE
    attachments: str = NONE
    note: str = ""
    is_message: bool = True
    # How the text begins, masked: for the screen of whoever asks, never for the page.
    begins: str = ""

    @classmethod
    def refused(cls, name: str, channel: str, reason: str) -> "Row":
        return cls(name=name, channel=channel, note=reason, is_message=False)

    @property
    def is_right(self) -> bool:
        cells = [str(getattr(self, column)) for column in COLUMNS]
        return all(cell == NONE or cell.startswith((RIGHT, "not given")) for cell in cells)

    def __str__(self) -> str:
        cells = [str(getattr(self, column)) if self.is_message else "" for column in COLUMNS]
        return f"| `{self.name}` | {self.channel} | {' | '.join(cells)} | {self.note} |"


def beginning(text: str) -> str:
    """Returns the first words, masked."""
    return mask(" ".join(text[:200].split()))[:_FIRST_CHARACTERS]


def compared(ours: object, theirs: object) -> str:
    """Returns what a column says of two readings of the same."""
    if not ours and not theirs:
        return NONE
    return RIGHT if ours == theirs else "another than it says"


def head(first: str) -> list[str]:
    """Returns the two lines above a table."""
    return [f"| {first} | channel | {' | '.join(COLUMNS)} | note |", "|---" * (len(COLUMNS) + 3) + "|"]
