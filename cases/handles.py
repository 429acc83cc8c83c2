"""Which handles are the same: a telephone number or a mail address is one person's, however and wherever it is said."""

import re
from functools import lru_cache

from core.message import Message, identity_of
from core.wire import Seal

_SIGNS = re.compile(r"[\s().-]")
_MAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[A-Za-z0-9가-힣-]{1,63}(\.[A-Za-z0-9가-힣-]{1,63}){1,8}")
_PHONE = re.compile(r"(?:\+82|0)\d{8,11}")


# The same few are asked for several times for each message of a batch.
@lru_cache(maxsize=1_024)
def known_by(handle: str) -> str:
    """Returns the handle as it is compared: in small letters, a Korean number with its country."""
    handle = handle.strip().casefold()
    digits = _SIGNS.sub("", handle)
    return f"+82{digits[1:]}" if digits.startswith("0") and _PHONE.fullmatch(digits) else handle


def is_address(handle: str) -> bool:
    """Whether this is known everywhere as the same, as accounts of a platform are not."""
    return "@" in handle[1:] or _PHONE.fullmatch(handle) is not None


def written_as(text: str) -> tuple[str, str]:
    """Returns whether this is a telephone number ("tel") or a mail address ("mail"), and how we write it; ("", "") for
    what is neither."""
    if _MAIL.fullmatch(text.strip()):
        return "mail", text.strip().casefold()
    number = known_by(_SIGNS.sub("", text))
    return ("tel", number) if _PHONE.fullmatch(number) else ("", "")


def contact_key(seal: Seal, channel: str, account: str, address: str) -> str:
    """Returns the name of a contact, which tells nobody without the key what it is."""
    who = known_by(address)
    return _marked(seal, *(("anywhere", who) if is_address(who) else ("channel", channel, account, who)))


def case_key(seal: Seal, number: str) -> str:
    """Returns what stands for the citizen of one case alone, where nobody knows whose address it names."""
    return _marked(seal, "case", number)


def key_of_author(seal: Seal, message: Message) -> str:
    """Returns the contact that this message comes from and whose answer goes there alone, "" when that is not sure:
    who only claims an address could else have answers about it sent elsewhere."""
    handle, to = message.author.handle, message.reply_to
    if message.public or not handle or not to or (handle != to and known_by(handle) != known_by(to)):
        return ""
    return contact_key(seal, message.channel, message.account, to)


def _marked(seal: Seal, *parts: str) -> str:
    return seal.mark(identity_of("contact", *parts)).hex()
