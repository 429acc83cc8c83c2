"""A letter as the few messages that one call to a provider takes."""

from connectors._parts import parts
from core.errors import Rejected


def few(text: str, most_characters: int, most_messages: int, *, rest: str = "…") -> list[str]:
    """Returns the text in at most so many parts of at most so many UTF-16 code units; what is longer still ends with
    `rest`, which says where more is. Raises `Rejected` when there is nothing to say."""
    texts = parts(text, most_characters)
    if not texts:
        raise Rejected("there is nothing to say")
    if len(texts) > most_messages:
        # Words about the rest that leave no room for the letter help nobody.
        rest = rest if 2 * len(rest) < most_characters else "…"
        last = parts(texts[most_messages - 1], most_characters - len(rest) - 1)[0]
        texts = [*texts[: most_messages - 1], f"{last} {rest}"]
    return texts
