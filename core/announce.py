"""What the city tells everybody: one post of one of its accounts, and who takes it to the platform."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime

import msgspec

from core.errors import Rejected, Uncertain
from core.reply import Receipt


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One post of one account: the same `id` for every try. Nothing of it went out before `since`, by the machine's
    clock. `of` is the platform's id of another account's post, which is spread instead of words of our own."""

    id: str
    account: str
    text: str
    since: datetime
    of: str = ""


class Announcer(ABC):
    """Posts for everybody who follows an account of the city on one platform. Constructing connects to nothing.

    `reposts`: the platform forbids the same words from several accounts, so one posts and the others repost that.
    `is_repeatable`: posting again under the same id leaves the followers with one post.
    `takes_back`: False where nothing that was posted can ever be deleted.
    """

    reposts: bool = False
    is_repeatable: bool = False
    takes_back: bool = True

    @property
    @abstractmethod
    def is_live(self) -> bool:
        """Whether the way out is set up; if not, posts are written to files."""

    @abstractmethod
    def problem(self, account: str) -> str:
        """Returns why this account cannot post, "" when nothing speaks against it; asks nobody."""

    @abstractmethod
    def fitted(self, text: str) -> str:
        """Returns the text if the platform takes it whole, else the shortened form that would go."""

    def prepare(self) -> None:  # noqa: B027  # most have nothing to prepare
        """Does beforehand what takes a while, so that no post waits for it; called in a thread, asks nobody."""

    @abstractmethod
    async def post(self, what: Announcement) -> Receipt:
        """Raises `Rejected` (never works), `Unavailable` (nothing went out, try later) or `Uncertain`."""

    async def repost(self, what: Announcement) -> Receipt:
        """Spreads the post `what.of`; done twice it stands there once. Errors as of `post`."""
        raise Rejected("this platform has no reposts")

    @abstractmethod
    async def delete(self, what: Announcement, provider_id: str) -> None:
        """Takes a post back, or a repost when `what.of` is set; what is gone already is no mistake. Errors as of
        `post`."""

    async def find(self, what: Announcement) -> Receipt | None:
        """Returns the proof that this post went out before, None when it surely did not; raises `Uncertain` when
        nobody can tell, `Unavailable` when nobody can be asked now."""
        raise Uncertain("this platform cannot be asked what became of a post")

    async def close(self) -> None:  # noqa: B027  # most hold nothing open
        """Lets go of connections."""


class Rules(Announcer):
    """A platform whose way out is not set up: its measures are known, so that a draft shows what would go out."""

    is_live = False

    def __init__(self, fitted: Callable[[str], str], *, reposts: bool = False) -> None:
        self.reposts = reposts
        self._fitted = fitted

    def problem(self, account: str) -> str:
        return ""

    def fitted(self, text: str) -> str:
        return self._fitted(text)

    async def post(self, what: Announcement) -> Receipt:
        raise Rejected("the way out is not set up")

    async def delete(self, what: Announcement, provider_id: str) -> None:
        raise Rejected("the way out is not set up")
