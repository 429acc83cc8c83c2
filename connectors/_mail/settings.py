"""The settings that every way of mail has in common: who we are, and where answers go out."""

import re
from typing import TypeVar

from pydantic import Field, field_validator, model_validator

from connectors.base import ChannelSettings
from core.settings import SecretRef, Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class RelaySettings(Settings):
    """[connectors.<mail>.relay]: where outgoing mail goes."""

    host: str = Field(min_length=1)
    """Name or address of the relay."""
    port: int = Field(default=25, ge=1, le=65_535)
    """Its port."""
    username: str = ""
    """Whom to log in as; "" for nobody."""
    password: SecretRef | None = None
    """Password of that user."""
    starttls: bool | None = None
    """Encrypt: true always, false never, left out whenever the relay offers it."""
    timeout_seconds: float = Field(default=20.0, gt=0, le=300)
    """Longest wait for one answer of the relay."""

    @model_validator(mode="after")
    def _logs_in_encrypted(self) -> "RelaySettings":
        if self.password and not self.username:
            raise ValueError("a password without username; set username too")
        if self.password and not self.starttls and self.host not in LOOPBACK:
            raise ValueError("a password would travel in the clear; set starttls = true")
        return self


class MailSettings(ChannelSettings):
    """What stands in the table of every channel of mail."""

    addresses: tuple[str, ...] = Field(default=("minwon@eungdapso.example",), min_length=1)
    """Addresses that are ours, each with all its plus-addresses."""
    hostname: str = ""
    """Name of this mail server in greetings and Message-IDs; "" for the domain of the first address."""
    trusted_authserv_id: str = ""
    """Name in Authentication-Results by which our own mail gateway is known; "" trusts none."""
    from_address: str = ""
    """Address that answers come from; "" for the first of `addresses`."""
    display_name: str = "응답소"
    """Name beside that address."""
    tickets: bool = True
    """Answers ask for replies to `minwon+<ticket>@…`, a plus-address that only we can make: a reply then finds its case
    also when the mail program cites nothing, and so does a bounce. false where plus-addresses do not arrive."""
    relay: RelaySettings | None = None
    """Where outgoing mail goes; left out: to files."""

    @field_validator("addresses", mode="after")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_address(address) for address in value)

    @field_validator("from_address", mode="after")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _address(value) if value else ""


class SubmissionSettings(Settings):
    """[connectors.email.submission]: where offices' mail systems log in and hand in what citizens wrote to them."""

    host: str = "127.0.0.1"
    """Address to listen on; "0.0.0.0" for all."""
    port: int = Field(default=8587, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    offices: tuple[str, ...] = Field(min_length=1)
    """Names to log in as, in letters, digits, `-` and `.`; the password of `gangnam` is in
    EUNGDAPSO_EMAIL_PASSWORD_GANGNAM. Without it that office cannot log in."""

    @field_validator("offices", mode="after")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in value if not re.fullmatch(r"[A-Za-z0-9.-]{1,64}", name)]:
            raise ValueError(f"{wrong[0]!r} is no name; letters, digits, hyphens and dots only")
        return value


M = TypeVar("M", bound=MailSettings)


def _address(value: str) -> str:
    local, at, domain = value.strip().lower().rpartition("@")
    if not at or not local or not domain or "+" in local or any(mark in value for mark in ' <>",;'):
        raise ValueError(f"'{value}' is no mail address; write it like minwon@eungdapso.example, without a plus")
    return f"{local}@{domain}"
