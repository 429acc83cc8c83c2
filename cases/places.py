"""How far each channel that is asked has got; one process at a time asks. Used from threads."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select, update

from cases.means import Means
from cases.schema import places
from core.errors import Unavailable


class Places:
    """A turn is a lease by the machine's clock: whoever has it may ask until it ends, and then somebody else may.

    Two that ask at once, because one was paused beyond its turn, are harmless: messages are known by their ids, and a
    place is kept only by who has the turn.

    Who was killed had a turn that lasts on. `settle` names what only one process at a time can have, such as the lock
    of a folder: whoever had a turn from there before is surely gone, and its turn is taken at once.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database
        self._home = ""
        self._holder = means.new_id()

    def settle(self, home: str) -> None:
        """Asks from here from now on; only for who holds what the name stands for, for as long as it asks."""
        self._home, self._holder = home, f"{home}/{self._means.new_id()}"

    def take(self, name: str, seconds: float) -> str | None:
        """Returns the place when it is our turn, for so long; None while it is another's."""
        now = self._means.machine()
        with self._database.write() as connection:
            self._database.insert_new(connection, places, name=name)
            row = connection.execute(select(places).where(places.c.name == name).with_for_update()).one()
            is_others = row.holder != self._holder and not self._is_gone(row.holder)
            if is_others and row.held_until is not None and row.held_until > now:
                return None
            held = {"holder": self._holder, "held_until": now + timedelta(seconds=seconds)}
            connection.execute(update(places).where(places.c.name == name).values(**held))
            return str(row.place)

    def keep(self, name: str, place: str) -> None:
        """Writes down how far it has got; raises `Unavailable` when the turn is another's by now."""
        ours = (places.c.name == name) & (places.c.holder == self._holder)
        with self._database.write() as connection:
            if connection.execute(update(places).where(ours).values(place=place)).rowcount == 0:
                raise Unavailable(f"another process asks for {name} by now")

    def note(self, name: str, value: str) -> None:
        """Writes down something small that every process may read, whosever turn it is."""
        with self._database.write() as connection:
            self._database.insert_new(connection, places, name=name)
            connection.execute(update(places).where(places.c.name == name).values(place=value))

    def noted(self, name: str) -> str:
        """Returns what was written down, "" when nothing was."""
        with self._database.read() as connection:
            return connection.execute(select(places.c.place).where(places.c.name == name)).scalar() or ""

    def leave(self, name: str) -> None:
        """Gives the turn up, so that another process need not wait for its end."""
        ours = (places.c.name == name) & (places.c.holder == self._holder)
        with self._database.write() as connection:
            connection.execute(update(places).where(ours).values(holder="", held_until=None))

    def _is_gone(self, holder: str) -> bool:
        return bool(self._home) and holder.startswith(f"{self._home}/")

    def change(self, name: str, how: Callable[[str], str]) -> str:
        """Replaces what is written down under a name by what `how` makes of it; nobody comes in between."""
        with self._database.write() as connection:
            self._database.insert_new(connection, places, name=name)
            row = connection.execute(select(places).where(places.c.name == name).with_for_update()).one()
            text = how(str(row.place))
            connection.execute(update(places).where(places.c.name == name).values(place=text))
            return text
