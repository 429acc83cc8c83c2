"""What text messages share whatever gateway carries them: how numbers are written, and who wants to be left alone."""

import re

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_ADDRESS = re.compile(r"[\w.+@-]{1,64}( [\w.+@-]{1,64}){0,3}")
# What a phone's owner sends to be left alone. Twilio keeps to the English words by itself.
_LEAVE_ALONE = frozenset({"stop", "stopall", "unsubscribe", "수신거부", "수신 거부", "무료거부"})
# Of nobody: `send` says something in their name.
CITIZEN_NUMBER, CITY_NUMBER = "+821000000000", "+8220000120"


def normal_number(number: str, country_code: str) -> str:
    """Returns the address as E.164 where it is a number, as it is where it is a name, "" where it is neither.

    What stands before a colon (`whatsapp:+82…`) is kept.
    """
    if _E164.fullmatch(number):
        return number
    prefix, colon, rest = number.strip().rpartition(":")
    digits = re.sub(r"[\s().-]", "", rest)
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    elif digits.startswith("0"):
        digits = f"+{country_code}{digits[1:]}"
    plain = digits if re.fullmatch(r"\+?[0-9]{3,15}", digits) else rest
    if not _ADDRESS.fullmatch(plain) or (colon and not re.fullmatch(r"[a-z_]{1,20}", prefix)):
        return ""
    return f"{prefix}{colon}{plain}"


def home_number(number: str, country_code: str) -> str:
    """Returns the number as it is dialled at home, 01012345678; "" when it is of another country or none."""
    national = number.removeprefix(f"+{country_code}")
    if national != number and re.fullmatch(r"[1-9][0-9]{5,12}", national):
        # 1588-1234 and the like stand alone also at home.
        return national if re.fullmatch(r"1[3-9]\d{6}", national) else f"0{national}"
    return number if re.fullmatch(r"0[0-9]{6,12}|1[3-9]\d{6}", number) else ""


def may_be_answered(address: str) -> bool:
    """Whether this can be written to: a number of the world's plan, not a sender's name or a short code."""
    return _E164.fullmatch(address.rpartition(":")[2]) is not None or ":" in address


def wants_peace(text: str) -> bool:
    """Whether this is a wish to be left alone: a word to the machine, not to the city."""
    return text.lower() in _LEAVE_ALONE
