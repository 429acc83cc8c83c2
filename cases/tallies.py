"""How many cases are in each state, kept instead of counted: among millions a count takes seconds.

Each transaction adds what it changed as rows of its own, so that writers wait for nobody and a kill takes its rows
with it; the total is the sum. Now and then the sum of some rows takes their place.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from cases.database import Database, anew

_FOLD_EVERY = 64
_MOST_FOLDED = 1000
_ADDED = "INSERT INTO tallies (state, cases) VALUES {rows} RETURNING id"
_SOME = "SELECT id, state, cases FROM tallies ORDER BY id LIMIT {place}"
_TOTALS = "SELECT state, CAST(sum(cases) AS BIGINT) AS cases FROM tallies GROUP BY state HAVING sum(cases) <> 0"


def add(database: Database, connection: Connection, changes: Mapping[str, int]) -> None:
    """Adds what this transaction changed."""
    ids = _added(database, connection, {state: change for state, change in changes.items() if change})
    if any(id_ % _FOLD_EVERY == 0 for id_ in ids):
        _fold(database, connection)


def totals(database: Database, connection: Connection) -> dict[str, int]:
    """Returns how many cases are in each state."""
    return {row.state: int(row.cases) for row in database.rows(connection, _TOTALS)}


@anew
def recount(database: Database) -> None:
    """Counts all cases and begins the sums anew: a program that knew no sums may have written beside this one.

    Takes seconds among millions of cases. Nothing that is written meanwhile is left out: on PostgreSQL others write
    beside it, in a file they wait until it is done.
    """
    with database.write(still=True) as connection:
        rows = connection.exec_driver_sql("SELECT state, count(*) FROM cases GROUP BY state").all()
        # What is not seen yet is not deleted: its rows come on top of this count, as its cases do.
        connection.exec_driver_sql("DELETE FROM tallies")
        _added(database, connection, {state: int(count) for state, count in rows})


def _added(database: Database, connection: Connection, changes: Mapping[str, int]) -> list[int]:
    if not changes:
        return []
    rows = ", ".join(["({place}, {place})"] * len(changes))
    values = [value for change in changes.items() for value in change]
    return [row.id for row in database.rows(connection, _ADDED.replace("{rows}", rows), *values)]


def _fold(database: Database, connection: Connection) -> None:
    # What another transaction is folding is passed by.
    rows = database.rows(connection, _SOME + database.locked(skip=True), _MOST_FOLDED)
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.state] = sums.get(row.state, 0) + row.cases
    database.each(connection, "DELETE FROM tallies WHERE id {wanted}", [row.id for row in rows])
    _added(database, connection, {state: total for state, total in sums.items() if total})
