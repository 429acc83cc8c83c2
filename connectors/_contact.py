"""Where somebody can be answered: a telephone number or a mail address, as people write them."""

import re

_MAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[A-Za-z0-9가-힣-]{1,63}(\.[A-Za-z0-9가-힣-]{1,63}){1,8}")
_PHONE = re.compile(r"\+?[0-9]{8,15}")
_SIGNS = re.compile(r"[\s().-]")


def is_mail(text: str) -> bool:
    return _MAIL.fullmatch(text) is not None


def phone_of(text: str, country_code: str) -> str:
    """Returns the number as E.164 where it begins with 0 or +, as it is where not, "" when it is none."""
    digits = _SIGNS.sub("", text)
    if not _PHONE.fullmatch(digits):
        return ""
    return f"+{country_code}{digits[1:]}" if digits.startswith("0") else digits
