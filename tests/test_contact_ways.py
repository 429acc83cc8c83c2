"""Which channels carry what goes to a citizen's other contact."""

from typing import Any

import pytest

from connectors._gateway_settings import SmsDomesticSettings
from connectors.email import Email, EmailSettings
from connectors.form import Form, FormSettings
from connectors.sms import Sms, SmsSettings
from connectors.sms_domestic import SmsDomestic
from connectors.telegram import Telegram, TelegramSettings
from pipeline.contact import addressed, country_of, ways

TOKENS = {
    "EUNGDAPSO_SMS_TOKEN": "t",
    "EUNGDAPSO_GATEWAY_SECRET": "s",
    "EUNGDAPSO_GATEWAY_KEY": "k",
    "EUNGDAPSO_TELEGRAM_TOKEN": "7000000001:A",
    "EUNGDAPSO_TELEGRAM_SECRET_TOKEN": "s",
}
RELAY = {"host": "127.0.0.1", "port": 2525}


def connectors(**tables: dict[str, Any]) -> dict[str, Any]:
    """Returns the channels of a city with these settings."""
    return {
        "email": Email("email", EmailSettings(**tables.get("email", {})), environment=TOKENS),
        "sms": Sms("sms", SmsSettings(**tables.get("sms", {})), environment=TOKENS),
        "gateway": SmsDomestic("gateway", SmsDomesticSettings(**tables.get("gateway", {})), environment=TOKENS),
        "telegram": Telegram("telegram", TelegramSettings(**tables.get("telegram", {})), environment=TOKENS),
        "form": Form("form", FormSettings(), environment=TOKENS),
    }


def test_where_nothing_is_sent_both_go_to_files() -> None:
    """On a machine for trying out, everything can be tried out."""
    assert {"mail": "email", "tel": "sms"} == ways(connectors())


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"telegram": {"api_url": "https://api.telegram.org"}}, {}),
        ({"email": {"relay": RELAY}}, {"mail": "email"}),
        ({"sms": {"api_url": "https://api.twilio.com"}, "email": {"relay": RELAY}}, {"mail": "email"}),
        ({"sms": {"api_url": "https://api.twilio.com", "from_number": "+8225550120"}}, {"tel": "sms"}),
        ({"gateway": {"api_url": "https://sms.example.kr", "from_number": "025550120"}}, {"tel": "gateway"}),
    ],
)
def test_where_letters_go_out_only_what_arrives_is_offered(tables: dict[str, Any], expected: dict[str, str]) -> None:
    """Nobody is promised a letter that would end in a file; a number of ours has to stand in its head."""
    assert expected == ways(connectors(**tables))


@pytest.mark.parametrize(
    ("tables", "country_code"),
    [({}, "82"), ({"sms": {"country_code": "81"}}, "81"), ({"gateway": {"country_code": "81"}}, "82")],
)
def test_numbers_are_of_the_country_of_their_channel(tables: dict[str, Any], country_code: str) -> None:
    """A number without a country is one of where the channel sends that would carry what goes to it."""
    assert country_code == country_of(connectors(**tables))


def test_a_form_is_no_proof_of_an_address() -> None:
    """Mail and text messages go to the address that wrote, and to nobody else."""
    assert {"email", "sms", "gateway"} == addressed(connectors())
