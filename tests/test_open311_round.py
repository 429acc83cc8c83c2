"""Client programs against a whole instance: reports in, numbers out, and whatever strangers send."""

import json
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.instance import Instance
from tests.commands import asked
from tests.test_end_to_end import WASTE, delivered
from tests.town import OPEN311_KEY
from tests.waiting import until

REPORT = {
    "api_key": OPEN311_KEY,
    "service_code": "illegal-dumping",
    "address_string": "강남구 역삼동 735",
    "description": WASTE,
    "email": "minji@example.org",
    "first_name": "민지",
    "last_name": "김",
}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.fixture(scope="module")
def city(on_paper: Instance) -> Instance:
    return on_paper


def ask(city: Instance, path: str, body: bytes | None = None) -> tuple[int, str]:
    """Returns the status and the answer of an address below /open311/v2."""
    request = urllib.request.Request(f"{city.base}/open311/v2/{path}", body, FORM)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def post(city: Instance, *, ending: str = "json", **changed: str) -> tuple[int, str]:
    return ask(city, f"requests.{ending}", urllib.parse.urlencode(REPORT | changed).encode())


def shown(city: Instance, number: str) -> Any:
    """Returns a case as staff see it."""
    return json.loads(asked(city, "case", "show", number, "--json").output)


def filed(city: Instance, **changed: str) -> dict[str, Any]:
    """Posts a report; returns its number and its notice, however long the case takes."""
    status, said = post(city, **changed)
    assert status in (200, 201), said
    answer: dict[str, Any] = json.loads(said)[0]
    if "token" not in answer:
        return answer
    until(lambda: ask(city, f"tokens/{answer['token']}.json")[0] == 200)
    again: dict[str, Any] = json.loads(post(city, **changed)[1])[0]
    return again


def errors(said: str) -> list[str]:
    if said.startswith("<"):
        return [error.findtext("code") or "" for error in ET.fromstring(said)]
    return [str(error["code"]) for error in json.loads(said)]


def test_a_report_gets_its_number_and_one_letter(city: Instance) -> None:
    """In its district's queue, with the date in the notice; the same again, in the other format, is the same case."""
    first = filed(city)
    status, again = post(city, ending="xml")
    number = first["service_request_id"]
    city.drain()
    found = shown(city, number)

    assert (200, number) == (status, ET.fromstring(again).findtext("request/service_request_id"))
    assert ("gangnam", "illegal-dumping", "open311") == (found["queue"], found["topic"], found["channel"])
    assert "12월 1일(화)" in first["service_notice"]
    assert f"/c/{number}/" in first["service_notice"]
    assert ["notice"] == [letter["kind"] for letter in delivered(city, "open311", "minji@example.org")]


def test_the_same_report_at_once_many_times_is_one_case(city: Instance) -> None:
    """A client that lost patience, twelve times."""
    changed = {"description": "관악구 신림동 보도블록이 깨져 있습니다. 고쳐 주세요.", "email": "twelve@example.org"}
    with ThreadPoolExecutor(12) as pool:
        statuses = {status for status, _ in pool.map(lambda _: post(city, **changed), range(12))}
    number = filed(city, **changed)["service_request_id"]
    city.drain()

    assert statuses <= {200, 201}
    assert 1 == len(delivered(city, "open311", "twelve@example.org"))
    assert 1 == len(shown(city, number)["messages"])


def test_everybody_sees_what_everybody_may(city: Instance) -> None:
    """Number, state, service, queue and date; neither words nor people nor places, also of the case itself."""
    number = filed(city)["service_request_id"]
    _, every = ask(city, "requests.json")
    seen = next(one for one in json.loads(every) if one["service_request_id"] == number)

    assert ("open", "강남구", "2026-12-01T18:00:00+09:00", None) == (
        seen["status"],
        seen["agency_responsible"],
        seen["expected_datetime"],
        seen["description"],
    )
    assert not [word for word in ("무단투기가 심해요", "minji", "민지", "735", "/c/") if word in every]
    assert [seen] == json.loads(ask(city, f"requests/{number}.json")[1])


def test_what_an_officer_answers_is_told(city: Instance) -> None:
    """By mail to who left an address, and as closed to everybody."""
    number = filed(city, description="마포구 합정동 보안등이 꺼졌습니다.", email="light@example.org")[
        "service_request_id"
    ]
    done = asked(city, "case", "answer", number, "전구를 바꾸었습니다.", "--by", "박지훈")
    result = until(lambda: [r for r in delivered(city, "open311", "light@example.org") if r["kind"] == "result"])[0]

    assert 0 == done.exit_code
    assert "전구를 바꾸었습니다." in result["text"]
    assert "closed" == json.loads(ask(city, f"requests/{number}.json")[1])[0]["status"]


def test_confidential_matters_are_told_to_nobody(city: Instance) -> None:
    """Whatever service was chosen: who reported gets a number, everybody else nothing."""
    words = "구청 공무원이 건설업체에서 뇌물을 받는 것을 보았습니다"
    number = filed(city, description=words, service_code="pothole", email="")["service_request_id"]

    assert "hq.audit" == shown(city, number)["queue"]
    assert 404 == ask(city, f"requests/{number}.json")[0]
    assert number not in ask(city, "requests.xml")[1]


def test_an_emergency_is_recognised_whatever_was_chosen(city: Instance) -> None:
    """The notice says first whom to ring."""
    told = filed(city, description="지금 옆 건물에 불이 났어요 빨리 와주세요", service_code="pothole", email="")

    assert "119" in told["service_notice"].splitlines()[0]
    assert shown(city, told["service_request_id"])["urgent"]


def test_a_question_is_answered_in_the_notice(city: Instance) -> None:
    """Who left no address learns the answer all the same."""
    told = filed(
        city, description="대형폐기물은 어떻게 버리나요?", service_code="other", email="", address_string="서울"
    )

    assert "신고" in told["service_notice"]


def test_few_words_are_of_the_service_that_was_chosen(city: Instance) -> None:
    """No description at all, and a place: the district's, with the right topic."""
    found = filed(city, description="", service_code="streetlight", email="")

    assert "streetlight" == shown(city, found["service_request_id"])["topic"]


@pytest.mark.parametrize("ending", ["json", "xml"])
def test_mistakes_have_their_status(city: Instance, ending: str) -> None:
    """403 for a key, 404 for what is not there, 400 for the rest; every one of them in the list."""
    asked = [
        post(city, ending=ending, api_key="wrong"),
        post(city, ending=ending, service_code="nothing"),
        post(city, ending=ending, service_code="", email="x"),
        ask(city, f"services/nothing.{ending}"),
        ask(city, f"services.{ending}?jurisdiction_id=busan.go.kr"),
        ask(city, f"requests.{ending}?start_date=2026-01-01T00:00:00Z&end_date=2026-11-01T00:00:00Z"),
    ]

    assert [403, 404, 400, 404, 404, 400] == [status for status, _ in asked]
    assert [["403"], ["404"], ["400", "400"], ["404"], ["404"], ["400"]] == [errors(said) for _, said in asked]


HOSTILE = [
    b"",
    b"&&&===",
    b"api_key=" + OPEN311_KEY.encode() + b"&description=" + b"x" * 200_000,
    urllib.parse.urlencode(REPORT | {"first_name": "가" * 10_000}).encode(),
    urllib.parse.urlencode(REPORT).encode() + b"&last_name=%B1%E8",
    urllib.parse.urlencode([*REPORT.items(), ("lat", "37"), ("lat", "38"), ("long", "127")]).encode(),
    urllib.parse.urlencode([*REPORT.items(), ("api_key", "other")]).encode(),
    b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
    b'{"api_key": "' + OPEN311_KEY.encode() + b'"}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_what_strangers_send_is_refused_in_words(city: Instance, body: bytes) -> None:
    """Huge, in another charset, doubled, or something else altogether: 4xx with errors, in both formats."""
    for ending in ("json", "xml"):
        status, said = ask(city, f"requests.{ending}", body)

        assert status in (400, 403, 413)
        assert errors(said)


def test_words_that_would_break_a_format_are_words(city: Instance) -> None:
    """They are kept as they came, shown to nobody, and the list stays readable."""
    evil = (
        '은평구 불광동 가로등 ]]><request><![CDATA[ "}],{"x": 1} <script>alert(1)</script> &amp;#x0; \x01 고쳐 주세요'
    )
    number = filed(city, description=evil, first_name="<b>", last_name='"\\')["service_request_id"]
    said = shown(city, number)["messages"][0]["text"]

    assert '"}],{"x": 1} <script>alert(1)</script> &amp;#x0;' in said
    assert ET.fromstring(ask(city, "requests.xml")[1]) is not None
    assert json.loads(ask(city, "requests.json")[1])


@pytest.mark.parametrize(
    "path",
    [
        "tokens/%00.json",
        "requests/%00.xml",
        "services/%2e%2e.json",
        "requests.json?service_code=%00",
        f"tokens/{'x' * 9000}.json",
    ],
)
def test_addresses_that_are_none_are_refused(city: Instance, path: str) -> None:
    """And never break anything."""
    assert ask(city, path)[0] in (200, 404)


def test_the_catalogue_is_the_city_s(city: Instance) -> None:
    """Discovery names this instance; services are its topics, in Korean, in both formats alike."""
    discovery = json.loads(ask(city, "discovery.json")[1])
    services = json.loads(ask(city, "services.json")[1])
    xml = ET.fromstring(ask(city, "services.xml")[1])

    assert f"{city.base}/open311/v2" == discovery["endpoints"][0]["url"]
    assert [one["service_code"] for one in services] == [one.findtext("service_code") for one in xml]
    assert {"service_code": "pothole", "attributes": []} == json.loads(ask(city, "services/pothole.json")[1])
    assert "포트홀·도로파손" in {one["service_name"] for one in services}


def test_send_speaks_it(city: Instance) -> None:
    """`eungdapso send --channel open311` gets a number."""
    done = asked(city, "send", "--channel", "open311", "송파구 잠실동 가로등이 꺼졌습니다. 고쳐 주세요.")

    assert 0 == done.exit_code, done.output
    assert "20" in done.output
