"""What is peculiar to Open311: keys of clients, the same report again, and every mistake in a form said at once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.base import Request, Words
from connectors.open311 import Open311, Open311Settings
from core.errors import ConfigError, Forged, Rejected
from core.message import Message

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
ENVIRONMENT = {"EUNGDAPSO_OPEN311_KEY": "first-key", "EUNGDAPSO_OPEN311_KEY_SAFETY_APP": "second-key"}
LIGHT = {
    "api_key": "first-key",
    "service_code": "streetlight",
    "address_string": "마포구 합정동 380",
    "description": "가로등이 꺼졌습니다.",
}


def channel(environment: dict[str, str] = ENVIRONMENT, **settings: Any) -> Open311:
    return Open311("open311", Open311Settings(clients=("safety-app",), **settings), environment=environment)


def request(body: bytes, *, at: datetime = NOW) -> Request:
    kind = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return Request(method="POST", url="", path="/hooks/open311", query="", headers=kind, body=body, received_at=at)


def posted(*more: tuple[str, str], **changed: str) -> Request:
    return request(urlencode([*(LIGHT | changed).items(), *more]).encode())


def posted_at(at: datetime) -> Request:
    return request(urlencode(LIGHT).encode(), at=at)


def parsed(*more: tuple[str, str], **changed: str) -> Message:
    return channel().parse(posted(*more, **changed))[0]


def mistakes(*more: tuple[str, str], **changed: str) -> list[str]:
    """Returns the names before the colons of all that is said to be wrong."""
    with pytest.raises(Rejected) as refusal:
        channel().parse(posted(*more, **changed))
    assert 400 == refusal.value.status
    return [line.partition(":")[0] for line in refusal.value.reason.splitlines()]


@pytest.mark.parametrize(("key", "account"), [("first-key", "open311"), ("second-key", "safety-app")])
def test_the_key_tells_the_client(key: str, account: str) -> None:
    """Each client program is an account of its own."""
    assert account == parsed(api_key=key).account


@pytest.mark.parametrize("key", ["", "first-ke", "first-key2", "FIRST-KEY", "첫열쇠"])
def test_a_wrong_key_is_refused(key: str) -> None:
    """Near is not enough."""
    with pytest.raises(Forged):
        channel().verify(posted(api_key=key), now=0)


def test_two_keys_are_none() -> None:
    """Whoever tries several at once is let in with none of them."""
    with pytest.raises(Forged):
        channel().verify(posted(("api_key", "second-key")), now=0)


def test_without_any_key_the_channel_does_not_start() -> None:
    """It says which names it looked for; one of them is enough."""
    one = {"EUNGDAPSO_OPEN311_KEY_SAFETY_APP": "second-key"}

    assert ("EUNGDAPSO_OPEN311_KEY", "EUNGDAPSO_OPEN311_KEY_SAFETY_APP") == channel({}).missing()
    assert () == channel(one).missing()


def test_the_same_report_is_the_same_message() -> None:
    """In whatever order its fields come, and however soon."""
    again = request(urlencode([*reversed(LIGHT.items()), ("email", "")]).encode(), at=NOW + timedelta(hours=1))

    assert channel().parse(posted())[0].identity == channel().parse(again)[0].identity


@pytest.mark.parametrize(
    "changed",
    [{"description": "또 꺼졌습니다."}, {"account_id": "7"}, {"api_key": "second-key"}, {"service_code": "x"}],
)
def test_another_report_is_another_message(changed: dict[str, str]) -> None:
    """Other words, another citizen, another client, another service."""
    assert parsed().identity != parsed(**changed).identity


def test_last_week_s_report_is_known_by_its_name_too() -> None:
    """A report can have had the name of this week or of the last; the same words a year later are news."""
    late = NOW + timedelta(days=6)
    names = channel().names(posted_at(late))

    assert channel().names(posted())[0] in names
    assert channel().names(posted_at(NOW + timedelta(days=365)))[0] not in names


def test_nobody_without_the_key_can_make_the_name() -> None:
    """The name is the token that opens the number: another key makes another name of the same report."""
    other = Open311("open311", Open311Settings(), environment={"EUNGDAPSO_OPEN311_KEY": "first-key "})

    assert channel().names(posted())[0] != other.names(posted(api_key="first-key "))[0]


def test_what_is_missing_or_wrong_is_said_at_once() -> None:
    """One line for each."""
    said = mistakes(service_code="", address_string="", email="minji", phone="1", media_url="ftp://x/y")

    assert ["service_code", "lat, long, address_string, address_id", "email", "phone", "media_url"] == said


@pytest.mark.parametrize(
    ("lat", "long"),
    [
        ("37.5", ""),
        ("", "127"),
        ("91", "127"),
        ("37.5", "181"),
        ("nan", "127"),
        ("1e1", "127"),
        ("３７", "127"),
        ("0x1", "1"),
    ],
)
def test_half_a_place_is_none(lat: str, long: str) -> None:
    """Both degrees, as numbers, on this earth."""
    assert ["lat, long"] == mistakes(lat=lat, long=long)


@pytest.mark.parametrize(
    ("name", "most"), [("description", 4_000), ("first_name", 100), ("address_string", 500), ("account_id", 200)]
)
def test_too_long_is_said(name: str, most: int) -> None:
    """A name of ten thousand characters is no name."""
    assert [name] == mistakes(**{name: "가" * (most + 1)})
    assert parsed(**{name: "가" * most})


def test_different_values_of_one_field_are_refused() -> None:
    """Nobody guesses which one was meant."""
    assert ["service_code"] == mistakes(("service_code", "pothole"))


def test_the_same_value_twice_is_once() -> None:
    """A proxy that doubles a parameter changes nothing."""
    assert parsed() == parsed(("service_code", "streetlight"))


@pytest.mark.parametrize(
    "body",
    [
        urlencode(LIGHT).encode() + b"&first_name=%B1%E8",
        urlencode(LIGHT).encode() + "&first_name=김".encode("euc-kr"),
        urlencode(LIGHT).encode() + b"&x=1" * 300,
    ],
)
def test_what_is_not_utf_8_or_far_too_much_is_refused(body: bytes) -> None:
    """EUC-KR, encoded or not, and hundreds of fields."""
    with pytest.raises(Rejected) as refusal:
        channel().parse(request(body))

    assert refusal.value.status in (400, 403)


def test_several_values_of_an_attribute_are_kept() -> None:
    """What a service asks for besides stands in the text."""
    text = parsed(("attribute[COLOR][]", "빨강"), ("attribute[COLOR][]", "파랑"), ("attribute[N]", "3")).text

    assert "가로등이 꺼졌습니다.\n\nCOLOR: 빨강\nCOLOR: 파랑\nN: 3\n장소: 마포구 합정동 380" == text


def test_two_clients_people_are_not_mixed() -> None:
    """The person 7 of one program is not the person 7 of another."""
    assert parsed(account_id="7").author.handle != parsed(account_id="7", api_key="second-key").author.handle


@pytest.mark.parametrize(
    ("first", "last", "name"), [("민지", "김", "김민지"), ("John", "Smith", "John Smith"), ("민지", "", "민지")]
)
def test_names_stand_in_their_order(first: str, last: str, name: str) -> None:
    """The family's name first in Hangul, last in Latin letters."""
    assert name == parsed(first_name=first, last_name=last).author.name


def test_an_address_number_names_its_district() -> None:
    """The first five digits are the district's code."""
    assert "11440" == parsed(address_id="1144010300103800000012345").district_hint
    assert "" == parsed(address_id="A-17").district_hint


@pytest.mark.parametrize(
    ("sender", "field"),
    [("", "email"), ("kim@example.org", "email"), ("010-1234-5678", "phone"), ("user-7", "account_id")],
)
def test_send_speaks_as_a_client(sender: str, field: str) -> None:
    """What `eungdapso send` posts is let in and read."""
    words = Words(text="가로등이 꺼졌습니다.", sender=sender, public_url="https://eungdapso.example", now=0)
    spoken = channel().spoken(words)
    channel().verify(request(spoken.body), now=0)
    read = channel().parse(request(spoken.body))[0]

    assert "/open311/v2/requests.json" == spoken.path
    assert read.text.startswith("가로등이 꺼졌습니다.")
    assert field.encode() + b"=" in spoken.body


def test_send_needs_a_key() -> None:
    """Without one nothing can be said."""
    with pytest.raises(ConfigError, match="EUNGDAPSO_OPEN311_KEY"):
        channel({}).spoken(Words(text="x", sender="", public_url="", now=0))
