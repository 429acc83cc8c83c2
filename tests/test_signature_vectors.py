"""Every signature that a provider or a standard published with its key: ours is the same.

GitHub, Slack and Revolut from the pages on how to verify their calls, Standard Webhooks from its specification, Twilio
from its documentation and its own library, HMAC from RFC 2202 and RFC 4231.
"""

import hashlib
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors._hmac import Dialect, Signature
from connectors._standard import read_keys
from connectors._standard import sign as sign_standard
from connectors._twilio_form import Algorithm, read_form, sign
from connectors.base import Request
from connectors.sms import Sms, SmsSettings
from connectors.webhook import Standard, WebhookSettings
from core.errors import Forged

GITHUB = {"header": "X-Hub-Signature-256", "prefix": "sha256="}
SLACK = {
    "header": "X-Slack-Signature",
    "prefix": "v0=",
    "content": "v0:{timestamp}:{body}",
    "timestamp_header": "X-Slack-Request-Timestamp",
}
REVOLUT = {
    "header": "Revolut-Signature",
    "prefix": "v1=",
    "content": "v1.{timestamp}.{body}",
    "timestamp_header": "Revolut-Request-Timestamp",
}
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
REVOLUT_KEY = "wsk_r59a4HfWVAKycbCaNO1RvgCJec02gRd8"
REVOLUT_BODY = (
    b'{"data":{"id":"645a7696-22f3-aa47-9c74-cbae0449cc46","new_state":"completed","old_state":"pending",'
    b'"request_id":"app_charges-9f5d5eb3-1e06-46c5-b1c0-3914763e0bcb"},"event":"TransactionStateChanged",'
    b'"timestamp":"2023-05-09T16:36:38.028960Z"}'
)
REVOLUT_ORDER = (
    b'{"event": "ORDER_COMPLETED","order_id": "9fc01989-3f61-4484-a5d9-ffe768531be9",'
    b'"merchant_order_ext_ref": "Test #3928"}'
)
# How the source signs, its secret, its body, the signed time as it is written, the signature.
PLAIN: list[tuple[dict[str, str], str, bytes, str, str]] = [
    (
        GITHUB,
        "It's a Secret to Everybody",
        b"Hello, World!",
        "",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ),
    (
        SLACK,
        "8f742231b10e8888abcd99yyyzzz85a5",
        SLACK_BODY,
        "1531420618",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    ),
    (
        REVOLUT,
        REVOLUT_KEY,
        REVOLUT_BODY,
        "1683650202360",
        "v1=bca326fb378d0da7f7c490ad584a8106bab9723d8d9cdd0d50b4c5b3be3837c0",
    ),
    (
        REVOLUT,
        REVOLUT_KEY,
        REVOLUT_ORDER,
        "1683650202360",
        "v1=281b1f1aebe9357b7b128fd6a3aae0fe202c901add4ce75e6d038e498871d7fd",
    ),
]
# Key, data, HMAC-SHA1 or ""; HMAC-SHA256, HMAC-SHA512 or "".
RFC = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b617318655057264e28bc0b6fb378c8ef146be00",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        (
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4"
            "be9d914eeb61f1702e696c203a126854"
        ),
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        (
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
            "caeab1a34d4a6b4b636e070a38bce737"
        ),
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "",
    ),
    (
        b"\xaa" * 80,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
        "",
        "",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        (
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e52"
            "95e64f73f63f0aec8b915a985d786598"
        ),
    ),
]
TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TWILIO_FORM = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
TWILIO_JSON = b'{"property": "value", "boolean": true}'


def request(body: bytes, *, url: str = "https://eungdapso.example/hooks/a", **headers: str) -> Request:
    return Request(
        method="POST",
        url=url,
        path="/hooks/a",
        query=url.partition("?")[2],
        headers=headers,
        body=body,
        received_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def is_authentic(connector: Any, asked: Request, now: float) -> bool:
    try:
        connector.verify(asked, now=now)
    except Forged:
        return False
    return True


@pytest.mark.parametrize(("table", "secret", "body", "timestamp", "signature"), PLAIN)
def test_published_plain_signature_is_believed(
    table: dict[str, str], secret: str, body: bytes, timestamp: str, signature: str
) -> None:
    """What a provider published is let in by a table alone, and nothing that differs from it."""
    settings = WebhookSettings.model_validate({"signature": table})
    source = Standard("press", settings, environment={"EUNGDAPSO_PRESS_SECRET": secret})
    headers = {table["header"].lower(): signature, table.get("timestamp_header", "x-none").lower(): timestamp}
    now = int(timestamp or "0") / (1000 if len(timestamp) > 10 else 1)

    assert is_authentic(source, request(body, **headers), now)
    assert not is_authentic(source, request(body + b" ", **headers), now)


def test_published_standard_webhook_is_believed() -> None:
    """The example of the Standard Webhooks specification is signed by us as it is there, and let in."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    native_id, timestamp = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    headers = {"webhook-id": native_id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}
    source = Standard("press", WebhookSettings(), environment={"EUNGDAPSO_PRESS_SECRET": secret})

    assert signature == sign_standard(read_keys(secret).shared[0], native_id, timestamp, body)
    assert is_authentic(source, request(body, **headers), timestamp)


@pytest.mark.parametrize(
    ("url", "form", "signature"),
    [
        (
            TWILIO_URL,
            b"CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%2B18005551212",
            "0/KCTR6DLpKmkAf8muzZqo1nDgQ=",
        ),
        (TWILIO_URL, TWILIO_FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://mycompany.com:443/myapp.php?foo=1&bar=2", TWILIO_FORM, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("http://mycompany.com:80/myapp.php?foo=1&bar=2", TWILIO_FORM, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", TWILIO_FORM, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (TWILIO_URL, b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234", "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
    ],
)
def test_published_twilio_signature_is_ours(url: str, form: bytes, signature: str) -> None:
    """What Twilio published about forms is what we sign, with ports and with fields of one name."""
    assert signature == sign(b"12345", url, read_form(form).signed).decode()


@pytest.mark.parametrize(
    "url",
    [TWILIO_URL, "https://mycompany.com:443/myapp.php?foo=1&bar=2"],
)
@pytest.mark.parametrize("signature", ["RSOYDt4T1cUTdK1PDd93/VVr8B8=", "kvajT1Ptam85bY51eRf/AJRuM3w="])
def test_published_twilio_form_is_believed(url: str, signature: str) -> None:
    """A form is let in whether the address was signed with its port or without."""
    connector = Sms("sms", SmsSettings(), environment={"EUNGDAPSO_SMS_TOKEN": "12345"})
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}

    assert is_authentic(connector, request(TWILIO_FORM, url=url, **headers), 0)


def test_published_twilio_json_is_believed() -> None:
    """JSON is let in by the digest in its signed address."""
    digest = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    connector = Sms("sms", SmsSettings(), environment={"EUNGDAPSO_SMS_TOKEN": "12345"})
    headers = {"x-twilio-signature": "a9nBmqA0ju/hNViExpshrM61xv4=", "content-type": "application/json"}
    url = f"{TWILIO_URL}&bodySHA256={digest}"

    assert digest == hashlib.sha256(TWILIO_JSON).hexdigest()
    assert is_authentic(connector, request(TWILIO_JSON, url=url, **headers), 0)
    assert not is_authentic(connector, request(TWILIO_JSON + b" ", url=url, **headers), 0)


@pytest.mark.parametrize(("key", "data", "sha1", "sha256", "sha512"), RFC)
def test_hmac_is_that_of_the_rfc(key: bytes, data: bytes, sha1: str, sha256: str, sha512: str) -> None:
    """Both of our HMACs, the one by halves and that of tables, give what RFC 2202 and RFC 4231 print."""
    printed = {name: digest for name, digest in {"sha1": sha1, "sha256": sha256, "sha512": sha512}.items() if digest}
    halves: dict[Algorithm, str] = {"sha1": sha1, "sha256": sha256}
    by_halves = {name: b64decode(sign(key, "", data, name)).hex() for name, digest in halves.items() if digest}
    by_table = {name: _table(key, name).headers("", "", 0, data)["x-signature"] for name in printed}

    assert {name: digest for name, digest in halves.items() if digest} == by_halves
    assert printed == by_table


def _table(key: bytes, name: str) -> Dialect:
    return Dialect(Signature.model_validate({"header": "X-Signature", "hash": name, "key": "hex"}), key.hex())
