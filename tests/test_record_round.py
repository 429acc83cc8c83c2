"""Calls and visits against a whole instance: filed with an office's key, answered once, told by SMS who agreed."""

import json
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench.instance import Instance
from tests.commands import asked
from tests.test_end_to_end import post
from tests.town import CENTRE_KEY, Town
from tests.waiting import until

CALL: dict[str, Any] = {
    "channel": "phone",
    "office": "gangnam",
    "id": "cti/1",
    "text": "집 앞 보안등이 사흘째 꺼져 있습니다. 고쳐 주세요.",
    "caller": {"number": "010-2222-3333", "name": "이서연"},
    "officer": "김주임",
    "started_at": "2026-11-23T09:50:00+09:00",
    "ended_at": "2026-11-23T09:55:00+09:00",
    "notify": True,
}


@pytest.fixture(scope="module")
def city(town: Town) -> Instance:
    return town.instance


def letters_to(town: Town, number: str) -> list[str]:
    return [sent["Body"] for sent in town.gateways.twilio if sent["To"] == number]


@pytest.fixture(scope="module")
def key(city: Instance) -> str:
    return asked(city, "key", "add", "--queue", "gangnam").output.strip()


def ask(city: Instance, path: str, key: str, body: bytes | None = None) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(city.base + path, body, headers), timeout=120) as answer:
            return int(answer.status), json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def file(city: Instance, key: str, **changed: Any) -> tuple[int, Any]:
    return ask(city, "/api/v1/records", key, json.dumps(CALL | changed).encode())


def shown(city: Instance, number: str) -> Any:
    """Returns a case as staff see it."""
    return json.loads(asked(city, "case", "show", number, "--json").output)


def filed(city: Instance, key: str, **changed: Any) -> Any:
    """Files a record; returns what is known of it once it has its case."""
    status, said = file(city, key, **changed)
    assert status in (200, 201, 202), said
    return known(city, key, changed.get("id", CALL["id"]))


def known(city: Instance, key: str, id_: str) -> Any:
    """Returns what is told of a record, however long its case takes."""
    path = f"/api/v1/records/{urllib.parse.quote(id_)}"
    return until(lambda: answer[1] if (answer := ask(city, path, key))[0] == 200 else None)


def test_a_call_becomes_a_case_of_its_district(town: Town, city: Instance, key: str) -> None:
    """The words name no place: the office that filed it is it. Who agreed gets one receipt, by SMS, after a 429."""
    town.gateways.instead.append(429)
    told = filed(city, key)
    file(city, key)
    until(lambda: letters_to(town, "+821022223333"))
    city.drain()

    assert ("gangnam", "received", "2026-12-01T18:00:00+09:00") == (told["queue"], told["state"], told["due_at"])
    assert 1 == len(letters_to(town, "+821022223333"))
    assert told["number"] in letters_to(town, "+821022223333")[0]


def test_what_was_answered_at_once_is_an_answered_case(town: Town, city: Instance, key: str) -> None:
    """With its record, for the office's count; nobody is written to."""
    told = filed(
        city,
        key,
        channel="visit",
        id="v/1",
        text="여권 재발급에 필요한 서류를 물었습니다.",
        answered=True,
        answer="사진 한 장과 신분증이 필요하다고 안내하였습니다.",
        caller={"number": "010-7777-8888"},
    )
    city.drain()
    found = shown(city, told["number"])

    assert ("answered", "gangnam", "passport", "visit") == (
        found["state"],
        found["queue"],
        found["topic"],
        found["channel"],
    )
    assert "신분증이 필요하다고" in json.dumps(found["history"], ensure_ascii=False)
    assert [] == letters_to(town, "+821077778888")


def test_a_record_is_filed_once(city: Instance, key: str) -> None:
    """However often and however much at once; the first gets 201, later ones 200, another one of its id 409."""
    with ThreadPoolExecutor(8) as pool:
        statuses = {status for status, _ in pool.map(lambda _: file(city, key, id="many", notify=False), range(8))}
    number = filed(city, key, id="many", notify=False)["number"]
    city.drain()

    assert statuses <= {200, 201, 202}
    assert (200, number) == ((again := file(city, key, id="many", notify=False))[0], again[1]["number"])
    assert 409 == file(city, key, id="many", notify=False, text="다른 내용입니다.")[0]


def test_emergencies_and_secrets_are_recognised(city: Instance, key: str) -> None:
    """Whatever topic the officer chose; where a secret went is told to no program."""
    fire = filed(city, key, id="fire", text="지금 옆 건물에 불이 났어요 빨리 와주세요", topic="pothole", notify=False)
    words = "구청 공무원이 건설업체에서 뇌물을 받는 것을 보았습니다"
    secret = filed(city, key, id="secret", text=words, topic="pothole", notify=False, caller={})

    assert shown(city, fire["number"])["urgent"]
    assert ("hq.audit", None) == (shown(city, secret["number"])["queue"], secret["queue"])


def test_a_key_is_for_its_office(city: Instance, key: str) -> None:
    """Neither for another office nor its records; a revoked one for nobody."""
    other = asked(city, "key", "add", "--queue", "mapo").output.strip()
    filed(city, key, id="ours", notify=False)
    gone = asked(city, "key", "add", "--queue", "gangnam").output.strip()
    asked(city, "key", "revoke", gone)

    assert 403 == file(city, other, id="theirs")[0]
    assert 404 == ask(city, "/api/v1/records/ours", other)[0]
    assert [401, 401] == [file(city, "wrong")[0], file(city, gone)[0]]


def test_the_call_centre_files_for_every_office(city: Instance, key: str) -> None:
    """By its own hook with its own key."""
    body = json.dumps(CALL | {"id": "centre", "caller": {}, "notify": False}).encode()
    status, _ = ask(city, "/hooks/phone", CENTRE_KEY, body)
    told = known(city, key, "centre")

    assert (200, "gangnam", "phone") == (status, told["queue"], told["channel"])
    assert 401 == post(f"{city.base}/hooks/phone", body, {"authorization": f"Bearer {key}"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[" * 100_000, 422),
        (b"\xff\xfe", 400),
        (b'{"channel": "phone"}', 422),
        (json.dumps(CALL | {"channel": "fax"}).encode(), 422),
        (json.dumps(CALL | {"office": "\x00"}).encode(), 403),
        (json.dumps(CALL | {"id": "t", "topic": "nothing"}).encode(), 422),
        (json.dumps(CALL | {"id": "d", "district": "busan"}).encode(), 422),
        (json.dumps(CALL | {"id": "n", "caller": {"name": "가" * 10_000}}).encode(), 422),
        (json.dumps(CALL | {"text": "가" * 100_000}).encode(), 413),
    ],
    ids=range(10),
)
def test_what_is_no_record_is_refused(city: Instance, key: str, body: bytes, status: int) -> None:
    """With what is wrong with it, as JSON."""
    found, said = ask(city, "/api/v1/records", key, body)

    assert (status, True) == (found, bool(said["error"]))


def test_refusals_are_counted_under_their_channel(city: Instance, key: str) -> None:
    """The table of pipeline.toml whose record it was, as everywhere."""
    file(city, key, office="mapo", id="refused")
    counted = 'eungdapso_messages_refused_total{channel="phone",reason="not a record"}'

    assert until(lambda: counted in urllib.request.urlopen(f"{city.base}/metrics", timeout=60).read().decode())


@pytest.mark.parametrize("id_", ["nothing", "%00", "x" * 5_000])
def test_records_that_are_not_there_are_not_found(city: Instance, key: str, id_: str) -> None:
    """Whatever is asked for."""
    assert 404 == ask(city, f"/api/v1/records/{id_}", key)[0]
