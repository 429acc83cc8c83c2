"""The project's own recordings: what each channel makes of them, beside what it should."""

from collections.abc import Sequence

from bench._recordings_row import NONE, RIGHT, Row, beginning, compared
from core.message import Message
from tests.test_connector_contract import Case, cases, parsed


def rows() -> list[Row]:
    return [_row(case) for case in sorted(cases(), key=str)]


def _row(case: Case) -> Row:
    found, expected = parsed(case), case.expected
    ours = found[0]
    return Row(
        name=case.path.name.partition(".raw.")[0],
        channel=case.channel,
        text=compared((ours.text, ours.subject), (expected.text, expected.subject)) if _has_words(ours) else NONE,
        sender=compared(ours.author.handle, expected.author.handle),
        id=compared((ours.native_id, ours.version), (expected.native_id, expected.version)),
        time=compared(ours.sent_at, expected.sent_at) if ours.sent_at else "not given: time of receipt",
        attachments=_files(ours, expected),
        begins=beginning(ours.text),
        note="; ".join(_notes(found)).replace("|", "\\|"),
    )


def _has_words(ours: Message) -> bool:
    return bool(ours.text or ours.subject)


def _files(ours: Message, expected: Message) -> str:
    told = compared(ours.attachments, expected.attachments)
    return f"{RIGHT} ({len(ours.attachments)})" if told == RIGHT else told


def _notes(found: Sequence[Message]) -> list[str]:
    """What is special: how many there are, what was changed or taken back, why no person seems to have written it."""
    ours = found[0]
    several = [f"the first of {len(found)}"] if len(found) > 1 else []
    return [*several, *([ours.change] if ours.change else []), *ours.signals[:1]]
