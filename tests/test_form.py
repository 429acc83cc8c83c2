"""What is peculiar to the web form: its token, the trap for machines, and what a citizen may leave out."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Request
from connectors.form import Form, FormSettings
from core.errors import Forged, Rejected
from core.message import Message

NOW = 1_795_396_500.0
HOUR = 3600


def form(**settings: Any) -> Form:
    return Form("form", FormSettings(**settings), environment={"EUNGDAPSO_FORM_KEY": "a key for tests"})


TOKEN = form().token(NOW)


def request(fields: dict[str, str], content_type: str = "application/x-www-form-urlencoded") -> Request:
    return sent(urlencode(fields).encode(), content_type)


def sent(body: bytes, content_type: str) -> Request:
    return Request(
        method="POST",
        url="https://eungdapso.example/hooks/form",
        path="/hooks/form",
        query="",
        headers={"content-type": content_type},
        body=body,
        received_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )


def filed(**fields: str) -> Message:
    return form().parse(request({"token": TOKEN, "text": "신호등이 고장 났습니다", **fields}))[0]


@pytest.mark.parametrize("seconds", [0, HOUR, 12 * HOUR])
def test_page_may_stay_open_for_hours(seconds: int) -> None:
    """A page that was opened this morning can still be sent in the afternoon."""
    form().verify(request({"token": TOKEN}), now=NOW + seconds)


@pytest.mark.parametrize("seconds", [-HOUR, 12 * HOUR + 1])
def test_page_of_another_day_is_refused(seconds: int) -> None:
    """A token that is too old, or not made yet, is refused, in words for a citizen."""
    with pytest.raises(Forged, match="새로 고친 뒤"):
        form().verify(request({"token": TOKEN}), now=NOW + seconds)


@given(st.text(max_size=80))
def test_token_cannot_be_guessed(token: str) -> None:
    """What did not come from the page is refused."""
    with pytest.raises(Forged):
        form().verify(request({"token": token.encode("utf-8", "replace").decode()}), now=NOW)


def test_token_of_another_key_is_refused() -> None:
    """A token that another installation signed is refused."""
    other = Form("form", FormSettings(), environment={"EUNGDAPSO_FORM_KEY": "another key"})

    with pytest.raises(Forged):
        form().verify(request({"token": other.token(NOW)}), now=NOW)


def test_form_works_without_a_key() -> None:
    """Without a key in the environment the page and its hook share a random one."""
    made = Form("form", FormSettings(), environment={})

    made.verify(request({"token": made.token(NOW)}), now=NOW)


def test_double_click_files_once() -> None:
    """The same page sent twice is the same message."""
    assert filed().identity == filed().identity


def test_page_that_was_gone_back_to_files_again() -> None:
    """Another text from the same page is another message: nothing that a citizen writes is swallowed."""
    assert filed().identity != filed(text="그리고 가로등도 꺼졌습니다").identity


def test_machine_in_the_trap_is_refused() -> None:
    """What fills in the field that people do not see is no citizen."""
    with pytest.raises(Rejected):
        filed(website="https://spam.example")


def test_nothing_but_the_text_is_needed() -> None:
    """Who gives neither name nor contact is heard, and reads the answer on the page."""
    message = filed()

    assert ("anonymous", False, "") == (message.author.assurance, message.replyable, message.reply_to)


@pytest.mark.parametrize(
    ("contact", "reply_to"),
    [
        ("hong@example.com", "hong@example.com"),
        ("010-0000-0001", "+821000000001"),
        ("+82 10 0000 0001", "+821000000001"),
    ],
)
def test_contact_is_where_the_answer_goes(contact: str, reply_to: str) -> None:
    """A mail address or telephone number is where the answer goes; nobody checked whose it is."""
    message = filed(contact=contact)

    assert (reply_to, True, "self-declared") == (message.reply_to, message.replyable, message.author.assurance)


@pytest.mark.parametrize(
    "contact", ["카톡 주세요", "1234", "hong@", "a@b", "a b@example.com", "02-120\r\nBcc: x@y.example"]
)
def test_contact_that_is_none_is_explained(contact: str) -> None:
    """A contact that nobody can be reached at is refused, so that the citizen can mend it."""
    with pytest.raises(Rejected, match="연락처"):
        filed(contact=contact)


def test_place_is_part_of_the_text() -> None:
    """The place that was given apart is read with the text."""
    assert filed(place="강남구 역삼동").text.endswith("\n\n장소: 강남구 역삼동")


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b"])
def test_empty_text_is_explained(text: str) -> None:
    """A form with nothing in it is refused in words for a citizen."""
    with pytest.raises(Rejected, match="내용을 적어"):
        filed(text=text)


def test_text_has_a_limit() -> None:
    """A text that is too long is refused with the limit."""
    with pytest.raises(Rejected, match="10,000자"):
        filed(text="가" * 10_001)


def test_file_is_refused_not_dropped() -> None:
    """A file that cannot be taken is refused, never silently left out."""
    body = (
        f'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n{TOKEN}\r\n'
        '--b\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\nJPEG\r\n--b--\r\n'
    )

    with pytest.raises(Rejected, match="파일"):
        form().parse(sent(body.encode(), "multipart/form-data; boundary=b"))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"&".join([b"a=1"] * 30), "application/x-www-form-urlencoded"),
        (b"nothing of the kind", "multipart/form-data; boundary=b"),
        (b"--b\r\n\r\n", "multipart/form-data"),
        (b"token=%FF", ""),
    ],
)
def test_body_that_is_no_form_is_refused(body: bytes, content_type: str) -> None:
    """A body that is no form is refused as unreadable."""
    with pytest.raises(Rejected) as refusal:
        form().parse(sent(body, content_type))

    assert 400 == refusal.value.status
