"""Who learns the account and the token when a picture of an SMS is fetched: the provider, and nobody else."""

import pytest

from connectors.base import Located
from connectors.sms import Sms, SmsSettings
from core.errors import Rejected
from core.message import Attachment

ENVIRONMENT = {"EUNGDAPSO_SMS_TOKEN": "token", "EUNGDAPSO_SMS_ACCOUNT_SID": "AC1"}
BASIC = {"Authorization": "Basic QUMxOnRva2Vu"}
STAND_IN = "http://127.0.0.1:9000"


async def located(url: str, *, api_url: str = "", environment: dict[str, str] | None = None) -> Located:
    settings = SmsSettings(api_url=api_url)
    locator = Sms("sms", settings, environment=ENVIRONMENT if environment is None else environment).locator()
    return await locator.locate(Attachment(place=url))


async def test_the_provider_is_shown_the_token() -> None:
    """Its media lie behind account and token; it is a host of the internet like others."""
    found = await located("https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1")

    assert (BASIC, False) == (found.headers, found.trusted)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.twilio.com.evil.example/a",
        "https://evil.example/api.twilio.com",
        "https://api.twilio.com@evil.example/a",
        "https://evil.example/?https://api.twilio.com/",
        "http://api.twilio.com/a",
        "https://api.twilio.com:8443/a",
        "http://127.0.0.1:9001/a",
        "https://127.0.0.1:9000/a",
    ],
)
async def test_nobody_else_is(url: str) -> None:
    """Another host, port or scheme is asked without it, and is not let in from inside a network."""
    found = await located(url, api_url=STAND_IN)

    assert ({}, False) == (found.headers, found.trusted)


async def test_what_the_operator_named_instead_is() -> None:
    """The host of `api_url` stands for the provider, and may lie inside."""
    found = await located(f"{STAND_IN}/Media/ME1", api_url=f"{STAND_IN}/twilio")

    assert (BASIC, True) == (found.headers, found.trusted)


async def test_without_an_account_nothing_is_shown() -> None:
    """Whoever has no account fetches what anybody may."""
    assert {} == (await located("https://api.twilio.com/Media/ME1", environment={})).headers


async def test_what_is_no_address_is_refused() -> None:
    """Whatever stands there."""
    with pytest.raises(Rejected):
        await located("http://[::1/a")
