"""Case numbers: `YYYYMMDD-NNNNNN-C`, the day in Seoul, a counter of the day, and a Luhn check digit."""

import re
import unicodedata
from datetime import date, datetime

from core.clock import SEOUL
from core.errors import Rejected

_WRITTEN = re.compile(r"(\d{8})-?(\d{6,12})-?(\d)", re.ASCII)
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−－_. "), "-")
# A digit doubled, its own digits added: 7 gives 14 gives 5.
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def day_of(moment: datetime) -> str:
    """Returns the day whose counter a case made at this moment counts on."""
    return moment.astimezone(SEOUL).strftime("%Y%m%d")


def case_number(day: str, count: int) -> str:
    """Returns the number of the day's `count`-th case; the counter grows past six digits when it must."""
    digits = f"{day}{count:06d}"
    return f"{day}-{count:06d}-{check_digit(digits)}"


def check_digit(digits: str) -> int:
    """Returns the Luhn digit: it finds every wrong digit and nearly every swap of neighbours."""
    last_first = digits.encode("ascii")[::-1]
    return (len(digits) * ord("0") - sum(last_first[::2].translate(_DOUBLED)) - sum(last_first[1::2])) % 10


def parse_number(text: str) -> str:
    """Returns the number as it is written here; raises `Rejected` when it is none, or mistyped.

    People leave the dashes out, use others, or type full-width digits; that is understood.
    """
    plain = unicodedata.normalize("NFKC", text).strip().translate(_DASHES)
    found = _WRITTEN.fullmatch(plain)
    if found is None:
        raise Rejected("this is not a case number; one looks like 20261123-000001-0", status=404)
    day, count, digit = found.groups()
    if not _is_day(day) or check_digit(day + count) != int(digit):
        raise Rejected("there is a slip in this case number; compare it with the one in the notice", status=404)
    return f"{day}-{count}-{digit}"


def _is_day(day: str) -> bool:
    try:
        date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        return False
    return True
