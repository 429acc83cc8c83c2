"""Which engines hold the stream, the cases and the index: files under var/, or servers that others run."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from msgspec.structs import asdict

from core.errors import ConfigError
from core.settings import Secret
from pipeline.settings import PipelineSettings
from sinks._objects import Files, Store
from sinks.search import Reader, Search
from streams.base import Stream
from streams.embedded import Embedded

if TYPE_CHECKING:
    from sinks.elastic import Elastic, Server
    from streams._cluster import Access
    from streams._topics import Shape

EMBEDDED = "embedded"
# What every S3-compatible store takes for a bucket, and what no object's name chokes on.
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[a-z0-9_-][a-z0-9._-]*)*/?")
_BEGINNINGS = {"stream": "kafka://", "cases": "postgresql://", "search": ("elasticsearch://", "elasticsearchs://")}


def mistakes(settings: PipelineSettings, file: str) -> list[str]:
    """Returns what is wrong with the engines' addresses."""
    found = []
    for name, beginning in _BEGINNINGS.items():
        value = getattr(settings, name)
        if value == EMBEDDED:
            continue
        if not value.startswith(beginning):
            first = beginning if isinstance(beginning, str) else beginning[0]
            found.append(f'{file}: {name}: \'{value}\' is no engine. Write "{EMBEDDED}" or "{first}host:port"')
        elif ":" in value.partition("://")[2].rpartition("@")[0] or "password=" in value:
            found.append(f"{file}: {name}: a password never stands in a file. Name it in the engine's table: password")
    if settings.objects != EMBEDDED and not _S3.fullmatch(settings.objects):
        found.append(
            f"{file}: objects: '{settings.objects}' is no place for objects. Write \"{EMBEDDED}\" or "
            '"s3://bucket/prefix", in small letters, and everything else in [s3]'
        )
    return found


def notes(settings: PipelineSettings) -> list[str]:
    """Returns what an operator should know about engines that do not grow alike."""
    own = [f'{name} = "{EMBEDDED}"' for name in ("cases", "search", "objects") if getattr(settings, name) == EMBEDDED]
    if settings.stream == EMBEDDED or not own:
        return []
    return [f"{', '.join(own)}: run the roles sinks and web on one machine only, once each"]


@dataclass(frozen=True, kw_only=True)
class Engines:
    """Makes the engines; connects to none. Names of files in the settings are relative to `home`."""

    settings: PipelineSettings
    home: Path
    var: Path
    environment: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]

    @property
    def is_shared(self) -> bool:
        """Whether several machines may work on the same stream."""
        return self.settings.stream != EMBEDDED

    def stream(self, *, tidies: bool) -> Stream:
        lag_limit = self.settings.limits.lag_limit
        if not self.is_shared:
            return Embedded(self.var / "log.sqlite", groups=self.groups, lag_limit=lag_limit, tidies=tidies)
        # Nobody who runs on one machine loads faust.
        from streams.kafka import Kafka

        return Kafka(self.access(), groups=self.groups, lag_limit=lag_limit, shape=self.shape())

    async def create_topics(self) -> list[str]:
        """Creates the topics that are missing in Kafka; returns their names."""
        if not self.is_shared:
            raise ConfigError('stream = "embedded" needs no topics. They are for stream = "kafka://host:port"')
        from streams._topics import create_topics

        return await create_topics(self.access(), list(self.groups), **asdict(self.shape()))

    async def topics_lack(self) -> list[str]:
        """Returns what the topics that are there lack of what [kafka] says, a line each."""
        from streams._topics import differences

        return await differences(self.access(), list(self.groups), self.shape())

    def shape(self) -> "Shape":
        """Returns what the topics in Kafka should be like."""
        from streams._topics import Shape

        table = self.settings.kafka
        return Shape(
            partitions=table.partitions,
            replication=table.replication,
            in_sync=table.in_sync,
            keep_days=table.keep_days,
        )

    def cases_url(self) -> str:
        """Returns where the case store lies, with its password."""
        url = self.settings.cases
        if url == EMBEDDED:
            return f"sqlite:///{self.var / 'cases.sqlite'}"
        table = self.settings.postgresql
        if ca_file := self._file("postgresql.ca_file", table.ca_file):
            more = urlencode({"sslmode": "verify-full", "sslrootcert": str(ca_file)})
            url += ("&" if "?" in url else "?") + more
        password = self._needed("postgresql.password", table.password)
        user, at, rest = url.removeprefix("postgresql://").rpartition("@")
        if not password or not at:
            return url
        return f"postgresql://{user}:{quote(password, safe='')}@{rest}"

    def search(self) -> "Search | Elastic":
        """Returns the sink that writes the index."""
        if self.settings.search == EMBEDDED:
            return Search(self.var / "search")
        from sinks.elastic import Elastic

        return Elastic(self.server(), index=self.settings.elasticsearch.index)

    def find(self) -> "Find":
        """Returns what looks words up in the index; whoever asked for it closes it."""
        if self.settings.search == EMBEDDED:
            return Find(Reader(self.var / "search").find, _nothing)
        from sinks.elastic import Reader as ElasticReader

        reader = ElasticReader(self.server(), index=self.settings.elasticsearch.index)
        return Find(reader.find, reader.close)

    @property
    def has_bucket(self) -> bool:
        """Whether attachments and payloads lie in a store that several machines share."""
        return self.settings.objects != EMBEDDED

    def objects(self) -> Store:
        """Returns where objects are kept; raises `ConfigError` when a secret that is named is not set."""
        if not self.has_bucket:
            return Files(self.var / "objects")
        # Nobody who runs on one machine loads the client.
        from sinks._objects_s3 import S3, Bucket

        table = self.settings.s3
        bucket, _, prefix = self.settings.objects.removeprefix("s3://").rstrip("/").partition("/")
        return S3(
            Bucket(
                bucket=bucket,
                prefix=prefix,
                endpoint=table.endpoint,
                region=table.region,
                access_key=self._needed("s3.access_key", table.access_key),
                secret_key=self._needed("s3.secret_key", table.secret_key),
                ca_file=self._file("s3.ca_file", table.ca_file),
                timeout_seconds=table.timeout_seconds,
            )
        )

    def access(self) -> "Access":
        """Returns how the cluster is reached."""
        from streams._cluster import Access

        table = self.settings.kafka
        return Access(
            url=self.settings.stream,
            prefix=table.prefix,
            username=table.username,
            password=self._needed("kafka.password", table.password),
            mechanism=table.mechanism,
            ca_file=str(self._file("kafka.ca_file", table.ca_file) or ""),
            tls=table.tls,
        )

    def server(self) -> "Server":
        """Returns how Elasticsearch is reached."""
        from sinks.elastic import Server

        table = self.settings.elasticsearch
        scheme, _, rest = self.settings.search.partition("://")
        plain = "https" if scheme == "elasticsearchs" else "http"
        return Server(
            url=",".join(f"{plain}://{node}" for node in rest.rstrip("/").split(",")),
            api_key=self._needed("elasticsearch.api_key", table.api_key),
            user=table.username,
            password=self._needed("elasticsearch.password", table.password),
            ca_file=self._file("elasticsearch.ca_file", table.ca_file),
        )

    def _file(self, setting: str, name: str) -> Path | None:
        file = self.home / name if name else None
        if file is not None and not file.is_file():
            raise ConfigError(f"{setting}: there is no file {file}. Name the PEM file with who signed the server")
        return file

    def _needed(self, setting: str, reference: Secret | None) -> str:
        value = self._secret(reference)
        if reference is not None and not value:
            raise ConfigError(
                f"{setting}: {reference.env} is not set in the environment. Set it, or leave the setting out"
            )
        return value

    def _secret(self, reference: Secret | None) -> str:
        return reference.value(self.environment) if reference is not None else ""


@dataclass(frozen=True)
class Find:
    """Words and how many: the ids of the messages that have them. `close` lets go of connections."""

    _find: Callable[..., list[Any]]
    close: Callable[[], None]

    def __call__(self, words: str, limit: int) -> list[str]:
        # Queues change after a message was indexed; who may see a hit is asked of the case store.
        return [hit.message_id for hit in self._find(words, queues=None, confidential=True, limit=limit)]


def _nothing() -> None:
    """An index in files holds nothing open that wants closing."""
