"""What stands in the city's files again and again: ids, texts, days."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

# Of ids, of accounts on platforms, of districts' administrative codes.
ID, HANDLE, CODE = r"^[a-z][a-z0-9.-]*$", r"^[A-Za-z0-9_.]{1,50}$", r"^\d{5}$"
Id = Annotated[str, StringConstraints(pattern=ID)]
# What commands a terminal or turns the direction of what follows; a name goes on in one line, besides.
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
LINE_ENDS = re.compile(r"[\t\n\u2028\u2029]")


def _seen(text: str) -> str:
    if unseen := UNSEEN.search(text):
        raise ValueError(f"holds a sign that nobody sees (U+{ord(unseen[0]):04X}). Write it without")
    return text


def _of_one_line(text: str) -> str:
    if LINE_ENDS.search(text):
        raise ValueError("goes on in another line. Write it in one")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_seen)]
# What is called by it in terminals, logs and pages.
Name = Annotated[Text, AfterValidator(_of_one_line)]


def _no_number(value: Any) -> Any:
    """A number would be taken for seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("should be a day or a time, not a number: 2026-12-01 or 2026-12-01T09:00:00")  # noqa: TRY004
    return value


# A day, or a time; one without a zone is Asia/Seoul.
Moment = Annotated[date | datetime, BeforeValidator(_no_number)]
# What is named; a list without anything in it would say what leaving it out says.
Names = Annotated[tuple[Text, ...], Field(min_length=1)]
