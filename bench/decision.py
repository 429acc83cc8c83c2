"""The decision of a message: batches of 256 and one alone, in this process."""

import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.texts import texts
from core.decision import Context
from core.message import Author, Message
from pipeline.build import plan
from router.router import Router

_ROUNDS = 5


def rows() -> list[dict[str, Any]]:
    begun = time.perf_counter()
    router = plan(Path("pipeline.toml"), {}).router()
    loaded = time.perf_counter() - begun
    messages = [_message(number, text) for number, text in enumerate(texts(1024))]
    router.route(messages[:16], [Context()] * 16)
    batch = statistics.median(_batches(router, messages) for _ in range(_ROUNDS))
    single = statistics.median(_singles(router, messages[:200]))
    return [
        _row(
            "decision, batches of 256",
            len(messages) / batch,
            4_000,
            "messages/s on one core",
            f"loaded in {loaded:.1f} s",
        ),
        _row("decision, one alone", single * 1000, 15, "ms, median", ""),
    ]


def _row(what: str, ours: float, limit: float, unit: str, note: str) -> dict[str, Any]:
    return {"what": what, "ours": ours, "peer": None, "limit": limit, "unit": unit, "ratio": ours / limit, "note": note}


def _batches(router: Router, messages: Sequence[Message]) -> float:
    begun = time.perf_counter()
    for start in range(0, len(messages), 256):
        chunk = messages[start : start + 256]
        router.route(chunk, [Context()] * len(chunk))
    return time.perf_counter() - begun


def _singles(router: Router, messages: Sequence[Message]) -> list[float]:
    seconds = []
    for message in messages:
        begun = time.perf_counter()
        router.route([message], [Context()])
        seconds.append(time.perf_counter() - begun)
    return seconds


def _message(number: int, text: str) -> Message:
    return Message(
        id=str(number),
        channel="sms",
        account="+8225550120",
        native_id=str(number),
        received_at=datetime(2026, 11, 23, 1, 0, tzinfo=UTC),
        author=Author(handle=f"+8210{number:08d}"),
        text=text,
    )
