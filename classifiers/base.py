"""What every classifier promises: pure, deterministic, in order, and a reason with every finding."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from config.schema import City
from core.decision import Finding
from core.message import Message


class Kept(Protocol):
    """A place for what follows from the city's tables alone, from one start to the next. It may be empty any time."""

    def read(self, what: str) -> bytes | None: ...

    def write(self, what: str, data: bytes) -> None: ...


class Classifier(ABC):
    """Answers one question about messages. Findings carry the module's name, best first.

    Built from the city's tables; building may take seconds, but reads no file of ours (models that a package
    ships are loaded here).
    """

    @abstractmethod
    def __init__(self, city: City) -> None: ...

    def warm(self) -> None:  # noqa: B027  # most have nothing that waits
        """Loads now what would else be loaded with the first message that needs it."""

    def keep(self, kept: Kept) -> None:  # noqa: B027  # most are built in no time
        """Takes a place where what is slow to find may lie, so that the next start is faster; never for messages."""

    def use(self, model: bytes, *, where: str) -> None:  # noqa: B027  # most learn nothing
        """Takes what `eungdapso train` made for it; raises `ConfigError` when that cannot be read."""

    @abstractmethod
    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        """Returns for each message, in order, what was found: best first, () when nothing."""
