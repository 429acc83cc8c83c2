"""Case numbers: what people type is understood, what they mistype is found."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.numbers import case_number, check_digit, day_of, parse_number
from core.errors import Rejected


def test_a_number_has_day_counter_and_check_digit() -> None:
    """A number is the day, six digits of a counter, and a Luhn digit over both."""
    assert "20261123-000001-0" == case_number("20261123", 1)


def test_the_check_digit_is_luhns() -> None:
    """The digit is the one of ISO/IEC 7812: 7992739871 has 3."""
    assert 3 == check_digit("7992739871")


def test_the_counter_grows_past_six_digits() -> None:
    """The millionth case of a day still has a number, and it reads back."""
    number = case_number("20261123", 1_000_000)

    assert "20261123-1000000" == number[:-2]
    assert number == parse_number(number)


def test_the_day_is_seouls() -> None:
    """A case made at 00:30 in Seoul belongs to the new day, though it is still yesterday in UTC."""
    assert "20261124" == day_of(datetime(2026, 11, 23, 15, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "typed", ["20261123-000001-0", " 202611230000010 ", "２０２６１１２３－０００００１－０", "20261123 000001 0"]
)
def test_numbers_are_understood_as_people_type_them(typed: str) -> None:
    """Dashes left out, full-width digits and blanks are no obstacle."""
    assert "20261123-000001-0" == parse_number(typed)


@pytest.mark.parametrize(
    "typed", ["", "120", "20261123-00001-3", "20261323-000001-3", "20261123-000001", "' OR 1=1", "٢٠٢٦"]
)
def test_what_is_no_number_is_refused(typed: str) -> None:
    """Anything else is refused with a sentence."""
    with pytest.raises(Rejected):
        parse_number(typed)


@given(count=st.integers(1, 999_999), place=st.integers(0, 13), other=st.integers(1, 9))
def test_a_wrong_digit_is_found(count: int, place: int, other: int) -> None:
    """No number with one digit mistyped is taken for another case."""
    digits = f"20261123{count:06d}"
    wrong = digits[:place] + str((int(digits[place]) + other) % 10) + digits[place + 1 :]

    assert check_digit(digits) != check_digit(wrong)
