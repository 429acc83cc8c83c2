"""Answers to who wrote by the web page: by mail or SMS, as the contact that they left says."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from connectors.base import Connector
from connectors.email import Email
from connectors.form import Form
from connectors.sms import Sms
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
    """Returns the senders, those of pages answering by the first mail and the first SMS channel that can send."""
    mail = _first(senders, (name for name, part in connectors.items() if isinstance(part, Email)))
    # Without a number of its own it answers from the one that was written to, and to a page nobody writes by SMS.
    sms = _first(senders, (n for n, part in connectors.items() if isinstance(part, Sms) and part.settings.from_number))
    if mail is None and sms is None:
        return dict(senders)
    return {
        name: ByContact(sender, mail=mail, sms=sms) if isinstance(connectors[name], Form) else sender
        for name, sender in senders.items()
    }


def _first(senders: Mapping[str, Sender], names: Iterable[str]) -> Sender | None:
    return next((senders[name] for name in names if not isinstance(senders[name], FileSender)), None)
