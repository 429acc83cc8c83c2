"""How far the groups are behind, as far as one process knows without asking again."""

from collections.abc import Collection, Mapping, Sequence


class Backlog:
    """`lags` of the last look, and what this process took in since; `limit` holds for the groups in `holding`."""

    def __init__(self, first: Sequence[str], *, holding: Collection[str], limit: int) -> None:
        self.lags: Mapping[str, int] = {}
        self._first = first
        self._holding = holding
        self._limit = limit
        self._taken = 0

    def look(self, lags: Mapping[str, int]) -> None:
        self.lags, self._taken = lags, 0

    def take(self, count: int) -> None:
        """So many records came in for the groups that read first."""
        self._taken += count

    def over(self) -> str:
        """Returns a group that is too far behind, "" when none is."""
        held = ((group, lag) for group, lag in self.lags.items() if group in self._holding)
        return next((group for group, lag in held if lag + self._since(group) > self._limit), "")

    def _since(self, group: str) -> int:
        return self._taken if group in self._first else 0
