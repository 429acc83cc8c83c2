"""What is peculiar to text messages: Twilio's signatures, cp949, and asking what became of a message."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from unicodedata import normalize
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twilio.request_validator import RequestValidator

from connectors._cp949 import fit, safe
from connectors._twilio_form import read_form, sign
from connectors.base import Request
from connectors.sms import Sms, SmsSettings
from core.contact import normal_number
from core.errors import Forged, Rejected, Uncertain
from core.message import Message
from core.reply import Reply

TOKEN = "an-auth-token"
ENVIRONMENT = {"EUNGDAPSO_SMS_TOKEN": TOKEN, "EUNGDAPSO_SMS_ACCOUNT_SID": "AC1"}
URL = "https://eungdapso.example/hooks/sms"
CITIZEN, CITY = "+821000000001", "+8220000120"
FIELDS = {"MessageSid": "SM1", "From": CITIZEN, "To": CITY, "Body": "가로등이 꺼졌어요", "NumMedia": "0"}
NAMES = st.text(min_size=1, max_size=12).filter(lambda name: name.isprintable())


def sms(**settings: Any) -> Sms:
    return Sms("sms", SmsSettings(**settings), environment=ENVIRONMENT)


def request(body: bytes, *, url: str = URL, **headers: str) -> Request:
    named = {"content-type": "application/x-www-form-urlencoded"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(
        method="POST",
        url=url,
        path="/hooks/sms",
        query=url.partition("?")[2],
        headers=named,
        body=body,
        received_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )


def form(fields: dict[str, str] | None = None) -> bytes:
    return urlencode(FIELDS if fields is None else fields).encode()


def is_authentic(asked: Request, connector: Sms | None = None) -> bool:
    try:
        (connector or sms()).verify(asked, now=0)
    except Forged:
        return False
    return True


def parsed(**more: str) -> Message:
    return sms().parse(request(form(FIELDS | more)))[0]


# Signatures.


@given(
    st.dictionaries(NAMES, st.text(max_size=30), max_size=8),
    st.sampled_from(["", "?a=1&b=2", ":8120/x", "?bodySHA256=0"]),
)
def test_what_the_provider_signs_is_authentic(fields: dict[str, str], tail: str) -> None:
    """Whatever fields it sends, a request that Twilio's own library signs is authentic."""
    url = f"https://eungdapso.example{tail}"
    signature = RequestValidator(TOKEN).compute_signature(url, fields)
    body = urlencode(fields).encode("utf-8", "surrogatepass")

    assert is_authentic(request(body, url=url, x_twilio_signature=signature))


@given(st.lists(st.tuples(NAMES, st.text(max_size=10)), max_size=8))
def test_signature_is_the_providers(pairs: list[tuple[str, str]]) -> None:
    """Fields of one name are signed as a sorted set, names in order, as Twilio's library does."""
    by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        by_name.setdefault(name, []).append(value)
    signed = read_form(urlencode(pairs).encode()).signed

    assert RequestValidator(TOKEN).compute_signature(URL, _Multi(by_name)) == sign(TOKEN.encode(), URL, signed).decode()


class _Multi(dict[str, list[str]]):
    def getall(self, name: str) -> list[str]:
        return self[name]


@given(st.binary(max_size=60) | st.text("aB=&+%0145fF\r\n가 \x00\x01", max_size=40).map(str.encode))
def test_fields_are_read_as_the_standard_library_reads_them(body: bytes) -> None:
    """The quick reader of forms gives what `parse_qsl` gives, whatever the body."""
    text = body.decode("utf-8", "surrogateescape")

    assert dict(parse_qsl(text, keep_blank_values=True, errors="surrogateescape")) == read_form(body).fields


@pytest.mark.parametrize(
    ("signed_url", "url"),
    [
        ("https://eungdapso.example:443/hooks/sms", URL),
        ("http://eungdapso.example:80/hooks/sms", "http://eungdapso.example/hooks/sms"),
        ("https://eungdapso.example/hooks/sms", "https://eungdapso.example:8443/hooks/sms"),
    ],
)
def test_address_may_be_signed_with_or_without_its_port(signed_url: str, url: str) -> None:
    """The provider signs the address with its port or without, and is believed either way."""
    signature = RequestValidator(TOKEN).compute_signature(signed_url, FIELDS)

    assert is_authentic(request(form(), url=url, x_twilio_signature=signature))


def test_blanks_at_the_end_are_signed() -> None:
    """A body that ends in blanks is verified with them, and shown without."""
    fields = {**FIELDS, "Body": " 안녕하세요  "}
    asked = request(form(fields), x_twilio_signature=RequestValidator(TOKEN).compute_signature(URL, fields))

    assert is_authentic(asked)
    assert "안녕하세요" == sms().parse(asked)[0].text


def _json_request(body: bytes, digest: str) -> Request:
    url = f"{URL}?bodySHA256={digest}"
    signature = RequestValidator(TOKEN).compute_signature(url, {})
    return request(body, url=url, content_type="application/json", x_twilio_signature=signature)


def test_json_is_authentic_by_its_digest() -> None:
    """JSON is signed by the address alone, which carries the digest of the body."""
    body = json.dumps(FIELDS).encode()
    asked = _json_request(body, hashlib.sha256(body).hexdigest())

    assert is_authentic(asked)
    assert "가로등이 꺼졌어요" == sms().parse(asked)[0].text


def test_json_with_another_digest_is_forged() -> None:
    """JSON whose digest is not the one that was signed is refused."""
    body = json.dumps(FIELDS).encode()

    assert not is_authentic(_json_request(body + b" ", hashlib.sha256(body).hexdigest()))


def test_json_without_digest_is_forged() -> None:
    """JSON that no digest vouches for is refused although its address is signed."""
    signature = RequestValidator(TOKEN).compute_signature(URL, {})

    assert not is_authentic(request(b"{}", content_type="application/json", x_twilio_signature=signature))


def test_shared_key_signs_with_sha256() -> None:
    """A webhook signed with a shared key says so in a header and is verified with HMAC-SHA256."""
    signature = RequestValidator("the-shared-key").compute_signature(URL, FIELDS, "HMAC_SHA256")
    connector = Sms(
        "sms",
        SmsSettings.model_validate({"shared_key": {"env": "KEY"}}),
        environment={**ENVIRONMENT, "KEY": "the-shared-key"},
    )
    settings = "key=webhooks_1, algorithm=HMAC_SHA256"
    asked = request(form(), x_twilio_signature=signature, x_twilio_webhooks_signature_settings=settings)

    assert is_authentic(asked, connector)


def test_unknown_algorithm_is_forged() -> None:
    """A signature by an algorithm that we do not know proves nothing."""
    signature = RequestValidator(TOKEN).compute_signature(URL, FIELDS)
    asked = request(form(), x_twilio_signature=signature, x_twilio_webhooks_signature_settings="algorithm=HMAC_MD5")

    assert not is_authentic(asked)


# Messages.


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+821012345678", "+821012345678"),
        ("010-1234-5678", "+821012345678"),
        ("02 120", "+822120"),
        ("0082 10 1234 5678", "+821012345678"),
        ("whatsapp:+821012345678", "whatsapp:+821012345678"),
        ("SEOUL", "SEOUL"),
        ("15881234", "15881234"),
        ("", ""),
        ("\n", ""),
        ("<script>", ""),
    ],
)
def test_numbers_have_one_spelling(written: str, number: str) -> None:
    """A number is known in one spelling however it is written; what is no address is none."""
    assert number == normal_number(written, "82")


@pytest.mark.parametrize("word", ["STOP", "수신거부", "unsubscribe"])
def test_wish_to_be_left_alone_is_not_answered(word: str) -> None:
    """Who asks to be left alone gets no answer to that."""
    message = parsed(Body=word)

    assert not message.replyable
    assert ("automatic: opt-out",) == message.signals


def test_a_sentence_with_stop_in_it_is_a_message() -> None:
    """The word alone is a wish to be left alone; in a sentence it is what the citizen writes."""
    assert () == parsed(Body="공사 소음을 stop 시켜 주세요").signals


@pytest.mark.parametrize("missing", ["MessageSid", "From", "To", "Body"])
def test_missing_field_is_named(missing: str) -> None:
    """A signed form without a field that a message needs is refused with the field's name."""
    fields = {name: value for name, value in FIELDS.items() if name != missing}

    with pytest.raises(Rejected, match=missing) as refusal:
        sms().parse(request(form(fields)))

    assert 422 == refusal.value.status


def test_text_in_another_charset_is_no_message() -> None:
    """A form that is not in UTF-8 is refused as unreadable, not guessed at."""
    body = form() + b"&Extra=" + b"%B0%A1"

    with pytest.raises(Rejected) as refusal:
        sms().parse(request(body))

    assert 400 == refusal.value.status


def test_place_on_the_map_is_kept() -> None:
    """A position that was shared is the message's location."""
    location = parsed(Latitude="37.5665", Longitude="126.9780").location

    assert location is not None
    assert (37.5665, 126.978) == (location.lat, location.lon)


# The way out.


@pytest.mark.parametrize(
    ("text", "octets"), [("가" * 45, 90), ("가" * 46, 92), ("뷁", 2), ("abc", 3), ("응답소 120", 10), ("😀", 0)]
)
def test_length_is_counted_in_cp949(text: str, octets: int) -> None:
    """A Hangul syllable counts two bytes, also one that EUC-KR lacks; what cannot be sent counts nothing."""
    assert octets == len(safe(text).encode("cp949"))


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("접수되었습니다 😀 감사합니다", "접수되었습니다 감사합니다"),
        ("09:00–18:00 — café", "09:00-18:00 - cafe"),
        ("각", "각"),
        ("ㅋㅋ ᄏ", "ㅋㅋ ㅋ"),
        ("您好", "?好"),
        ("1️⃣ 첫째", "1 첫째"),
        ("「인용」 “따옴표” …", "「인용」 “따옴표” …"),
    ],
)
def test_text_becomes_what_phones_can_show(text: str, sent: str) -> None:
    """Emoji and accents go, dashes and quotes stay readable, Hangul is never lost."""
    assert sent == safe(text)


@given(st.text(max_size=300), st.integers(90, 2_000))
def test_every_text_fits(text: str, most_bytes: int) -> None:
    """Whatever is to be said goes out as one message within its bytes."""
    assert len(fit(text, most_bytes=most_bytes).encode("cp949")) <= most_bytes


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=200))
def test_no_syllable_is_lost(text: str) -> None:
    """Every one of the 11,172 syllables can be sent."""
    assert text == fit(text)


def test_long_text_ends_with_a_sentence() -> None:
    """What is too long is cut after a sentence and says where to ask for the rest."""
    text = fit("접수되었습니다. " * 200, most_bytes=90)

    assert text.endswith("접수되었습니다. … 문의 120")


@pytest.mark.parametrize(
    "whole",
    ["https://minwon.example.go.kr/c/20261123-000001-7/abcdef", "2026. 12. 2. 18:00", "2026년 12월 2일", "02-120-1234"],
)
@given(before=st.integers(20, 45))
def test_links_dates_and_numbers_stay_whole(whole: str, before: int) -> None:
    """What is cut is cut before or behind a link, a date or a number, never within."""
    kept = fit(f"{'가' * before} {whole} {'나' * 60}", most_bytes=120).removesuffix("… 문의 120").rstrip()

    assert whole in kept or not any(word in kept for word in whole.split())


@given(st.text(max_size=300))
def test_safe_text_is_safe(text: str) -> None:
    """Whatever was said, what is made of it can be sent, and made of it again it is the same."""
    made = safe(text)
    made.encode("cp949")

    assert made == safe(made)


def test_what_phones_can_show_is_left_alone() -> None:
    """Every character of cp949 that is in Unicode's usual form goes out as it is."""
    known = [chr(code) for code in range(0x20, 0xFFFF) if is_shown(chr(code))]

    assert 16_000 < len(known)
    assert [] == [character for character in known if safe(f"가{character}나") != f"가{character}나"]


def is_shown(character: str) -> bool:
    return bool(character.encode("cp949", "ignore")) and normalize("NFC", character) == character


@pytest.mark.parametrize(
    ("text", "sent"), [("뷁", "뷁"), ("😀", ""), ("é", "e"), ("—", "-"), ("👨‍👩‍👧", ""), ("🇰🇷", "")]
)
def test_letters_that_phones_lack_are_replaced(text: str, sent: str) -> None:
    """A syllable that EUC-KR lacks stays; emoji go, accents go, dashes are spelled."""
    assert sent == safe(text)


def test_long_english_text_ends_in_english() -> None:
    """A cut text in letters alone says in English where to ask."""
    assert fit("We have received it. " * 200, most_bytes=90).endswith("received it. ... Call 120")


def reply(text: str = "접수번호 20261123-000001-7, 강남구청에서 처리합니다.") -> Reply:
    return Reply(
        id="row-1",
        channel="sms",
        account=CITY,
        to=CITIZEN,
        text=text,
        kind="notice",
        case="20261123-000001-7",
        created_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )


class Provider:
    """Speaks as much of the REST interface as is used; may hang up after it took a message."""

    def __init__(self, *, hangs_up: bool = False, refuses: int = 0, fails: int = 0) -> None:
        self._refuses, self._fails = refuses, fails
        self.taken: list[dict[str, str]] = []
        self.authorization = ""
        self._hangs_up = hangs_up

    async def create(self, asked: web.Request) -> web.Response:
        fields = {name: values[0] for name, values in parse_qs(await asked.text()).items()}
        self.authorization = asked.headers["Authorization"]
        self.taken.append(fields)
        if self._refuses:
            said = {"code": self._refuses, "message": "Attempt to send to unsubscribed recipient", "status": 400}
            return web.json_response(said, status=400)
        if self._hangs_up:
            assert asked.transport is not None
            asked.transport.abort()
        became = {"status": "failed", "error_code": self._fails} if self._fails else {"status": "queued"}
        return web.json_response({"sid": f"SM{len(self.taken)}", **became}, status=201)

    async def listed(self, asked: web.Request) -> web.Response:
        found = [fields for fields in self.taken if fields["To"] == asked.query["To"]]
        messages = [{"sid": "SM1", "body": fields["Body"]} for fields in found]
        return web.json_response({"messages": messages, "page_size": 50, "next_page_uri": None})

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        path = "/2010-04-01/Accounts/AC1/Messages.json"
        app.add_routes([web.post(path, self.create), web.get(path, self.listed)])
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def test_reply_goes_out_by_rest() -> None:
    """A reply is one call with number, number and text, from the number that the citizen wrote to."""
    provider = Provider()
    async with provider.listening() as url:
        sender = sms(api_url=url).sender()
        assert sender is not None
        receipt = await sender.send(reply())
        await sender.close()

    assert "SM1" == receipt.provider_id
    assert [{"To": CITIZEN, "From": CITY, "Body": reply().text}] == provider.taken


async def test_reply_that_failed_at_once_did_not_go() -> None:
    """A message that the provider made and gave up in the same breath was not sent."""
    async with Provider(fails=30006).listening() as url:
        sender = sms(api_url=url).sender()
        assert sender is not None
        with pytest.raises(Rejected, match="30006"):
            await sender.send(reply())
        await sender.close()


async def test_reply_that_went_though_the_line_broke_is_found() -> None:
    """When the line breaks after the provider took a message, it is asked, found, and not sent again."""
    provider = Provider(hangs_up=True)
    async with provider.listening() as url:
        sender = sms(api_url=url).sender()
        assert sender is not None
        receipt = await sender.send(reply())
        await sender.close()

    assert "SM1" == receipt.provider_id
    assert 1 == len(provider.taken)


async def test_message_that_never_went_is_not_found() -> None:
    """Asked for a message that it never took, the provider proves that it was not sent."""
    async with Provider().listening() as url:
        sender = sms(api_url=url).sender()
        assert sender is not None
        found = await sender.find(reply())
        await sender.close()

    assert found is None


async def test_provider_that_cannot_say_leaves_it_open() -> None:
    """A provider that cannot be asked leaves it to a person."""
    sender = sms(api_url="http://127.0.0.1:9", timeout_seconds=0.5).sender()
    assert sender is not None

    with pytest.raises(Uncertain):
        await sender.find(reply())
    await asyncio.wait_for(sender.close(), 1)


async def test_provider_is_told_where_to_tell_what_became_of_it() -> None:
    """Each message names our hook and, in its address, our own name of the message."""
    provider = Provider()
    async with provider.listening() as url:
        connector = sms(api_url=url)
        connector.public_url = "https://eungdapso.example"
        sender = connector.sender()
        assert sender is not None
        await sender.send(reply())
        await sender.close()

    assert "https://eungdapso.example/hooks/sms?reply=row-1" == provider.taken[0]["StatusCallback"]


@pytest.mark.parametrize(
    ("settings", "public_url"),
    [
        ({"api_url": "https://api.twilio.com"}, "http://127.0.0.1:8120"),
        ({"api_url": "https://api.twilio.com", "receipts": False}, "https://eungdapso.example"),
        ({"api_url": "http://127.0.0.1:9"}, ""),
    ],
)
def test_no_receipts_are_asked_for_where_none_can_come(settings: dict[str, Any], public_url: str) -> None:
    """An address that the provider cannot call would make it refuse the message: it is given none."""
    connector = sms(**settings)
    connector.public_url = public_url

    assert "" == connector._receipts_url()


@pytest.mark.parametrize(
    ("code", "words"), [(21610, "21610: 받는 분이 이 번호의 문자를 수신 거부했습니다"), (29999, "29999")]
)
async def test_refusal_is_told_in_words(code: int, words: str) -> None:
    """A number whose owner wants no messages is Rejected, with the code and what it means."""
    provider = Provider(refuses=code)
    async with provider.listening() as url:
        sender = sms(api_url=url).sender()
        assert sender is not None
        with pytest.raises(Rejected, match=words):
            await sender.send(reply())
        await sender.close()


def test_redelivery_is_the_same_message() -> None:
    """What Twilio posts again, with whatever token in its header, is the same message by its MessageSid."""
    first = sms().parse(request(form(), i_twilio_idempotency_token="a"))[0]
    again = sms().parse(request(form(), i_twilio_idempotency_token="b"))[0]

    assert first.identity == again.identity


@pytest.mark.parametrize("status", ["DELIVERED!", "가", "a" * 40])
def test_unknown_kind_of_status_is_no_receipt(status: str) -> None:
    """A status that is no word of the provider's is refused."""
    with pytest.raises(Rejected, match="MessageStatus"):
        parsed(MessageStatus=status)


def test_without_address_replies_go_to_files() -> None:
    """As long as no way out is configured there is no sender."""
    assert sms().sender() is None


def test_address_without_scheme_is_a_mistake() -> None:
    """A way out that is no address is a mistake in the file."""
    with pytest.raises(ValidationError):
        SmsSettings(api_url="api.twilio.example")
