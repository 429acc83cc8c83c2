"""Which handles are the same: a telephone number or a mail address is one person's, however and wherever it is said."""

from functools import lru_cache

from core.contact import HOME, is_mail, is_personal, personal_number
from core.message import Message, identity_of
from core.wire import Seal


# The same few are asked for several times for each message of a batch.
@lru_cache(maxsize=1_024)
def known_by(handle: str) -> str:
    """Returns the handle as it is compared: in small letters, a number with its country, at home where it says none."""
    handle = handle.strip().casefold()
    return handle if handle.startswith("+") else personal_number(handle, HOME) or handle


def is_address(handle: str) -> bool:
    """Whether this is known everywhere as the same, as accounts of a platform are not."""
    return "@" in handle[1:] or is_personal(handle)


def written_as(text: str, country_code: str) -> tuple[str, str]:
    """Returns whether this is a telephone number ("tel") or a mail address ("mail"), and how we write it; ("", "") for
    what is neither, and for numbers of another country: nobody may have us write to the dearest ones in the world."""
    if is_mail(text.strip()):
        return "mail", text.strip().casefold()
    number = personal_number(text, country_code)
    return ("tel", number) if number else ("", "")


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
