"""An Elasticsearch server: how it is reached, and what becomes of everything that it may answer."""

import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from elastic_transport import ConnectionTimeout, SerializationError, TransportError
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError

from core.errors import Unavailable

_LONGEST_REASON = 300
_USUAL_PORT = 9200
_WHO_ARE_YOU = (401, 403)
BLOCKED = "cluster_block_exception"
# What the engine does to its indexes when a disk is nearly full, and takes back when there is room again.
_NEARLY_FULL = "read-only-allow-delete"

A = TypeVar("A")


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where the engine is, and who asks. `url` may name several nodes of it, with commas between them."""

    url: str
    api_key: str = ""
    user: str = ""
    password: str = ""
    # The certificate of the authority that signed the server's, where that is none of the public ones.
    ca_file: Path | None = None
    find_timeout_seconds: float = 2.0
    write_timeout_seconds: float = 30.0

    @property
    def nodes(self) -> list[str]:
        return [node.strip() for node in self.url.split(",")]

    @property
    def name(self) -> str:
        """What errors call it: hosts and ports alone, for a URL may hold a password."""
        return ", ".join(node.rpartition("//")[2].rpartition("@")[2] for node in self.nodes)

    def __repr__(self) -> str:
        return f"Server({self.name})"


class Connection:
    """A client that is made when it is first needed, for any thread, and made again after `close`."""

    def __init__(self, server: Server, *, timeout_seconds: float) -> None:
        self._server = server
        self.name = f"{server.name}: the search engine"
        self.timeout_seconds = timeout_seconds
        self._turn = threading.Lock()
        self._client: Elasticsearch | None = None

    @contextmanager
    def client(self) -> Iterator[Elasticsearch]:
        """Lends the client; whatever goes wrong with it meanwhile is `Unavailable`."""
        where = self.name
        try:
            with self._turn:
                self._client = self._client or self._made()
            yield self._client
        except UnsupportedProductError as error:
            raise Unavailable(f"{where} is not Elasticsearch. Check the address.") from error
        except ApiError as error:
            raise Unavailable(f"{where} {_answer(error)}") from error
        except ConnectionTimeout as error:
            raise Unavailable(f"{where} did not answer in time. It is tried again.") from error
        # The client puts the whole answer into its error.
        except (SerializationError, msgspec.ValidationError) as error:
            raise Unavailable(f"{where} answered what cannot be read. Check the address.") from error
        except TransportError as error:
            raise Unavailable(f"{where} cannot be reached: {shortened(error.message)}. It is tried again.") from error
        except (OSError, ValueError) as error:
            raise Unavailable(f"{where} cannot be used: {shortened(error)}. Check the address and ca_file.") from error

    def close(self) -> None:
        with self._turn:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _made(self) -> Elasticsearch:
        server = self._server
        nodes = server.nodes
        settings: dict[str, Any] = {}
        if server.api_key:
            settings["api_key"] = server.api_key
        elif server.user:
            # Encoded here: of names and passwords the client takes ASCII alone.
            settings["basic_auth"] = b64encode(f"{server.user}:{server.password}".encode()).decode()
        if server.ca_file is not None:
            settings["ssl_context"] = ssl.create_default_context(cafile=server.ca_file)
        # Waiting and trying again is the flow's; here only another node is tried when one cannot be reached.
        settings |= {"max_retries": len(nodes) - 1, "retry_on_status": (), "retry_on_timeout": False}
        return Elasticsearch([_with_port(node) for node in nodes], request_timeout=self.timeout_seconds, **settings)


def _with_port(node: str) -> str:
    parts = urlsplit(node)
    return node if parts.port else parts._replace(netloc=f"{parts.netloc}:{_USUAL_PORT}").geturl()


def read(body: object, kind: type[A]) -> A:
    """Returns an answer as what it has to be; `Connection.client` turns the error of another one."""
    return msgspec.convert(body, kind, strict=True)


def shortened(reason: object) -> str:
    """Returns why, on one line and without the content of a document, which Elasticsearch likes to quote."""
    return " ".join(str(reason).partition(" Preview of field's value")[0].split())[:_LONGEST_REASON]


def kind_of(error: ApiError) -> str:
    """Returns the engine's own name of what went wrong."""
    return shortened(error.message)


def blocked(reason: str) -> str:
    """Returns what it means that the engine writes nothing because of a block, and what to do."""
    if _NEARLY_FULL in reason:
        return (
            "takes nothing new: its disk is nearly full (flood-stage watermark). Make room there, or give it "
            "another node; it goes on by itself"
        )
    return f"takes nothing new because of a block ({shortened(reason)}). Lift it; it is tried again"


def _answer(error: ApiError) -> str:
    status = error.meta.status
    if kind_of(error) == BLOCKED:
        return blocked(str(error.body))
    if status in _WHO_ARE_YOU:
        return f"refused us ({status}). Check api_key, or user and password, and what they are allowed."
    return f"answered {status}: {kind_of(error)}. It is tried again."
