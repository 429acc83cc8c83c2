"""How a telephone number or a mail address is written, wherever people write one: one spelling for each."""

import re

# Where a number is of that says no country itself, on channels that have no setting for it.
HOME = "82"
_MAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[A-Za-z0-9가-힣-]{1,63}(\.[A-Za-z0-9가-힣-]{1,63}){1,8}")
_PHONE = re.compile(r"\+?[0-9]{8,15}")
_SIGNS = re.compile(r"[\s().-]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Whose telephone it is, and no short number of an office.
_PERSONAL = re.compile(r"\+[1-9][0-9]{9,14}|0[0-9]{8,11}")
_ADDRESS = re.compile(r"[\w.+@-]{1,64}( [\w.+@-]{1,64}){0,3}")


def is_mail(text: str) -> bool:
    return _MAIL.fullmatch(text) is not None


def is_e164(text: str) -> bool:
    """Whether this is a number of the world's plan, with its country."""
    return _E164.fullmatch(text) is not None


def is_personal(text: str) -> bool:
    """Whether this is a number that is one person's wherever it is said, without signs in it."""
    return _PERSONAL.fullmatch(text) is not None


def phone_of(text: str, country_code: str) -> str:
    """Returns the number as E.164 where it begins with 0 or +, as it is where not, "" when it is none."""
    digits = _SIGNS.sub("", text)
    return _with_country(digits, country_code) if _PHONE.fullmatch(digits) else ""


def personal_number(text: str, country_code: str) -> str:
    """Returns a person's number at home as E.164, "" for one of another country and for what is none."""
    number = phone_of(text, country_code)
    return number if re.fullmatch(rf"\+{country_code}[0-9]{{8,11}}", number) else ""


def normal_number(number: str, country_code: str) -> str:
    """Returns the address as E.164 where it is a number, as it is where it is a name, "" where it is neither.

    What stands before a colon (`whatsapp:+82…`) is kept.
    """
    if is_e164(number):
        return number
    prefix, colon, rest = number.strip().rpartition(":")
    digits = _SIGNS.sub("", rest)
    digits = f"+{digits[2:]}" if digits.startswith("00") else _with_country(digits, country_code)
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


def korean_mobile(text: str) -> str:
    """Returns a Korean mobile number as digits, 01012345678, "" for whatever else."""
    digits = re.sub(rf"^(\+?{HOME})0?(?=1)", "0", _SIGNS.sub("", text))
    return digits if re.fullmatch(r"01[016789][0-9]{7,8}", digits) else ""


def _with_country(digits: str, country_code: str) -> str:
    return f"+{country_code}{digits[1:]}" if digits.startswith("0") else digits
