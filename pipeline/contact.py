"""Answers to who left a contact on the page, in a client program or with an office: by mail or SMS, as it says."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from connectors._mail.channel import MailChannel
from connectors.base import Connector
from connectors.form import Form
from connectors.open311 import Open311
from connectors.record import Record
from connectors.sms import Sms
from connectors.sms_domestic import SmsDomestic
from core.contact import HOME
from core.reply import Receipt, Reply, Sender
from sinks._files import FileSender


class ByContact(Sender):
    """An address goes by mail, a number by SMS; what no channel of ours can carry goes where `rest` brings it."""

    def __init__(self, rest: Sender, *, mail: Sender | None, sms: Sender | None) -> None:
        self._rest = rest
        self._mail = mail
        self._sms = sms
        self.repeatable = all(way.repeatable for way in (rest, mail, sms) if way is not None)

    async def send(self, reply: Reply) -> Receipt:
        # The page's own account and token mean nothing to the channel that carries it.
        return await self._way(reply).send(msgspec.structs.replace(reply, account="", in_reply_to="", references=()))

    async def find(self, reply: Reply) -> Receipt | None:
        way = self._way(reply)
        return None if way.repeatable else await way.find(reply)

    async def close(self) -> None:
        await self._rest.close()

    def _way(self, reply: Reply) -> Sender:
        return (self._mail if "@" in reply.to else self._sms) or self._rest


def with_contacts(senders: Mapping[str, Sender], connectors: Mapping[str, Connector[Any]]) -> dict[str, Sender]:
    """Returns the senders; where people leave a contact, those of the first mail and SMS channel that can send."""
    mail = _first(senders, (name for name, part in connectors.items() if isinstance(part, MailChannel)))
    # Without a number of its own it answers from the one that was written to, and to a page nobody writes by SMS.
    texting = (n for n, p in connectors.items() if isinstance(p, Sms | SmsDomestic) and p.settings.from_number)
    sms = _first(senders, texting)
    if mail is None and sms is None:
        return dict(senders)
    return {
        name: ByContact(sender, mail=mail, sms=sms) if isinstance(connectors[name], Form | Open311 | Record) else sender
        for name, sender in senders.items()
    }


def addressed(connectors: Mapping[str, Connector[Any]]) -> frozenset[str]:
    """Returns the channels whose letters go to the very address that wrote; elsewhere anybody's may be claimed."""
    return frozenset(name for name, part in connectors.items() if isinstance(part, MailChannel | Sms | SmsDomestic))


def ways(connectors: Mapping[str, Connector[Any]]) -> dict[str, str]:
    """Returns by which channel citizens are written to who gave a number ("tel") or an address ("mail") afterwards.

    Where nothing is sent at all, as on a machine for trying out, these are channels that deliver to files.
    """
    mail = [name for name, part in connectors.items() if isinstance(part, MailChannel)]
    tel = [name for name, part in connectors.items() if isinstance(part, Sms | SmsDomestic)]
    is_live = any(_sends(part) for part in connectors.values())
    ready = [name for name in (*mail, *tel) if _sends(connectors[name])] if is_live else [*mail, *tel]
    firsts = {"mail": next((n for n in mail if n in ready), ""), "tel": next((n for n in tel if n in ready), "")}
    return {kind: name for kind, name in firsts.items() if name}


def country_of(connectors: Mapping[str, Connector[Any]]) -> str:
    """Returns of which country numbers are that name none: as the channel has it by which they are written to."""
    part = connectors.get(ways(connectors).get("tel", ""))
    return part.settings.country_code if isinstance(part, Sms | SmsDomestic) else HOME


def _sends(part: Connector[Any]) -> bool:
    """Whether this channel is set up to send by itself, and not only in answer to what came to a number of ours."""
    settings = part.settings
    has_way = bool(getattr(settings, "relay", None) or getattr(settings, "api_url", ""))
    has_number = not isinstance(part, Sms | SmsDomestic) or bool(settings.from_number)
    return has_way and has_number and not part.missing()


def _first(senders: Mapping[str, Sender], names: Iterable[str]) -> Sender | None:
    return next((senders[name] for name in names if not isinstance(senders[name], FileSender)), None)
