"""Random secrets for a first try: made once, kept in var/demo.env, never used beside real ones."""

import os
import secrets
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

_FILE = "demo.env"
_HEAD = "# Random secrets for trying Eungdapso out. Real ones come from the environment; then this file is not read.\n"


def environment(var: Path, given: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Returns the environment to run with, and whether its secrets are the demo's.

    The demo's are used only while none of the names below is set: real and made-up secrets never mix.
    """
    made = _made()
    if any(name in given for name in made):
        return dict(given), False
    path = var / _FILE
    if not path.exists():
        _write(path, made)
    return {**given, **_read(path)}, True


def applies(given: Mapping[str, str]) -> bool:
    """Whether a run with this environment would use made-up secrets."""
    return not any(name in given for name in _made())


def _made() -> dict[str, str]:
    return {
        "EUNGDAPSO_FACEBOOK_APP_SECRET": secrets.token_hex(16),
        "EUNGDAPSO_FACEBOOK_VERIFY_TOKEN": secrets.token_urlsafe(24),
        "EUNGDAPSO_KAKAO_SECRET": secrets.token_urlsafe(32),
        "EUNGDAPSO_OPEN311_KEY": secrets.token_urlsafe(32),
        "EUNGDAPSO_SMS_TOKEN": secrets.token_hex(16),
        "EUNGDAPSO_TELEGRAM_SECRET_TOKEN": secrets.token_urlsafe(32),
        "EUNGDAPSO_WEBHOOK_SECRET": "whsec_" + b64encode(secrets.token_bytes(32)).decode(),
        "EUNGDAPSO_X_CONSUMER_SECRET": secrets.token_urlsafe(32),
    }


def _write(path: Path, made: Mapping[str, str]) -> None:
    text = _HEAD + "".join(f"{name}={value}\n" for name, value in made.items())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _read(path: Path) -> dict[str, str]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}
