"""Names that must be known somewhere: each unknown one with its line and the name that is probably meant."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from config.near import nearest
from config.tables import Entry, Tables


class Known:
    """Tells what is not known. `called` are other names of what is."""

    def __init__(self, called: Mapping[str, str]) -> None:
        self._called = called

    def one(self, entry: Entry[Any], field: str, name: str, known: Sequence[str], what: str) -> Iterator[str]:
        """Yields a sentence when the field names something that is not known; "" names nothing."""
        if name and name not in known:
            yield self._sentence(entry.at(field), field, name, known, what)

    def all(
        self, entry: Entry[Any], steps: tuple[str, ...], names: Iterable[str], known: Sequence[str], what: str
    ) -> Iterator[str]:
        """Yields a sentence for each of the names in that list that is not known."""
        for place, name in enumerate(names):
            if name not in known:
                yield self._sentence(entry.at(*steps, place), ".".join(steps), name, known, what)

    def patterns(
        self, entry: Entry[Any], steps: tuple[str, ...], names: Iterable[str], known: Sequence[str], what: str
    ) -> Iterator[str]:
        """The same for names that may end in `*`: one such has to fit something."""
        for place, name in enumerate(names):
            if not any(fnmatchcase(one, name) for one in known):
                yield self._sentence(entry.at(*steps, place), ".".join(steps), name, known, what)

    def _sentence(self, at: str, field: str, name: str, known: Sequence[str], what: str) -> str:
        return f'{at}: {field} "{name}" is no {what}.{nearest(name, known, called=self._called)}'


def units_of(tables: Tables) -> list[str]:
    """Returns the units that any district has."""
    return list(dict.fromkeys(unit for entry in tables.districts for unit in entry.item.units))


def is_address(account: str) -> bool:
    """Whether an account is called by a mail address or a telephone number: these stand in no table."""
    return "@" in account or account.lstrip("+").replace("-", "").isdigit()
