"""Every event defined once: its log line and its metric. Texts, names and numbers of citizens never appear here."""

import logging
import sys
from collections import Counter as Tally
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from prometheus_client import Counter, Gauge, Histogram

_log = structlog.get_logger("eungdapso")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

RECEIVED = Counter("eungdapso_messages_received", "Messages made durable at the door.", ["channel"])
REFUSED = Counter("eungdapso_messages_refused", "Payloads refused at the door.", ["channel", "reason"])
DECIDED = Counter("eungdapso_messages_decided", "Messages decided.", ["action"])
SHADOWED = Counter("eungdapso_rows_shadowed", "Messages that a shadow row would have decided.", ["rule"])
RELOADS = Counter("eungdapso_city_reloads", "Changes of the city's files by what became of them.", ["outcome"])
HANDLED = Counter("eungdapso_records_handled", "Records that a consumer group is done with.", ["group"])
LAG = Gauge("eungdapso_stream_lag", "Records that a consumer group has before it.", ["group"])
REPLIES = Counter("eungdapso_replies", "Outgoing messages by what became of them.", ["channel", "kind", "state"])
ANNOUNCED = Counter("eungdapso_broadcast_posts", "Posts to everybody by what became of a try.", ["channel", "state"])
FETCHED = Counter("eungdapso_files_fetched", "Files that messages name by what became of a try.", ["channel", "state"])
LEFT_ALONE = Gauge("eungdapso_channel_left_alone_seconds", "How long a failing channel was let be last.", ["channel"])
DEAD = Counter("eungdapso_dead", "Records parked because nothing could be done with them.", ["topic"])
SILENT = Gauge("eungdapso_channel_silent_seconds", "Time since the last message of a channel.", ["channel"])
SECRETS = Gauge("eungdapso_channel_secrets_days", "Days until what a provider gave us ends.", ["channel"])
SPENT = Gauge("eungdapso_spent_dollars", "What a provider charges for this month, as we count it.", ["channel"])
BUDGET = Gauge("eungdapso_budget_dollars", "What a channel may cost a month; 0: as much as it likes.", ["channel"])
INTAKE_SECONDS = Histogram("eungdapso_intake_seconds", "From payload to durable.", buckets=_SECONDS)
DECISION_SECONDS = Histogram("eungdapso_decision_seconds", "Time to decide one batch, per message.", buckets=_SECONDS)


class _Kept:
    """Whoever read the log may have gone, its disk may be full: what cannot be said stops no work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(stream: TextIO | None = None, *, json: bool = False, level: int = logging.INFO) -> None:
    """Sends the log to `stream` (standard error when left out), for people or as JSON lines."""
    out = stream or sys.stderr
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Kept(out))),
        cache_logger_on_first_use=False,
    )


def received(*, channel: str, seconds: float) -> None:
    RECEIVED.labels(channel).inc()
    INTAKE_SECONDS.observe(seconds)


def silent(*, channel: str, seconds: float) -> None:
    SILENT.labels(channel).set(seconds)


def expires(*, channel: str, days: int) -> None:
    SECRETS.labels(channel).set(days)


def refused(*, channel: str, reason: str, status: int) -> None:
    """A payload was refused at the door; `reason` is a constant phrase of ours, never the sender's words."""
    REFUSED.labels(channel, reason).inc()
    _log.info("refused at the door", channel=channel, reason=reason, status=status)


def pushed_back(*, channel: str, reason: str) -> None:
    REFUSED.labels(channel, "try again").inc()
    _log.warning("told to try again", channel=channel, reason=reason)


def decided(*, actions: Sequence[str], seconds: float) -> None:
    """One batch was decided within `seconds`: what was done with each of its messages."""
    DECISION_SECONDS.observe(seconds / len(actions))
    for action, count in Tally(actions).items():
        DECIDED.labels(action).inc(count)


def shadowed(*, rows: Sequence[str]) -> None:
    """Rows with `shadow = true` that would have decided: rules' names, which the city's admins chose."""
    for rule, count in Tally(rows).items():
        SHADOWED.labels(rule).inc(count)


def reloaded(*, rules_version: str, faq_version: str) -> None:
    """The city's files changed, and what they say holds from now on."""
    RELOADS.labels("taken").inc()
    _log.info("the city's files are taken over", rules_version=rules_version, faq_version=faq_version)


def not_reloaded(*, mistakes: Sequence[str]) -> None:
    """The city's files changed and are wrong; what held before holds on. Said once, mistake by mistake."""
    RELOADS.labels("refused").inc()
    for mistake in mistakes:
        _log.error("a mistake in the city's files; what held before holds on", mistake=mistake)


def handled(*, group: str, count: int) -> None:
    HANDLED.labels(group).inc(count)


def lagging(*, group: str, records: int) -> None:
    LAG.labels(group).set(records)


def parked(*, topic: str, group: str, reason: str) -> None:
    DEAD.labels(topic).inc()
    _log.error("parked in dead", topic=topic, group=group, reason=reason)


def replied(*, channel: str, kind: str, state: str, case: str, error: str = "") -> None:
    REPLIES.labels(channel, kind, state).inc()
    if state in ("failed", "uncertain"):
        _log.error("reply not delivered", channel=channel, kind=kind, state=state, case=case, error=error)


def announced(*, channel: str, account: str, state: str, broadcast: str, error: str = "") -> None:
    """One try to post to everybody who follows an account of the city, or to take that back."""
    ANNOUNCED.labels(channel, state).inc()
    told = {"channel": channel, "account": account, "broadcast": broadcast, "error": error}
    if state in ("failed", "uncertain", "left", "stays"):
        _log.error("a broadcast needs a person", state=state, **told)
    elif state == "retried":
        _log.warning("a broadcast is tried again", **told)


def fetched(*, channel: str, state: str, reason: str) -> None:
    """One try to get a file that a message names; `reason` is a phrase of ours, never its address."""
    FETCHED.labels(channel, state).inc()
    if state in ("refused", "failed"):
        _log.warning("a file is not kept", channel=channel, state=state, reason=reason)


def left_alone(*, channel: str, seconds: float) -> None:
    """So long nothing is sent by a channel whose provider fails, or asked for it; 0 when it works again."""
    LEFT_ALONE.labels(channel).set(seconds)


def spent(*, channel: str, dollars: float, most_dollars: float) -> None:
    """What a channel has cost this month, all its processes together, and what it may."""
    SPENT.labels(channel).set(dollars)
    BUDGET.labels(channel).set(most_dollars)


def overspent(*, channel: str, most_dollars: float) -> None:
    """A channel may send nothing more this month."""
    _log.error("monthly budget is spent: nothing is sent", channel=channel, most_dollars=most_dollars)


def waiting(*, part: str, reason: str, seconds: float) -> None:
    """A part cannot go on now and tries again by itself."""
    _log.warning("waits and tries again", part=part, reason=reason, seconds=round(seconds, 1))


def recovered(*, part: str) -> None:
    _log.info("works again", part=part)


def noted(event: str, **fields: object) -> None:
    """Something an operator wants to know that is neither counted nor wrong."""
    _log.info(event, **fields)


def warned(event: str, **fields: object) -> None:
    _log.warning(event, **fields)
