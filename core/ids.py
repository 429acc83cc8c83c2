"""UUIDv7 (RFC 9562): ids that sort by the time they were made."""

import os
import time


def uuid7(now_ns: int | None = None) -> str:
    """Returns a new id; `now_ns` is the Unix time in nanoseconds (the machine's clock when left out)."""
    milliseconds = (time.time_ns() if now_ns is None else now_ns) // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
