"""The routing desk: bytes of [inbound] in, bytes of [routed] out. Holds no state between batches but its rules."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from core.decision import Context, Decision
from core.errors import Rejected, Unavailable
from core.mask import redact
from core.message import Arrival, Message
from core.text import clean
from core.wire import Routed, Seal, decode, encode
from router.router import Router

Contexts = Callable[[Sequence[Message]], Sequence[Context]]
Parser = Callable[[Arrival], Message]


class Outcome(msgspec.Struct, frozen=True):
    """What became of one record: the sealed `body` for [routed] under `key`, or the reason why there is none."""

    key: str = ""
    body: bytes = b""
    action: str = ""
    reason: str = ""
    # Shadow rows that would have decided.
    shadowed: tuple[str, ...] = ()


class Desk:
    """Opens, parses, redacts, asks for contexts, decides, seals: a batch at a time."""

    def __init__(
        self,
        *,
        seal: Seal,
        parsers: Mapping[str, Parser],
        router: Router,
        contexts: Contexts,
        now: Callable[[], datetime],
        remake: Callable[[bytes], Router] | None = None,
    ) -> None:
        self._seal = seal
        self._parsers = parsers
        self._router = router
        self._contexts = contexts
        self._now = now
        self._remake = remake

    def take(self, city: bytes) -> None:
        """Decides by another city from the next batch on: makes its router, warm, and then changes over.

        Called beside the work. Raises whatever keeps that router from being made.
        """
        if self._remake is None:
            raise Unavailable("this desk knows one city only")
        router = self._remake(city)
        router.warm()
        self._router = router

    def warm(self) -> None:
        """Loads what the first unsure message would else wait for."""
        self._router.warm()

    def handle(self, bodies: Sequence[bytes]) -> list[Outcome]:
        """Returns one outcome for each body, in order. Raises `Unavailable` when contexts cannot be had now."""
        # One for the whole batch, whatever is taken over meanwhile.
        router = self._router
        read = [self._read(body) for body in bodies]
        good = [(arrival, message) for arrival, message, _ in read if message is not None]
        messages = [message for _, message in good]
        contexts = list(self._contexts(messages)) if messages else []
        decisions = router.route(messages, contexts)
        done = iter(
            self._outcome(arrival, message, decision, context)
            for (arrival, message), decision, context in zip(good, decisions, contexts, strict=True)
        )
        return [Outcome(reason=reason) if message is None else next(done) for _, message, reason in read]

    def _read(self, body: bytes) -> tuple[Arrival, Message | None, str]:
        try:
            arrival = decode(self._seal.open(body), Arrival)
            return arrival, redacted(self._message_of(arrival)), ""
        except Rejected as error:
            return _NOTHING, None, error.reason

    def _message_of(self, arrival: Arrival) -> Message:
        if arrival.message is not None:
            return arrival.message
        parser = self._parsers.get(arrival.channel)
        if parser is None:
            raise Rejected(f"no running channel reads what '{arrival.channel}' took in; switch it on again, then retry")
        return msgspec.structs.replace(parser(arrival), id=arrival.id)

    def _outcome(self, arrival: Arrival, message: Message, decision: Decision, context: Context) -> Outcome:
        routed = Routed(
            message=message,
            decision=decision,
            context=context,
            raw=arrival.raw,
            media_type=arrival.media_type,
            decided_at=self._now(),
        )
        body = self._seal.seal(encode(routed))
        return Outcome(key=arrival.key, body=body, action=decision.action, shadowed=decision.shadowed)


def redacted(message: Message) -> Message:
    """Returns the message as it may be kept: plain text, resident numbers masked."""
    if message.settled is not None:
        told = msgspec.structs.replace(message.settled, answer=redact(clean(message.settled.answer)))
        message = msgspec.structs.replace(message, settled=told)
    text, subject = redact(clean(message.text)), redact(clean(message.subject))
    if text == message.text and subject == message.subject:
        return message
    return msgspec.structs.replace(message, text=text, subject=subject)


_NOTHING = Arrival(id="", channel="", account="", native_id="", key="", received_at=datetime.min)  # noqa: DTZ901
