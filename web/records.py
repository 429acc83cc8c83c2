"""/api/v1/records: what was said by telephone or in person, filed by an office with its key."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cases.requests import Filed
from core import hook, telemetry
from core.errors import Rejected, Unavailable
from core.hook import arrivals
from core.message import Message
from web.answers import as_json, key_of, refusal
from web.passing import awaited, read
from web.services import Records, Services
from web.shown import in_seoul, public_queue

_MOST_BYTES = 262_144
_BODY_SECONDS, _WAIT_SECONDS = 20.0, 3.0
# What makes two records of one id the same record.
_SAME = ("subject", "text", "author", "settled", "location", "sent_at", "reply_to", "topic_hint", "district_hint")


class _Head(msgspec.Struct):
    channel: str
    office: str


def routes(services: Services) -> list[Route]:
    calls = _Calls(services)
    return [
        Route("/api/v1/records", calls.file, methods=["POST"]),
        Route("/api/v1/records/{id:path}", calls.one, methods=["GET"]),
    ]


class _Calls:
    def __init__(self, services: Services) -> None:
        self._with = services

    async def file(self, request: Request) -> Response:
        answer = await _told(self._file(request))
        if 400 <= answer.status_code < 500:
            # Nobody knows whose it was before its head is read: such a refusal is no channel's.
            channel = getattr(request.state, "channel", "")
            telemetry.refused(channel=channel, reason="not a record", status=answer.status_code)
        return answer

    async def one(self, request: Request) -> Response:
        return await _told(self._one(request))

    async def _file(self, request: Request) -> Response:
        queues = await self._queues(request)
        async with asyncio.timeout(_BODY_SECONDS):
            body = await read(request, _MOST_BYTES)
        if body is None:
            raise Rejected("the record is too large", status=413)
        return await self._filed(request, body, queues)

    async def _one(self, request: Request) -> Response:
        queues, channel = await self._queues(request), request.query_params.get("channel", "")
        channels = [name for name in self._records().readers if channel in ("", name)]
        look = partial(self._with.store.requests.filed, channels, [request.path_params["id"]], queues)
        found = await asyncio.to_thread(look)
        if found is None:
            raise Rejected("there is no such record; a new one takes a moment", status=404)
        return await asyncio.to_thread(self._shown, found, 200)

    async def _filed(self, request: Request, body: bytes, queues: frozenset[str]) -> Response:
        records, head = self._records(), _head_of(body)
        reader = records.readers.get(head.channel)
        if reader is None:
            raise Rejected(f"channel is one of {', '.join(records.readers)}")
        request.state.channel = head.channel
        if head.office not in queues:
            raise Rejected("this key is not for this office", status=403)
        message = reader.parse(self._asked(request, body))[0]
        self._must_know(message)
        filing = arrivals(head.channel, [message], body, media_type="application/json")
        look = partial(self._with.store.requests.filed, [head.channel], [message.native_id], [head.office])
        known = await asyncio.to_thread(look)
        if known is not None:
            if not any(_is_same(known.message, one.message) for one in filing if one.message):
                raise Rejected("another record with this id is there; a record is not changed by another", status=409)
            return await asyncio.to_thread(self._shown, known, 200)
        await records.accept(filing)
        found = await awaited(look, self._with.changed, _WAIT_SECONDS)
        if found is None:
            told = {"id": message.native_id, "channel": head.channel, "office": head.office, "number": None}
            return as_json(told, 202)
        return await asyncio.to_thread(self._shown, found, 201)

    def _must_know(self, message: Message) -> None:
        """Raises `Rejected` for a topic or a district that there is not."""
        city = self._with.city
        if message.topic_hint and all(one.id != message.topic_hint for one in city.topics):
            raise Rejected("there is no such topic; config/topics.toml has them, /open311/v2/services.json shows them")
        named = message.district_hint
        if named != message.account and all(named not in (one.id, one.code) for one in city.districts):
            raise Rejected("there is no such district, e.g. gangnam")

    def _shown(self, filed: Filed, status: int) -> Response:
        message = filed.message
        told: dict[str, Any] = {
            "id": filed.native_id,
            "channel": message.channel,
            "office": filed.account,
            "received_at": in_seoul(filed.received_at),
            "number": filed.number or None,
        }
        if filed.number:
            case = self._with.store.views.case(filed.number)
            name, _ = public_queue(case.queue, self._with.city)
            # Where a confidential matter went is told to nobody.
            is_open_to_all = not case.confidential
            told |= {
                "state": case.state,
                "queue": case.queue if is_open_to_all else None,
                "queue_name": name if is_open_to_all else None,
                "due_at": in_seoul(case.due_at) if is_open_to_all else None,
                "answered_at": in_seoul(case.answered_at),
            }
        return as_json(told, status)

    def _asked(self, request: Request, body: bytes) -> hook.Request:
        at = self._with.clock()
        return hook.Request(
            method="POST", url="", path=request.url.path, query="", headers={}, body=body, received_at=at
        )

    def _records(self) -> Records:
        if self._with.records is None or not self._with.records.readers:
            raise Rejected(
                "no table of this instance takes records; [connectors.phone] type = 'record' does", status=404
            )
        return self._with.records

    async def _queues(self, request: Request) -> frozenset[str]:
        key = key_of(request)
        queues = await asyncio.to_thread(self._with.store.keys.check, key) if key else frozenset()
        if not queues:
            raise Rejected(
                "send 'Authorization: Bearer <key>'; `eungdapso key add --queue OFFICE` makes one", status=401
            )
        return queues


async def _told(answer: Awaitable[Response]) -> Response:
    """Returns the answer, or in the same words of every mistake why there is none."""
    try:
        return await answer
    except Rejected as error:
        return refusal(error.status, error.reason)
    except TimeoutError:
        return refusal(408, "too slow")
    except Unavailable:
        return refusal(503, "not now; send the same record again, it is taken once", {"retry-after": "5"})


def _head_of(body: bytes) -> _Head:
    try:
        return msgspec.json.decode(body, type=_Head)
    except msgspec.ValidationError as error:
        raise Rejected(f"this is no record: {error}") from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Rejected("the body is no JSON in UTF-8", status=400) from error


def _is_same(known: Message, message: Message) -> bool:
    if known.raw_digest == message.raw_digest:
        return True
    return all(getattr(known, name) == getattr(message, name) for name in _SAME)
