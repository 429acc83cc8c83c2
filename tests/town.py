"""A city with every provider on loopback: one running instance for whatever is sent there and comes back."""

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.instance import Instance, free_port
from tests import facebook_provider, imap_server, kakao_server, line_server, telegram_server
from tests.facebook_provider import FakeGraph
from tests.imap_server import MailServer
from tests.kakao_server import Kakao
from tests.line_server import Platform
from tests.mail_relay import Relay, certified
from tests.telegram_server import BotApi
from tests.text_gateways import Gateways

ACCOUNT_SID = "AC" + "1" * 32
GATEWAY_SECRET = "the-key-of-a-gateway-that-is-none"
WEBHOOK_KEY = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tr"
CHAT_SECRET = "a secret of nobody"
ASKED_TOKEN = "7000000002:AAExampleExampleExampleExampleExample1"
CENTRE_KEY = "a-key-of-the-call-centre"
OFFICE_PASSWORD = "correct horse"
OFFICE_ADDRESS = "gangnam@eungdapso.example"
ENVIRONMENT = {
    "EUNGDAPSO_NOW": "2026-11-23T10:00:00",
    "EUNGDAPSO_CLOCK": "frozen",
    "EUNGDAPSO_SMS_ACCOUNT_SID": ACCOUNT_SID,
    "EUNGDAPSO_DOMESTIC_SECRET": GATEWAY_SECRET,
    "EUNGDAPSO_DOMESTIC_KEY": "theKey",
    "EUNGDAPSO_WEBHOOK_SECRET": WEBHOOK_KEY,
    "EUNGDAPSO_CHAT_SECRET": CHAT_SECRET,
    "EUNGDAPSO_LINE_SECRET": line_server.SECRET,
    "EUNGDAPSO_LINE_TOKEN": line_server.TOKEN,
    "EUNGDAPSO_KAKAO_SECRET": kakao_server.SECRET,
    "EUNGDAPSO_KAKAO_ALIMTALK_TOKEN": kakao_server.DEALER_TOKEN,
    "EUNGDAPSO_TELEGRAM_TOKEN": telegram_server.TOKEN,
    "EUNGDAPSO_TELEGRAM_SECRET_TOKEN": telegram_server.SECRET,
    "EUNGDAPSO_ASKED_TOKEN": ASKED_TOKEN,
    "EUNGDAPSO_PHONE_KEY": CENTRE_KEY,
    "EUNGDAPSO_EMAIL_PASSWORD_GANGNAM": OFFICE_PASSWORD,
    "EUNGDAPSO_OFFICE_PASSWORD": imap_server.PASSWORD,
    **facebook_provider.SECRETS,
}
# In place of what the shipped file says of these channels.
TABLES = """
[connectors.sms]
api_url = "{gateways}"
from_number = "+8225550120"
timeout_seconds = 3

[connectors.domestic]
type = "sms_domestic"
api_url = "{gateways}"
find_path = "/v1/messages/{reference}"
picture_path = "/v1/files"
timeout_seconds = 3
codes = { 1000 = "taken", 4100 = "delivered", 6600 = "delivered", 4410 = "number" }

[connectors.webhook]
reply_url = "{gateways}/replies"
timeout_seconds = 2

[connectors.chat]
type = "webhook"
reply_url = "{gateways}/replies"
timeout_seconds = 2
challenge = "challenge"
only = { type = "event_callback", "event.type" = "message" }
unless = ["event.bot_id"]

[connectors.chat.signature]
header = "X-Chat-Signature"
prefix = "v0="
content = "v0:{timestamp}:{body}"
timestamp_header = "X-Chat-Request-Timestamp"

[connectors.chat.fields]
id = "event_id"
text = "event.text"
author = "event.user"
conversation = "event.channel"
sent_at = "event_time"

[connectors.line]
api_url = "{line}"
timeout_seconds = 2

[connectors.kakao]
api_url = "{kakao}"
timeout_seconds = 2
phone_param = "phone"
later = "alimtalk"

[connectors.kakao.alimtalk]
api_url = "{kakao}/messages"

[connectors.telegram]
api_url = "{telegram}"
timeout_seconds = 2

[connectors.asked]
type = "telegram"
mode = "poll"
api_url = "{telegram}"
timeout_seconds = 2
poll_seconds = 1

[connectors.facebook]
api_url = "{facebook}"
timeout_seconds = 2
accounts.Seoul_eungdapso.id = "{page}"
accounts."mayor.page".id = "{mayor}"

[connectors.email]
addresses = ["minwon@eungdapso.example"]
host = "127.0.0.1"
port = {smtp}
certificate = "{certificate}"

[connectors.email.relay]
host = "127.0.0.1"
port = {relay}
timeout_seconds = 3

[connectors.email.submission]
port = {submission}
offices = ["gangnam"]

[connectors.local]
type = "email"
protocol = "lmtp"
port = {lmtp}
addresses = ["one@eungdapso.example", "two@eungdapso.example"]

[connectors.office]
type = "imap"
host = "127.0.0.1"
port = {imap}
encryption = "none"
username = "{imap_user}"
addresses = ["{office_address}"]
begin_days = 36500
poll_seconds = 0.5
timeout_seconds = 2

[connectors.office.relay]
host = "127.0.0.1"
port = {relay}

[replies]
first_seconds = 0.2
"""


# Of an instance whose letters go to files.
PAPER_WEBHOOK_SECRET = b"0123456789abcdef0123456789abcdef"
OPEN311_KEY = "a-key-for-the-round"
PAPER = {
    "EUNGDAPSO_NOW": "2026-11-23T10:00:00",
    "EUNGDAPSO_CLOCK": "frozen",
    "EUNGDAPSO_WEBHOOK_SECRET": "whsec_" + b64encode(PAPER_WEBHOOK_SECRET).decode(),
    "EUNGDAPSO_OPEN311_KEY": OPEN311_KEY,
}


@dataclass
class Town:
    """The instance, and those who bring it messages and take its letters."""

    instance: Instance
    gateways: Gateways = field(default_factory=Gateways)
    line: Platform = field(default_factory=Platform)
    kakao: Kakao = field(default_factory=Kakao)
    telegram: BotApi = field(default_factory=lambda: BotApi(telegram_server.TOKEN, ASKED_TOKEN))
    facebook: FakeGraph = field(default_factory=FakeGraph)
    mailbox: MailServer = field(default_factory=MailServer)
    relay: Relay = field(default_factory=Relay)
    submission: int = field(default_factory=free_port)
    lmtp: int = field(default_factory=free_port)

    @property
    def tables(self) -> str:
        named = {
            **{name: getattr(self, name).url for name in ("gateways", "line", "kakao", "telegram", "facebook")},
            **{name: getattr(self, name) for name in ("submission", "lmtp")},
            "page": facebook_provider.PAGE,
            "mayor": facebook_provider.MAYOR,
            "smtp": self.instance.smtp,
            "certificate": certified(self.instance.folder),
            "relay": self.relay.port,
            "imap": self.mailbox.port,
            "imap_user": imap_server.USER,
            "office_address": OFFICE_ADDRESS,
        }
        # Other braces stand there for themselves.
        return re.sub(r"\{(\w+)\}", lambda found: str(named.get(found[1], found[0])), TABLES)

    def write(self) -> None:
        """Puts the tables in place of the shipped ones."""
        text = self.instance.config.read_text(encoding="utf-8")
        for name in set(re.findall(r"(?m)^\[connectors\.(\w+)\]", self.tables)):
            text = re.sub(rf"(?m)^\[connectors\.{name}\].*\n(?:[^\[\n].*\n)*", "", text)
        self.instance.config.write_text(text + self.tables, encoding="utf-8")


@contextmanager
def running(folder: Path) -> Iterator[Town]:
    with ExitStack() as stack:
        town = Town(Instance(folder, ENVIRONMENT))
        for provider in (town.gateways, town.line, town.kakao, town.telegram, town.facebook, town.mailbox):
            stack.enter_context(provider.in_thread())
        town.relay.start()
        stack.callback(town.relay.stop)
        town.write()
        town.instance.start()
        stack.callback(town.instance.stop)
        box, base = town.telegram.boxes[telegram_server.TOKEN], town.instance.base
        box.webhook, box.secret = f"{base}/hooks/telegram", telegram_server.SECRET
        town.facebook.hook = f"{base}/hooks/facebook"
        yield town


@contextmanager
def on_paper(folder: Path) -> Iterator[Instance]:
    """An instance as it is shipped, on a Monday morning: whatever it answers lies in files."""
    instance = Instance(folder, PAPER)
    instance.start()
    try:
        yield instance
    finally:
        instance.stop()
