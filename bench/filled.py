"""Fills a case store on PostgreSQL with the cases of four years, made by the server itself."""

import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from cases.numbers import check_digit
from cases.schema import to_stored
from config.schema import City
from core.calendar import Calendar
from core.clock import SEOUL
from core.decision import Decision
from core.ids import uuid7
from core.message import Author, Message
from core.wire import Routed, Seal, encode

DAYS = 4 * 365
# Text of so many of the last days can be opened; before that lie as many bytes as a short text has, of nobody.
READABLE_DAYS = 180
_TABLES = ("cases", "messages", "events", "outbox", "threads")
_FINISHED_AFTER_DAYS = 14
# What every row of a case is made from: its day, its place in the day, and numbers as good as random.
_SEEDS = """
CREATE TABLE fill_days (day INT PRIMARY KEY, text TEXT, sum INT, opens BIGINT, due BIGINT);
CREATE TABLE fill_counts (count INT PRIMARY KEY, text TEXT, sum INT);
CREATE TABLE fill_queues (place INT PRIMARY KEY, queue TEXT, district TEXT);
CREATE TABLE fill_topics (place INT PRIMARY KEY, topic TEXT);
CREATE TABLE fill_texts (place INT PRIMARY KEY, sealed BYTEA);
CREATE FUNCTION fill_id(at BIGINT, n BIGINT, what INT) RETURNS TEXT LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$
  SELECT substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-7' || substr(h, 1, 3) || '-8' || substr(h, 4, 3) || '-'
    || substr(h, 7, 12) FROM (SELECT lpad(to_hex(at / 1000), 12, '0') AS t, md5(n || '/' || what) AS h) AS made $$;
"""
_SEED = """
CREATE UNLOGGED TABLE fill AS
WITH seeded AS (
  SELECT (d.day::bigint * {a_day} + c.count) AS n, d.day,
    d.text || '-' || c.text || '-' || (10 - (d.sum + c.sum) % 10) % 10 AS number,
    d.opens + c.count * (50400000000 / {a_day}) AS at, d.due, {last} - d.day AS age,
    abs(hashint8extended(d.day::bigint * {a_day} + c.count, 1) % 1000)::int AS kind_of,
    abs(hashint8extended(d.day::bigint * {a_day} + c.count, 2) % 1000)::int AS queue_of,
    abs(hashint8extended(d.day::bigint * {a_day} + c.count, 3) % 1000)::int AS state_of
  FROM fill_days d CROSS JOIN fill_counts c
)
SELECT s.*, s.kind_of < 420 AS faq, q.queue, q.district, t.topic,
  '+8210' || lpad((abs(hashint8extended(s.n, 4)) % 3000000 + 10000000)::text, 8, '0') AS author,
  fill_id(s.at, s.n, 0) AS message,
  CASE WHEN s.kind_of < 420 THEN 'answered'
    WHEN s.state_of > 996 OR (s.age < {finished} AND s.state_of * {finished} > 1000 * s.age) THEN
      CASE s.queue_of % 10 WHEN 0 THEN 'held' WHEN 1 THEN 'waiting' WHEN 2 THEN 'received' WHEN 3 THEN 'received'
        ELSE 'assigned' END
    WHEN s.queue_of % 25 = 0 THEN 'closed' WHEN s.queue_of % 50 = 1 THEN 'transferred'
    WHEN s.queue_of % 100 = 2 THEN 'withdrawn' ELSE 'answered' END AS state
FROM seeded s JOIN fill_queues q ON q.place = s.queue_of JOIN fill_topics t ON t.place = s.kind_of % 40
ORDER BY n;
"""
_CASES = """
INSERT INTO cases (number, state, queue, unit, assignee, action, kind, topic, district, faq, confidential, urgent,
  channel, account, author, conversation, language, reply_to, message, native_id, received_at, accepted_at, due_at,
  answered_at, closed_at, answered_by, token, sameness)
SELECT number, state, CASE WHEN faq THEN '' WHEN state = 'held' THEN 'triage' ELSE queue END,
  CASE WHEN faq THEN '' ELSE '민원팀' END, CASE state WHEN 'assigned' THEN '박지훈' ELSE '' END,
  CASE WHEN faq THEN 'answer' ELSE 'dispatch' END, CASE WHEN faq THEN 'inquiry' ELSE 'other' END, topic, district,
  CASE WHEN faq THEN 'bulky-waste' ELSE '' END, queue_of % 97 = 0, queue_of % 211 = 0, 'sms', '+8225550120', author,
  author, 'ko', author, message, 'SM' || md5(n::text), at, at, CASE WHEN faq THEN NULL ELSE due END,
  CASE WHEN state = 'answered' THEN at + CASE WHEN faq THEN 3000000 ELSE 259200000000 END END,
  CASE WHEN state IN ('closed', 'transferred', 'withdrawn') THEN at + 172800000000 END,
  CASE WHEN faq THEN 'faq' WHEN state = 'answered' THEN 'officer' ELSE '' END, md5(n || 't'),
  CASE WHEN state IN ('held', 'waiting', 'received', 'assigned') THEN hashint8extended(n, 5) END
FROM fill ORDER BY n;
"""
_MESSAGES = """
INSERT INTO messages (id, identity, number, channel, account, author, conversation, native_id, reference, action,
  received_at, sealed)
SELECT CASE k WHEN 0 THEN message ELSE fill_id(at + k * 90000000, n, 9) END, decode(md5(n || '/' || k), 'hex'), number,
  'sms', '+8225550120', author, author, 'SM' || md5(n::text), CASE WHEN kind_of % 10 = 0 THEN '<' || message || '>' END,
  CASE WHEN k > 0 THEN 'follow_up' WHEN faq THEN 'answer' ELSE 'dispatch' END, at + k * 90000000,
  CASE WHEN age < {readable} THEN sealed ELSE decode(md5(n::text) || md5(n || 's'), 'hex') END
FROM fill JOIN fill_texts ON place = state_of % 100
  CROSS JOIN LATERAL generate_series(0, CASE WHEN state_of % 20 = 0 THEN 1 ELSE 0 END) AS k;
"""
_EVENTS = """
INSERT INTO events (number, at, who, what, why, cause, detail)
SELECT number, at + k * 86400000000, CASE k WHEN 0 THEN 'citizen' ELSE '박지훈' END,
  CASE k WHEN 0 THEN 'received' WHEN 1 THEN 'assigned' ELSE 'closed' END,
  CASE k WHEN 0 THEN 'gu business' ELSE '' END, message,
  CASE k WHEN 0 THEN '{{"queue":"' || queue || '","state":"received"}}' WHEN 1 THEN '{{"unit":"민원팀"}}' ELSE '' END
FROM fill CROSS JOIN LATERAL generate_series(0, CASE WHEN faq THEN 0 WHEN queue_of % 25 = 0 THEN 2 ELSE 1 END) AS k;
"""
_OUTBOX = """
INSERT INTO outbox (id, number, kind, recipient, cause, letter, channel, account, sealed, thread, automatic, state,
  attempts, not_before, created_at, relayed_at, first_try_at, sent_at, provider_id)
SELECT fill_id(at + k * 259200000000, n, 20 + k), number, CASE WHEN faq THEN 'answer' WHEN k = 0 THEN 'notice' ELSE
  'result' END, author, CASE k WHEN 0 THEN message ELSE fill_id(at, n, 30) END,
  CASE WHEN faq THEN 'answer' WHEN k = 0 THEN 'receipt' ELSE 'result' END, 'sms', '+8225550120',
  decode(md5(n::text) || md5(n || 'o'), 'hex'), '[]', k = 0, CASE WHEN state_of = 500 THEN 'undeliverable' ELSE 'sent'
  END, 1, at, at, at, at, at, 'SM' || md5(n || '/' || k)
FROM fill CROSS JOIN LATERAL generate_series(0, CASE WHEN state_of % 5 = 0 THEN 1 ELSE 0 END) AS k;
"""
_THREADS = """
INSERT INTO threads (conversation, number, at)
SELECT hashint8extended(n, 6), number, at FROM fill WHERE faq AND age < 40;
"""
_FILLING = dict(zip(_TABLES, (_CASES, _MESSAGES, _EVENTS, _OUTBOX, _THREADS), strict=True))


def fill(url: str, count: int, *, city: City, seal: Seal, now: datetime) -> float:
    """Adds `count` cases to the empty store at `url`, up to the day before `now`; returns how many seconds it took."""
    begun = time.monotonic()
    a_day = max(1, count // DAYS)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SEEDS)
        _seed(connection, a_day, city, seal, now)
        connection.execute(_SEED.format(a_day=a_day, last=DAYS - 1, finished=_FINISHED_AFTER_DAYS).encode())
        _say(begun, "seeded")
    with ThreadPoolExecutor(2) as threads:
        for table, _ in zip(_TABLES, threads.map(lambda table: _fill(url, table), _TABLES), strict=True):
            _say(begun, f"{table} filled")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE fill, fill_days, fill_counts, fill_queues, fill_topics, fill_texts")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    _say(begun, "vacuumed")
    return time.monotonic() - begun


def _fill(url: str, table: str) -> None:
    """Fills one table without its indexes and makes them afterwards: in one transaction, so that no log is written."""
    with psycopg.connect(url) as connection:
        keys = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = to_regclass(%s) AND contype IN ('p', 'u')",
            (table,),
        ).fetchall()
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s "
            "AND NOT indexname = ANY(%s)",
            (table, [name for name, _ in keys]),
        ).fetchall()
        connection.execute(f"TRUNCATE {table}".encode())
        for name, _ in keys:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
        connection.execute(_FILLING[table].format(readable=READABLE_DAYS).encode())
        for name, told in keys:
            connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {told}".encode())
        for _, told in indexes:
            connection.execute(told.encode())


def _seed(connection: psycopg.Connection[Any], a_day: int, city: City, seal: Seal, now: datetime) -> None:
    chosen = random.Random(7)
    districts = [district.id for district in city.districts]
    everybody = [*districts * 3, *(department.id for department in city.departments)]
    queues = chosen.choices(everybody, weights=[1 / (1 + n % 17) for n in range(len(everybody))], k=1000)
    topics = [topic.id for topic in city.topics] or ["illegal-dumping"]
    _copy(connection, "fill_days", [_day(now, day) for day in range(DAYS)])
    # A digit's share of the check digit hangs on its place from the end alone.
    _copy(connection, "fill_counts", [(n, f"{n:06d}", -check_digit(f"{n:06d}")) for n in range(1, a_day + 1)])
    _copy(connection, "fill_queues", [(n, q, q if q in districts else "") for n, q in enumerate(queues)])
    _copy(connection, "fill_topics", [(n, chosen.choice(topics)) for n in range(40)])
    _copy(connection, "fill_texts", [(n, seal.seal(encode(_said(n, now)))) for n in range(100)])


def _day(now: datetime, day: int) -> tuple[int, str, int, int, int]:
    date = (now.astimezone(SEOUL) - timedelta(days=DAYS - day)).date()
    written = f"{date:%Y%m%d}"
    opens = datetime(date.year, date.month, date.day, 8, tzinfo=SEOUL).astimezone(UTC)
    due = _CALENDAR.closing(_CALENDAR.add_working_days(date, 7))
    # Six digits follow, an even number: the day's places are those that it would have alone.
    return day, written, -check_digit(written), to_stored(opens), to_stored(due)


_CALENDAR = Calendar()


def _said(n: int, now: datetime) -> Routed:
    message = Message(
        id=uuid7(),
        channel="sms",
        account="+8225550120",
        native_id=f"SM{n}",
        received_at=now,
        author=Author(handle="+821012345678"),
        text=f"{n}번지 앞 골목에 쓰레기가 쌓여 있습니다. 치워 주세요.",
    )
    return Routed(message=message, decision=Decision(action="dispatch", queue="gangnam", rule="gu business"))


def _copy(connection: psycopg.Connection[Any], table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _say(begun: float, what: str) -> None:
    sys.stderr.write(f"  {what} after {time.monotonic() - begun:.0f} s\n")
