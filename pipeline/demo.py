"""Random secrets for a first try: made once, kept in var/demo.env, never used beside real ones."""

import fcntl
import os
import secrets
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

_FILE = "demo.env"
_HEAD = "# Random secrets for trying Eungdapso out. Real ones come from the environment; then this file is not read.\n"


def environment(var: Path, given: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Returns the environment to run with, and whether its secrets are the demo's.

    The demo's are used only while none of the names below is set: real and made-up secrets never mix. What a file of
    an older version lacks is added to it; what stands there stays.
    """
    made = _made()
    if any(name in given for name in made):
        return dict(given), False
    path = var / _FILE
    if not made.keys() <= _read(path).keys():
        _complete(path, made)
    return {**given, **_read(path)}, True


def applies(given: Mapping[str, str]) -> bool:
    """Whether a run with this environment would use made-up secrets."""
    return not any(name in given for name in _made())


def _made() -> dict[str, str]:
    return {
        "EUNGDAPSO_FACEBOOK_APP_SECRET": secrets.token_hex(16),
        "EUNGDAPSO_FACEBOOK_VERIFY_TOKEN": secrets.token_urlsafe(24),
        "EUNGDAPSO_KAKAO_SECRET": secrets.token_urlsafe(32),
        "EUNGDAPSO_LINE_SECRET": secrets.token_hex(16),
        "EUNGDAPSO_OPEN311_KEY": secrets.token_urlsafe(32),
        "EUNGDAPSO_SMS_TOKEN": secrets.token_hex(16),
        "EUNGDAPSO_TELEGRAM_SECRET_TOKEN": secrets.token_urlsafe(32),
        "EUNGDAPSO_WEBHOOK_SECRET": "whsec_" + b64encode(secrets.token_bytes(32)).decode(),
        "EUNGDAPSO_X_CONSUMER_SECRET": secrets.token_urlsafe(32),
    }


def _complete(path: Path, made: Mapping[str, str]) -> None:
    """Adds what is missing; of two processes that start together, both use what the first one wrote."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a+", encoding="utf-8") as file:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        there = _pairs(text)
        # A line that somebody left without its end is not to swallow the first of ours.
        before = _HEAD if not text else "" if text.endswith("\n") else "\n"
        file.write(before + "".join(f"{name}={value}\n" for name, value in made.items() if name not in there))


def _read(path: Path) -> dict[str, str]:
    return _pairs(path.read_text(encoding="utf-8")) if path.exists() else {}


def _pairs(text: str) -> dict[str, str]:
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}
