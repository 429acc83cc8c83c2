"""What became sure to have gone out: the rows are sent, and an answer that went out ends its case."""

from collections.abc import Mapping

from cases.ledger import Ledger
from cases.means import Means
from cases.model import OPEN
from cases.schema import outbox, to_stored

# By number, whatever the planner thinks: by queue or state it would read every open case each time.
_ENDING = f"""SELECT number, state FROM cases
WHERE queue || '' = '' AND state || '' IN ({", ".join(f"'{state}'" for state in OPEN)})
AND number IN (SELECT number FROM outbox WHERE kind = 'answer' AND id {{wanted}}) ORDER BY number"""
_ANSWERED = """UPDATE cases SET state = 'answered', answered_by = 'faq', answered_at = {place}, sameness = NULL
WHERE number {wanted}"""
_OURS = "outbox.state = 'sending'"
# That something waits for another try, or for a person, does not mean that the first did not go.
MAYBE = f"({_OURS} OR outbox.state = 'uncertain' OR (outbox.state = 'queued' AND outbox.attempts > outbox.waits))"


def went_out(means: Means, ledger: Ledger, sent: Mapping[str, str], *, where: str = _OURS) -> None:
    """Writes down that these rows went out, each with the provider's id for it; rows that are not so are left."""
    if not sent:
        return
    rows = [{"id": row, "provider_id": provider_id} for row, provider_id in sent.items()]
    sent_at = to_stored(ledger.now)
    database, connection = means.database, ledger.connection
    database.update_many(connection, outbox, rows, where=where, state="sent", error="", sent_at=sent_at)
    ending = database.each(connection, _ENDING + database.locked(), list(sent))
    database.each(connection, _ANSWERED, [case.number for case in ending], sent_at)
    for case in ending:
        ledger.moved(case.state, "answered")
