"""PostgreSQL with TLS, a password and a certificate authority of the city's own. Starts servers of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.instance import ROOT
from cases.database import Database
from core.errors import ConfigError, Unavailable
from pipeline.engines import Engines
from pipeline.settings import PipelineSettings
from tests.authority import Authority
from tests.live.postgres import Postgres
from tests.test_cli import eungdapso

pytestmark = pytest.mark.skipif(
    "EUNGDAPSO_LIVE_POSTGRESQL" not in os.environ, reason="make live runs what needs PostgreSQL"
)

# Everything that means something in an address, in a shell, or to a driver.
PASSWORD = "p@ss:w/ord %41 '\"?#&=\\{}$가로등"
HOW = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def started(certificate: tuple[Path, Path]) -> Iterator[Postgres]:
    made = Postgres(password=PASSWORD, certificate=certificate)
    made.prepare()
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Postgres]:
    yield from started(authority.issue("127.0.0.1"))


def settings(port: int, ca_file: object, more: str = "") -> PipelineSettings:
    table = {"password": {"env": "SECRET"}, "ca_file": str(ca_file)}
    url = f"postgresql://eungdapso@127.0.0.1:{port}/postgres{more}"
    return PipelineSettings.model_validate({"cases": url, "postgresql": table})


def asked(chosen: PipelineSettings, password: str = PASSWORD) -> bool:
    """Connects as the case store does; returns whether the connection is encrypted."""
    engines = Engines(settings=chosen, home=ROOT, var=ROOT, environment={"SECRET": password}, groups={})
    database = Database(engines.cases_url())
    database.open()
    try:
        with database.read() as connection:
            return bool(connection.exec_driver_sql(HOW).scalar_one())
    finally:
        database.close()


def refused(chosen: PipelineSettings, said: str, password: str = PASSWORD) -> None:
    with pytest.raises(Unavailable, match=said) as told:
        asked(chosen, password)
    assert "\n" not in told.value.reason
    assert password not in told.value.reason


@pytest.mark.parametrize("more", ["", "?application_name=city"])
def test_a_password_over_tls(server: Postgres, authority: Authority, more: str) -> None:
    """`ca_file` demands TLS and looks at who is there, whatever else the address says; any password works."""
    assert asked(settings(server.port, authority.ca_file, more))


def test_the_address_alone_can_say_it(server: Postgres, authority: Authority) -> None:
    """What libpq calls these things works, too."""
    assert asked(settings(server.port, "", f"?sslmode=verify-full&sslrootcert={authority.ca_file}"))


def test_a_wrong_password_is_told(server: Postgres, authority: Authority) -> None:
    refused(settings(server.port, authority.ca_file), r"Check the user in cases and the password", "not it%40 @ all")


def test_an_authority_that_is_not_ours_is_told(server: Postgres, tmp_path: Path) -> None:
    refused(settings(server.port, Authority(tmp_path).ca_file), r"Check that ca_file in .postgresql. names who signed")


@pytest.mark.parametrize(
    ("names", "expired", "said"),
    [
        (("127.0.0.1",), True, "certificate verify failed.* and its dates"),
        (("db.seoul.example",), False, "Write in cases the name that its certificate was made for"),
    ],
)
def test_a_certificate_that_is_not_right_is_told(
    authority: Authority, names: tuple[str, ...], expired: bool, said: str
) -> None:
    for other in started(authority.issue(*names, expired=expired)):
        refused(settings(other.port, authority.ca_file), said)


def test_a_server_without_tls_is_not_used(authority: Authority) -> None:
    """Nothing goes out unencrypted because the other side cannot do better."""
    other = Postgres()
    other.prepare()
    try:
        other.start()
        refused(settings(other.port, authority.ca_file), "Turn TLS on there, or leave ca_file out")
    finally:
        other.stop()


def test_a_missing_file_or_variable_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"postgresql\.ca_file: there is no file .*missing\.pem"):
        asked(settings(1, "missing.pem"))
    with pytest.raises(ConfigError, match=r"postgresql\.password: SECRET is not set"):
        asked(settings(1, ""), password="")


def test_operations_prepare_a_secured_store(server: Postgres, authority: Authority, tmp_path: Path) -> None:
    """`setup` makes the tables over TLS; with a wrong password it ends with 1 and one line."""
    config = tmp_path / "pipeline.toml"
    config.write_text(
        f'city = "{ROOT / "config"}"\ncases = "postgresql://eungdapso@127.0.0.1:{server.port}/postgres"\n'
        f'[postgresql]\npassword = {{ env = "EUNGDAPSO_CASES_PASSWORD" }}\nca_file = "{authority.ca_file}"\n',
        encoding="utf-8",
    )
    done = eungdapso("setup", "--config", str(config), EUNGDAPSO_CASES_PASSWORD=PASSWORD)
    failed = eungdapso("setup", "--config", str(config), EUNGDAPSO_CASES_PASSWORD="not-it-at-all")

    assert (0, "") == (done.returncode, done.stderr)
    assert (1, 1) == (failed.returncode, len(failed.stderr.splitlines()))
    assert "Check the user in cases and the password in [postgresql]" in failed.stderr
    assert "not-it-at-all" not in failed.stderr
