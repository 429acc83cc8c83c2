"""Pictures through a whole instance: named by Twilio, behind a password and a redirect; with a place in their notes."""

import base64
import hmac
import json
import shutil
import smtplib
import threading
import urllib.parse
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bench.instance import ROOT, TOKEN, Instance
from config.load import load_city
from tests.commands import asked
from tests.test_end_to_end import MONDAY, delivered, post
from tests.test_photo import photograph
from tests.waiting import until

PLACELESS = "골목에 쓰레기 무단투기가 심해요 단속해주세요"
CONFIG = ROOT / "config"
# Degrees around each district's office that are the whole district in this town.
HALF = 0.003
SID = "AC" + "1" * 32


class Provider:
    """Twilio as its documentation has it: media behind account and token, kept elsewhere; slow at first."""

    def __init__(self) -> None:
        office = next(one for one in load_city(CONFIG).districts if one.id == "mapo")
        self.photo = photograph((office.lat, 0, 0), (office.lon, 0, 0))
        self.media: list[tuple[str, str | None]] = []
        self.sent: list[dict[str, str]] = []
        self.busy = 2
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.media.append((self.path, self.headers.get("Authorization")))
                if self.path.startswith("/store/"):
                    self._answers(200, provider.photo if "ME0" in self.path else b"MZ\x90\x00", "image/jpeg")
                elif self.headers.get("Authorization") != provider.basic:
                    self._answers(401)
                elif provider.busy:
                    provider.busy -= 1
                    self._answers(503, headers={"Retry-After": "1"})
                else:
                    to = f"http://localhost:{provider.port}/store/{self.path.rpartition('/')[2]}"
                    self._answers(307, headers={"Location": to})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.sent.append(dict(urllib.parse.parse_qsl(body)))
                said = {"sid": f"SM{len(provider.sent)}", "status": "queued"}
                self._answers(201, json.dumps(said).encode(), "application/json")

            def _answers(
                self, status: int, body: bytes = b"", kind: str = "text/plain", headers: dict[str, str] | None = None
            ) -> None:
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Says nothing."""

        self.basic = "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Instance]:
    """A running pipeline whose Twilio is on loopback; its store of files is let in by name."""
    extra = {"EUNGDAPSO_NOW": MONDAY, "EUNGDAPSO_CLOCK": "frozen", "EUNGDAPSO_SMS_ACCOUNT_SID": SID}
    made = Instance(tmp_path_factory.mktemp("city"), extra)
    text = made.config.read_text(encoding="utf-8")
    text = text.replace("[connectors.sms]", f'[connectors.sms]\napi_url = "{provider.url}"')
    text = text.replace(str(CONFIG), str(with_boundaries(made.folder / "city")))
    tables = f'\n[replies]\nfirst_seconds = 0.2\n[security]\nallow_hosts = ["localhost:{provider.port}"]\n'
    made.config.write_text(text + tables, encoding="utf-8")
    made.start()
    yield made
    made.stop()


def with_boundaries(folder: Path) -> Path:
    """Copies the city's files and draws its districts, so that coordinates decide."""
    shutil.copytree(CONFIG, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    features = [
        {
            "type": "Feature",
            "properties": {"name": one.name},
            "geometry": {"type": "Polygon", "coordinates": [square(one.lon, one.lat)]},
        }
        for one in load_city(CONFIG).districts
    ]
    shapes = {"type": "FeatureCollection", "features": features}
    (folder / "boundaries.geojson").write_text(json.dumps(shapes), encoding="utf-8")
    table = folder / "districts.toml"
    table.write_text('boundaries = "boundaries.geojson"\n' + table.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def square(lon: float, lat: float) -> list[list[float]]:
    corners = [(-HALF, -HALF), (HALF, -HALF), (HALF, HALF), (-HALF, HALF), (-HALF, -HALF)]
    return [[lon + x, lat + y] for x, y in corners]


def mms(instance: Instance, text: str, *urls: str, sender: str) -> int:
    """Sends a picture message as Twilio does, signed."""
    fields = {"MessageSid": "MM" + uuid4().hex, "From": sender, "To": "+8225550120", "Body": text}
    fields["NumMedia"] = str(len(urls))
    for place, url in enumerate(urls):
        fields |= {f"MediaUrl{place}": url, f"MediaContentType{place}": "image/jpeg"}
    address = f"{instance.base}/hooks/sms"
    signed = address + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), "sha1")).decode()
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return post(address, urllib.parse.urlencode(fields).encode(), headers)


def case(instance: Instance, *words: str) -> Any:
    return json.loads(asked(instance, "case", *words, "--json").stdout)


def listed(instance: Instance, number: str) -> list[dict[str, Any]]:
    return list(case(instance, "attachment", number))


def test_pictures_come_and_one_says_where(city: Instance, provider: Provider, tmp_path: Path) -> None:
    """The picture lies with us, the program does not; the token went to the provider alone; and the case, which awaited
    its place, is in the district where the picture was taken."""
    media = f"{provider.url}/2010-04-01/Accounts/{SID}/Messages/MM0/Media"
    inside = f"http://127.0.0.1:{city.http}/metrics"
    assert 200 == mms(city, PLACELESS, f"{media}/ME0", f"{media}/ME1", inside, sender="+821012345678")
    city.drain()
    number = until(lambda: case(city, "list"))[0]["number"]
    until(lambda: {"not fetched yet"} & {row["state"] for row in listed(city, number)} == set())
    rows = listed(city, number)
    out = tmp_path / "photo.jpg"
    asked(city, "case", "attachment", number, "1", "--out", str(out))
    refused = asked(city, "case", "attachment", number, "2", "--out", str(tmp_path / "b"))
    until(lambda: case(city, "show", number)["queue"] == "mapo")

    assert ["fetched", "refused", "refused"] == [row["state"] for row in rows[:3]]
    assert (provider.photo, len(provider.photo), ["mapo"]) == (out.read_bytes(), rows[0]["bytes"], rows[0]["districts"])
    assert (1, True) == (refused.exit_code, "it is a program" in refused.stderr)
    assert {None} == {secret for path, secret in provider.media if path.startswith("/store/")}
    assert {provider.basic} == {secret for path, secret in provider.media if "/Accounts/" in path}
    assert 2 == len([sent for sent in provider.sent if sent["To"] == "+821012345678"])
    assert 1 == len(case(city, "list"))


def test_a_photograph_in_a_mail_says_where(city: Instance, provider: Provider) -> None:
    """What came within the mail is looked into without being fetched; its case goes on in the same way."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "kim@mail.example", "minwon@eungdapso.example", "무단투기"
    made["Message-ID"] = "<photograph@mail.example>"
    made.set_content(PLACELESS)
    made.add_attachment(provider.photo, maintype="image", subtype="jpeg", filename="골목.jpg")
    with smtplib.SMTP("127.0.0.1", city.smtp, timeout=120) as client:
        client.send_message(made)
    number = until(lambda: delivered(city, "email", "kim@mail.example"))[0]["case"]
    until(lambda: case(city, "show", number)["queue"] == "mapo")
    (row,) = [row for row in listed(city, number) if row["location"]]

    assert ("kept", "raw:2", ["mapo"]) == (row["state"], row["place"], row["districts"])
