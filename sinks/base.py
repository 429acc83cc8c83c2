"""What every sink promises: writing the same records again changes nothing; one bad record harms nobody."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

R = TypeVar("R")


class Sink(ABC, Generic[R]):
    """A destination that takes records of one kind from one topic.

    The consumer group is the module's name unless it says another. Constructing connects to nothing; `setup` does.
    """

    topic: ClassVar[str] = "routed"
    group: ClassVar[str]
    takes: type[R]
    # How many records it likes to be given at once.
    most: ClassVar[int] = 256

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "group" not in vars(cls):
            cls.group = cls.__module__.rpartition(".")[2]

    @abstractmethod
    async def setup(self) -> None:
        """Connects and recovers what a kill left behind. Raises `Unavailable` when that cannot be now."""

    @abstractmethod
    async def write(self, records: Sequence[R]) -> Mapping[int, str]:
        """Makes the records durable; returns for each one that can never be written its place and the reason.

        Raises `Unavailable` when nothing of the batch can be written now: the same batch then comes again.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finishes what was begun; may be called twice, and before `setup`."""
