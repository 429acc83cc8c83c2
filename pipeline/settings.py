"""The shape of pipeline.toml: what runs, where, at which hours. A part's own table stands beside the part."""

from datetime import date, time
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from core.decision import Kind
from core.settings import SecretRef, Settings
from sinks._backoff import Backoff


class Web(Settings):
    """[web]"""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8120, ge=0, le=65535)
    """TCP port to listen on."""
    public_url: str = "http://127.0.0.1:8120"
    """How the world writes our address, without a slash at the end. Signatures cover it."""

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        return value.rstrip("/")


class Health(Settings):
    """[health]: where a role that runs alone and has no pages (router, sinks) answers /healthz, /readyz, /metrics."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int | None = Field(default=None, ge=0, le=65535)
    """TCP port to listen on; left out: none."""


class Hours(Settings):
    """[hours], all in Asia/Seoul."""

    opens: time = time(9)
    """When the city begins to work; periods of hours and deferred answers begin then."""
    closes: time = time(18)
    """A simple question received strictly before this is answered the same day."""
    lunch: tuple[time, time] | None = (time(12), time(13))
    """Not counted in periods of hours."""
    after_cutoff: Literal["acknowledge", "answer"] = "acknowledge"
    """What a simple question gets after closing: told that the answer comes at the next opening, or the answer."""
    days_off: dict[date, str] = {}
    """Days off besides Saturdays, Sundays and public holidays, with their names."""
    working_days: tuple[date, ...] = ()
    """Days that are worked although the calendar says otherwise."""


class Limits(Settings):
    """[limits]"""

    lag_limit: int = Field(default=20_000, ge=1)
    """Records that routing or the case store may be behind before intake says "try again"."""
    archive_keep_days: int = Field(default=1_095, ge=1)
    """Days that raw payloads and attachments are kept."""
    attachment_most_bytes: int = Field(default=25_000_000, ge=1, le=200_000_000)
    """Largest file, in bytes, that is fetched for a message that only names it."""
    attachments_most: int = Field(default=20, ge=0, le=200)
    """Most files of one message that are fetched; 0: none are, and staff see where they are."""
    attachment_types: tuple[str, ...] = (
        "image/",
        "audio/",
        "video/",
        "text/plain",
        "text/csv",
        "text/calendar",
        "text/vcard",
        "application/pdf",
        "application/rtf",
        "application/zip",
        "application/x-ole-storage",
        "application/x-hwp",
        "application/haansofthwp",
        "application/vnd.hancom.hwp",
        "application/vnd.hancom.hwpx",
    )
    """Media types of fetched files that are kept, or their beginnings ending in "/"; programs and pages never are."""
    case_words_keep_days: int | None = Field(default=None, ge=1, le=36_500)
    """Days after its end that a case keeps words, names and addresses; the record stays. Left out: for ever."""


class Security(Settings):
    """[security]"""

    key: SecretRef | None = None
    """64 hexadecimal digits that seal what rests on disk; left out: the file var/key."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts ("media.city.local" or "10.1.2.3:8080") from which files may be fetched although they lie inside a network,
    or at another port than 80, 443 and 8443."""


class Log(Settings):
    """[log]"""

    json_lines: bool = False
    """One JSON object a line instead of text for people."""


class Kafka(Settings):
    """[kafka], for stream = "kafka://host:port,host:port"."""

    prefix: str = Field(default="eungdapso.", pattern=r"^[a-zA-Z0-9._-]{0,100}$")
    """Begins the name of every topic and group, so that several installations share a cluster."""
    partitions: int = Field(default=24, ge=1, le=4096)
    """Partitions of each topic: so many processes of one role can work side by side."""
    replication: int = Field(default=3, ge=1)
    """Copies of each record."""
    in_sync: int = Field(default=2, ge=1)
    """Copies that must have a record before a citizen hears "received"."""
    keep_days: int = Field(default=7, ge=1)
    """Days that records stay after they were written, read or not: longer than any role may ever stand still."""
    username: str = ""
    """Who we are to the cluster (SASL); left out: nobody."""
    password: SecretRef | None = None
    """The password of that user."""
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the password is shown."""
    tls: bool = False
    """Whether connections are encrypted."""
    ca_file: str = ""
    """Certificates that are trusted instead of the system's, a PEM file, relative to this one; turns `tls` on."""


class PostgreSQL(Settings):
    """[postgresql], for cases = "postgresql://user@host:port/database"."""

    password: SecretRef | None = None
    """The password of the user in the address; left out: the server trusts us by other means."""
    ca_file: str = ""
    """Who signed the server's certificate, a PEM file, relative to this one; demands TLS and the address's name."""


class Elasticsearch(Settings):
    """[elasticsearch], for search = "elasticsearch://host:port" or "elasticsearchs://host:port" (with TLS)."""

    index: str = "eungdapso-messages"
    """Name (alias) of the index."""
    username: str = ""
    """Who we are to the cluster; left out: nobody, or whoever `api_key` says."""
    password: SecretRef | None = None
    """The password of that user."""
    api_key: SecretRef | None = None
    """A key instead of user and password."""
    ca_file: str = ""
    """Certificates that are trusted instead of the system's, a PEM file, relative to this one."""


class S3(Settings):
    """[s3], for objects = "s3://bucket/prefix"."""

    endpoint: str = ""
    """Address of the store: "https://minio.city.example:9000"; left out: Amazon's."""
    region: str = "us-east-1"
    """Region of the bucket; most stores of one's own do not mind."""
    access_key: SecretRef | None = None
    """Who we are to the store; left out, with `secret_key`: whoever this machine is to Amazon."""
    secret_key: SecretRef | None = None
    """The secret that belongs to the access key."""
    ca_file: str = ""
    """Certificates that are trusted besides the system's, a PEM file, relative to this one."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """Longest time for one request, which carries one attachment or one batch of payloads."""

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        if "@" in value:
            raise ValueError("a password never stands in a file; name it in access_key and secret_key")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _keys_come_together(self) -> "S3":
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("one of access_key and secret_key alone; name both, or neither")
        return self


class Broadcasts(Settings):
    """[broadcasts]: what goes to everybody at once, from many accounts side by side."""

    first_seconds: float = Field(default=3.0, gt=0)
    """Wait after the first failed try of an account; each further one is twice as long."""
    most_seconds: float = Field(default=60.0, gt=0)
    """The longest wait between two tries."""
    most_hours: float = Field(default=6.0, gt=0)
    """So long after the first try a person has to look."""
    try_seconds: float = Field(default=20.0, gt=0)
    """The longest that one try of one account may take; the others wait for none."""
    lead_seconds: float = Field(default=4.0, gt=0)
    """Where one account posts and the others repost: when it is not heard of for so long, the next one posts."""
    side_by_side: int = Field(default=64, ge=1)
    """How many accounts are being posted to at once."""


class PipelineSettings(Settings):
    """pipeline.toml"""

    city: str = "config"
    """Folder of the city's own files, relative to this file."""
    var: str = "var"
    """Folder for everything that is written, relative to this file; EUNGDAPSO_VAR moves it."""
    stream: str = "embedded"
    """Engine of the log between the stages: "embedded" (a file under var/) or "kafka://host:port,host:port"."""
    cases: str = "embedded"
    """Engine of the case store: "embedded" (a file under var/) or "postgresql://user@host:port/database"."""
    search: str = "embedded"
    """Engine of the search index: "embedded" (files under var/) or "elasticsearch://host:port"."""
    objects: str = "embedded"
    """Where attachments and raw payloads are kept: "embedded" (files under var/) or "s3://bucket/prefix"."""
    answer_precision: float = Field(default=0.98, ge=0.5, lt=1)
    """Of the answers that go out by themselves this part must be right; more of it answers less by itself."""
    web: Web = Web()
    health: Health = Health()
    hours: Hours = Hours()
    deadlines: dict[Kind, str] = {}
    """Kind to period: "7d" working days, "3h" working hours, "30 calendar days"."""
    limits: Limits = Limits()
    replies: Backoff = Backoff()
    broadcasts: Broadcasts = Broadcasts()
    security: Security = Security()
    log: Log = Log()
    kafka: Kafka = Kafka()
    postgresql: PostgreSQL = PostgreSQL()
    elasticsearch: Elasticsearch = Elasticsearch()
    s3: S3 = S3()
    connectors: dict[str, dict[str, Any]] = {}
    """One table a channel; checked by the channel's own Settings."""
