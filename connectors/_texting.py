"""What text messages share whatever gateway carries them: how numbers are written, and who wants to be left alone."""

from core.contact import is_e164

# What a phone's owner sends to be left alone. Twilio keeps to the English words by itself.
_LEAVE_ALONE = frozenset({"stop", "stopall", "unsubscribe", "수신거부", "수신 거부", "무료거부"})
# Of nobody: `send` says something in their name.
CITIZEN_NUMBER, CITY_NUMBER = "+821000000000", "+8220000120"


def may_be_answered(address: str) -> bool:
    """Whether this can be written to: a number of the world's plan, not a sender's name or a short code."""
    return is_e164(address.rpartition(":")[2]) or ":" in address


def wants_peace(text: str) -> bool:
    """Whether this is a wish to be left alone: a word to the machine, not to the city."""
    return text.lower() in _LEAVE_ALONE
