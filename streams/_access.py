"""How a Kafka cluster is reached, and what keeps us from it when it cannot be."""

import asyncio
import logging
import os
import ssl
from collections.abc import Awaitable
from typing import Any

import msgspec
from aiokafka import errors
from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest

from core.errors import ConfigError, Unavailable

_ASK_SECONDS = 5.0
_USUAL_PORT = 9092
# Of OpenSSL: X509_V_ERR_CERT_HAS_EXPIRED, …_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH.
_EXPIRED, _OTHER_NAME = (10,), (62, 64)


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How a cluster is reached: `url` is kafka://host:port,host:port; `prefix` begins all names there."""

    url: str
    prefix: str = "eungdapso."
    username: str = ""
    password: str = ""
    mechanism: str = "SCRAM-SHA-512"
    ca_file: str = ""
    tls: bool = False

    @property
    def servers(self) -> list[str]:
        return self.url.removeprefix("kafka://").rstrip("/").split(",")

    def name(self, topic: str) -> str:
        return self.prefix + topic

    def context(self) -> ssl.SSLContext | None:
        """Returns what TLS is spoken with; raises `ConfigError` when `ca_file` holds no certificates."""
        if not (self.tls or self.ca_file):
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:
            why = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigError(
                f"kafka.ca_file: {self.ca_file} cannot be used: {why}. Name a PEM file with who signed the brokers"
            ) from error

    def arguments(self) -> dict[str, Any]:
        """Returns what every client of aiokafka is made with."""
        # What they say at every attempt to connect we say once, with what now.
        for name in ("aiokafka", "faust", "mode"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        return self._secured() | {"bootstrap_servers": self.servers}

    def _secured(self) -> dict[str, Any]:
        context = self.context()
        protocol = ("SASL_" if self.username else "") + ("SSL" if context else "PLAINTEXT")
        plain = {"security_protocol": protocol, "ssl_context": context}
        if not self.username:
            return plain
        return plain | {
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    async def unavailable(self, error: Exception) -> Unavailable:
        """Returns what is to be said. The servers are asked once more: a client keeps to itself why it failed."""
        why = await self.cause() or str(error) or type(error).__name__
        return Unavailable(
            f"{self.url}: Kafka cannot be used now: {why.rstrip('.')}. It can be tried again at any time"
        )

    async def cause(self) -> str:
        """Returns why no server lets us in, "" when one does."""
        answers = await asyncio.gather(*map(self._ask, self.servers))
        if not all(answers):
            return ""
        whose: dict[str, list[str]] = {}
        for server, why in zip(self.servers, answers, strict=True):
            whose.setdefault(why, []).append(server)
        return "; ".join(f"{', '.join(servers)}: {why}" for why, servers in whose.items())

    async def _ask(self, server: str) -> str:
        host, _, port = server.rpartition(":") if ":" in server else (server, "", "")
        connection = None
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                connection = await create_conn(host.strip("[]"), int(port or _USUAL_PORT), **self._secured())
                # Only now a listener says that it wants to know who asks.
                await connection.send(MetadataRequest([]))
        except (errors.KafkaError, OSError, ValueError, ConfigError) as error:
            return self._meaning(error)
        finally:
            if connection is not None:
                connection.close()
        return ""

    def _meaning(self, error: Exception) -> str:
        match error:
            case ssl.SSLCertVerificationError():
                return f"its certificate is refused: {error.verify_message.rstrip('.')}. {_advice(error.verify_code)}"
            case errors.SaslAuthenticationFailed():
                return f"user '{self.username}' or the password is refused. Check username and password in [kafka]"
            case errors.UnsupportedSaslMechanismError():
                return f"{self.mechanism} is not offered. Check mechanism in [kafka]"
            case errors.IllegalSaslStateError():
                return "this port asks for no user. Check the port, or leave username out of [kafka]"
            case TimeoutError() | errors.RequestTimedOutError():
                return "no answer. Check address and port"
            case ssl.SSLError() | ConnectionResetError() | errors.KafkaConnectionError():
                return self._hung_up()
            case OSError():
                # The loop says whom it called, which is known; a name that nobody knows has a number below zero.
                why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
                return f"it cannot be reached: {why or error}"
        return str(error) or type(error).__name__

    def _hung_up(self) -> str:
        if self.context() is not None:
            return "it ends the connection. Check that this port speaks TLS, or leave tls and ca_file out of [kafka]"
        return (
            "it ends the connection. Check whether this port wants TLS (tls, ca_file) or a user (username) in [kafka]"
        )

    def __repr__(self) -> str:
        return f"Access({self.url})"


async def ended(stopping: Awaitable[None]) -> None:
    """Waits until a client has stopped. One that lost its cluster may end with whatever its tasks met, even as if it
    had been cancelled; whoever closes has more to close."""
    await asyncio.gather(stopping, return_exceptions=True)


def _advice(code: int) -> str:
    if code in _EXPIRED:
        return "Renew it"
    if code in _OTHER_NAME:
        return "Write in stream the name that it was made for"
    return "Name in [kafka] ca_file who signed it"
