"""The main job on real input: real processes, real sockets, real files."""

import base64
import hashlib
import hmac
import json
import re
import smtplib
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bench.instance import TOKEN, Instance
from tests.commands import asked
from tests.town import PAPER, PAPER_WEBHOOK_SECRET
from tests.waiting import until

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
QUESTION = "대형폐기물은 어떻게 버리나요?"
MONDAY = "2026-11-23T10:00:00"


@contextmanager
def running(folder: Path, now: str) -> Iterator[Instance]:
    """A running pipeline whose business clock stands still at `now`."""
    instance = Instance(folder, {**PAPER, "EUNGDAPSO_NOW": now})
    instance.start()
    try:
        yield instance
    finally:
        instance.stop()


@pytest.fixture(scope="module")
def city(on_paper: Instance) -> Instance:
    return on_paper


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A day of years ago, which was a holiday instead of a Sunday."""
    with running(tmp_path_factory.mktemp("rehearsal"), "2021-08-16T10:00:00") as instance:
        yield instance


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=120) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def sms(instance: Instance, text: str, *, sender: str = "+821012345678", token: str = TOKEN) -> int:
    """Sends a text message as Twilio does, signed."""
    fields = {"MessageSid": "SM" + uuid4().hex, "From": sender, "To": "+8225550120", "Body": text, "NumMedia": "0"}
    url = f"{instance.base}/hooks/sms"
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return post(url, urllib.parse.urlencode(fields).encode(), headers)


def webhook(instance: Instance, text: str, *, author: str, secret: bytes = PAPER_WEBHOOK_SECRET) -> int:
    body = json.dumps({"type": "message", "data": {"text": text, "author": {"id": author}}}).encode()
    name, stamp = "msg_" + uuid4().hex, str(int(time.time()))
    signed = f"{name}.{stamp}.".encode() + body
    signature = "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    headers = {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": signature}
    return post(f"{instance.base}/hooks/webhook", body, {**headers, "Content-Type": "application/json"})


def mail(instance: Instance, text: str, *, sender: str, charset: str = "utf-8", subject: str = "문의합니다") -> None:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "minwon@eungdapso.example", subject
    made["Message-ID"] = f"<{uuid4().hex}@example.org>"
    made.set_content(text, charset=charset)
    with smtplib.SMTP("127.0.0.1", instance.smtp, timeout=120) as client:
        client.send_message(made)


def delivered(instance: Instance, channel: str, to: str) -> list[dict[str, Any]]:
    """What a citizen got, oldest first."""
    files = sorted((instance.var / "outbox" / channel).glob("*.json"))
    return [found for path in files if (found := json.loads(path.read_text(encoding="utf-8")))["to"] == to]


def case(instance: Instance, *words: str) -> Any:
    """Runs `eungdapso case … --json` beside the instance."""
    return json.loads(command(instance, "case", *words, "--json"))


def command(instance: Instance, *words: str) -> str:
    done = asked(instance, *words)
    assert 0 == done.exit_code, done.output
    return done.stdout


def test_a_question_by_mail_gets_its_answer_as_mail(city: Instance) -> None:
    """A mail in EUC-KR that asks an FAQ is answered at once, threaded, with the null return path's headers."""
    mail(city, f"안녕하세요.\n{QUESTION}\n감사합니다.\n", sender="asks@example.org", charset="euc-kr")
    answer = until(lambda: delivered(city, "email", "asks@example.org"))[0]
    eml = next((city.var / "outbox" / "email").glob(f"*{answer['case']}*.eml")).read_text(encoding="utf-8")

    assert "answer" == answer["kind"]
    assert "Auto-Submitted: auto-replied" in eml
    assert "In-Reply-To: <" in eml


def test_a_matter_by_sms_stands_in_its_district(city: Instance) -> None:
    """Illegal dumping in 역삼동: queue gangnam, kind other, due on the seventh working day; the receipt says so."""
    assert 200 == sms(city, WASTE)
    receipt = until(lambda: delivered(city, "sms", "+821012345678"))[0]
    found = case(city, "show", receipt["case"])

    assert ("gangnam", "other", "2026-12-01T18:00:00+09:00") == (found["queue"], found["kind"], found["due_at"])
    assert "notice" == receipt["kind"]
    assert "12월 1일(화)" in receipt["text"]


def test_a_signed_webhook_does_likewise(city: Instance) -> None:
    """The same matter by a webhook makes its own case and its own receipt."""
    assert webhook(city, WASTE, author="w-1") in (200, 202, 204)
    receipt = until(lambda: delivered(city, "webhook", "w-1"))[0]

    assert "gangnam" == case(city, "show", receipt["case"])["queue"]


@pytest.mark.parametrize(
    "send", [lambda c: sms(c, WASTE, token="x" * 32), lambda c: webhook(c, WASTE, author="f", secret=b"x" * 32)]
)
def test_a_forged_message_is_refused(city: Instance, send: Callable[[Instance], int]) -> None:
    """Signed with another secret: 401, and nothing is kept."""
    assert 401 == send(city)


def test_what_came_in_is_found_again(city: Instance) -> None:
    """A word of a message finds its case from the command line."""
    assert 200 == sms(city, "송파구 잠실동 석촌호수 산책로에 벤치가 부서졌어요 고쳐주세요", sender="+821033334444")
    city.drain()
    found = until(lambda: case(city, "list", "--search", "석촌호수 벤치"))

    assert "songpa" in {one["queue"] for one in found}


def test_an_officer_answers_from_the_terminal(city: Instance) -> None:
    """What an officer writes reaches the citizen in the channel that the matter came by."""
    assert 200 == sms(city, "관악구 봉천동 공원 화장실 문이 고장났어요 고쳐주세요", sender="+821055556666")
    number = until(lambda: delivered(city, "sms", "+821055556666"))[0]["case"]
    command(city, "case", "answer", number, "화장실 문을 고쳤습니다.", "--by", "담당자")
    result = until(lambda: [r for r in delivered(city, "sms", "+821055556666") if r["kind"] == "result"])[0]

    assert "화장실 문을 고쳤습니다." in result["text"]
    assert "answered" == case(city, "show", number)["state"]


def test_the_same_delivery_twice_is_one_case(city: Instance) -> None:
    """A provider that did not hear our yes sends again; the citizen notices nothing."""
    body = json.dumps(
        {"data": {"text": "강동구 천호동 하수구 악취가 심합니다 처리해주세요", "author": {"id": "twice"}}}
    ).encode()
    stamp = str(int(time.time()))
    signature = base64.b64encode(
        hmac.digest(PAPER_WEBHOOK_SECRET, b"msg_twice." + stamp.encode() + b"." + body, "sha256")
    ).decode()
    headers = {"webhook-id": "msg_twice", "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}
    for _ in range(3):
        assert 300 > post(f"{city.base}/hooks/webhook", body, headers)
    until(lambda: delivered(city, "webhook", "twice"))
    city.drain()

    assert 1 == len(delivered(city, "webhook", "twice"))


def test_a_delivery_report_makes_no_case(city: Instance) -> None:
    """It is recorded with its reason, is found by search, and is not answered."""
    report = (
        "From: MAILER-DAEMON@mx.example.org\nTo: minwon@eungdapso.example\nSubject: Undelivered Mail\n"
        "Auto-Submitted: auto-replied\nMessage-ID: <bounce1@mx.example.org>\n"
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nYour message could not be delivered: flimflamword.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n"
        "Final-Recipient: rfc822; gone@example.org\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    )
    with smtplib.SMTP("127.0.0.1", city.smtp, timeout=120) as client:
        client.sendmail("", ["minwon@eungdapso.example"], report.replace("\n", "\r\n"))
    city.drain()
    found = until(lambda: case(city, "list", "--search", "flimflamword"))

    assert [(None, "recorded")] == [(one["number"], one["state"]) for one in found]


def test_personal_data_is_not_in_the_index_or_the_log(city: Instance) -> None:
    """A resident number is nowhere in what is written."""
    number = "900101-" + "1234568"
    assert 200 == sms(city, f"제 주민번호는 {number} 입니다 노원구 상계동 가로등 고쳐주세요", sender="+821077778888")
    until(lambda: delivered(city, "sms", "+821077778888"))
    city.drain()
    written = [path.read_bytes() for path in city.folder.rglob("*") if path.is_file() and not path.is_fifo()]

    assert not [1 for data in written if number.encode() in data or number.replace("-", "").encode() in data]


def first_letter(instance: Instance, sender: str) -> dict[str, Any]:
    """Lets a citizen ask a simple question; returns what came first."""
    assert 200 == sms(instance, QUESTION, sender=sender)
    return dict(until(lambda: delivered(instance, "sms", sender))[0])


def test_the_cutoff_is_kept_also_over_restarts(tmp_path: Path) -> None:
    """Before 18:00 on a working day: the answer; at 18:00, or on a Saturday: when it comes. It comes when the city is
    open again, from an instance that was started since."""
    with running(tmp_path, "2026-11-21T11:00:00") as instance:
        saturday = first_letter(instance, "+821066660001")
    with running(tmp_path, "2026-11-23T17:59:59") as instance:
        monday = first_letter(instance, "+821066660002")
        later = until(lambda: [r for r in delivered(instance, "sms", "+821066660001") if r["kind"] == "answer"])
    with running(tmp_path, "2026-11-23T18:00:00") as instance:
        evening = first_letter(instance, "+821066660003")

    assert ["acknowledgement", "answer", "acknowledgement"] == [one["kind"] for one in (saturday, monday, evening)]
    assert "11월 23일(월)" in saturday["text"]
    assert "폐기물" in monday["text"]
    assert "11월 24일(화)" in evening["text"]
    assert 1 == len(later)


def test_a_holiday_in_place_of_a_sunday_is_one(rehearsal: Instance) -> None:
    """A question is acknowledged, with the day of its answer; also in a rehearsal."""
    letter = first_letter(rehearsal, "+821066660004")

    assert "acknowledgement" == letter["kind"]
    assert "8월 17일(화)" in letter["text"]


@pytest.mark.parametrize("which", ["city", "rehearsal"])
def test_a_place_that_was_missing_routes_the_same_case(which: str, request: pytest.FixtureRequest) -> None:
    """Asked for the place, the citizen replies with it: one case, now in the district's queue; rehearsed, too."""
    instance: Instance = request.getfixturevalue(which)
    sender, before = "+821066660005", len(case(instance, "list", "--limit", "200"))
    assert 200 == sms(instance, "골목에 쓰레기 무단투기가 심해요 단속해주세요", sender=sender)
    asked_back = until(lambda: delivered(instance, "sms", sender))[0]
    held = case(instance, "show", asked_back["case"])["queue"]
    assert 200 == sms(instance, "마포구 망원동입니다", sender=sender)
    instance.drain()
    until(lambda: case(instance, "show", asked_back["case"])["queue"] == "mapo")

    assert "triage" == held
    assert before + 1 == len(case(instance, "list", "--limit", "200"))


def sent_form(instance: Instance, **fields: str) -> tuple[int, str]:
    """Fills the page's form in and sends it; returns the status and the page that follows."""
    page = urllib.request.urlopen(f"{instance.base}/", timeout=120).read().decode()
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found
    body = urllib.parse.urlencode({"token": found[1], **fields}).encode()
    try:
        with urllib.request.urlopen(f"{instance.base}/file", body, timeout=120) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_refused_form_keeps_what_was_written(city: Instance) -> None:
    """The page says which box is wrong, in Korean, and the citizen need not write it all again."""
    status, page = sent_form(city, text="마포구 합정동 가로등이 꺼졌습니다.", contact="minji")

    assert 422 == status
    assert "연락처는 전자우편 주소나 전화번호로 적어 주십시오." in page
    assert "마포구 합정동 가로등이 꺼졌습니다.</textarea>" in page


def test_the_longest_text_that_the_page_allows_is_taken(city: Instance) -> None:
    """Ten thousand syllables of Hangul, as a browser encodes them."""
    status, page = sent_form(city, text="가" * 10_000)

    assert 200 == status
    assert "접수" in page
