"""In which order suites run, and which of them are for one worker."""

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it says none

# Modules of one row share an instance: whoever is not named here may share one, too, at the price of its start. The
# longest begin first, so that nobody waits for one of them at the end.
_LONGEST = """
contacts_round email_round facebook_round imap_round kakao_round line_round record_round sms_round telegram_round \
webhook_round
end_to_end open311_round poison cli
redelivery
reload
faq
quality
mail_loops
media_round
broadcast_round
same
crash
migrate
attachment_command
faults
roles
pace
replay
"""
_ROWS = {f"test_{name}": place for place, names in enumerate(_LONGEST.splitlines()) for name in names.split()}


def row_of(nodeid: str) -> tuple[int, str]:
    """Returns what tests are sorted by: their row, else their module."""
    module = nodeid.partition("::")[0].rpartition("/")[2].removesuffix(".py")
    return (_ROWS[module], "") if module in _ROWS else (len(_ROWS), module)


class RowByRow(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives each worker one row or module after the other, whole: what its tests share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        return str(row_of(nodeid))
