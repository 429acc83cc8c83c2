"""UUIDv7 (RFC 9562): ids that sort by the time they were made; and random bytes for them."""

import os
import time
from collections import deque

_AT_ONCE = 256


class RandomBytes:
    """Gives `size` random bytes a call. Drawn from the system in blocks: each draw gives up the interpreter's lock."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._drawn: deque[bytes] = deque()

    def __call__(self) -> bytes:
        while True:
            try:
                # Taking one is atomic: no two threads get the same bytes.
                return self._drawn.pop()
            except IndexError:
                block = os.urandom(self._size * _AT_ONCE)
                self._drawn.extend(block[i : i + self._size] for i in range(0, len(block), self._size))


_random = RandomBytes(10)


def uuid7(now_ns: int | None = None) -> str:
    """Returns a new id; `now_ns` is the Unix time in nanoseconds (the machine's clock when left out)."""
    milliseconds = (time.time_ns() if now_ns is None else now_ns) // 1_000_000
    random = int.from_bytes(_random(), "big")
    value = milliseconds << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
