"""docs/reference/recordings.md, the table of all recordings: `python -m bench.recordings [FOLDER]`.

Without a folder the project's own recordings are read anew, and what is told of others' is kept. With one, everything
below it that is known is read too: mails (.eml), replies (.txt, .html), webhooks, vectors. Nothing that stands in
others' recordings comes into the table.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import _recordings_mail, _recordings_other, _recordings_own
from bench._recordings_reasons import REASONS
from bench._recordings_row import Row, head
from bench.instance import ROOT

PAGE = ROOT / "docs" / "reference" / "recordings.md"
_MAILS = {".eml", ".txt", ".html"}
_HEAD = """# Recordings

Made from the code by `python -m bench.recordings`; a test keeps the project's own part current. What a channel makes of
a recording: the text, who wrote, the provider's id, when it was written, the files that came along. `–`: there is none.
Where a provider tells no time or id, or a mail has none, it is said what stands instead.

## Our own

Written from the protocols' documentation: `tests/fixtures/connectors/`. `right`: as in the `.message.json` beside it.
"""
_OTHERS = """## Of others

Published by others and not part of this repository: the mails of github/email_reply_parser, mikel/mail,
Webklex/php-imap and mailgun/talon; the webhook of line/line-bot-sdk-python; skill requests of KakaoTalk; the signatures
of twilio-python; the tests of twitter-text; the specification of open311. `python -m bench.recordings FOLDER` reads
them from a folder. Mails are read a second time by Python's own library, JSON by its field names: `right` means that
both readings agree; where they do not, both were looked at, and the note says why ours stands.
"""


def page(others: str) -> str:
    """Returns the whole page; `others` is its last part."""
    return "\n".join([_HEAD, *head("recording"), *map(str, _recordings_own.rows()), "", others])


def kept() -> str:
    """Returns what the page tells of others' recordings."""
    _, begin, rest = PAGE.read_text(encoding="utf-8").partition(_OTHERS.partition("\n")[0])
    return begin + rest


def read(folder: Path) -> list[Row]:
    """Returns what became of the recordings in this folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "SOURCE.txt"]
    return [row for path in files for row in _rows(path, path.relative_to(folder).as_posix())]


def others_of(rows: Sequence[Row]) -> str:
    messages = [row for row in rows if row.is_message]
    explained = sum(not row.is_right for row in messages)
    told = (
        f"{len(rows)} rows: {len(messages)} of messages and vectors, of which {explained} are read otherwise for a"
        f" reason that is given; {len(rows) - len(messages)} of what is no message.\n"
    )
    return "\n".join([_OTHERS, told, *head("file"), *map(str, rows), ""])


def _rows(path: Path, name: str) -> list[Row]:
    found = _recordings_other.rows(path, name)
    if not found and path.suffix in _MAILS:
        found = [_recordings_mail.row(path, name)]
    return [replace(row, note=reason) if (reason := REASONS.get(path.name)) else row for row in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="others' recordings; left out: what is told of them stays")
    parser.add_argument("--show", action="store_true", help="print also how each text begins, masked")
    given = parser.parse_args()
    rows = read(given.folder) if given.folder else []
    others = others_of(rows) if given.folder else kept()
    PAGE.write_text(page(others), encoding="utf-8")
    for row in (_recordings_own.rows() + rows) if given.show else []:
        print(f"{row.channel:12} {row.name}: {row.begins or row.note}")
    wrong = [row for row in rows if row.is_message and not row.is_right and not REASONS.get(Path(row.name).name)]
    print(f"written to {PAGE}: {len(rows)} rows of others, {len(wrong)} read otherwise without a reason")
    for row in wrong:
        print(f"  {row}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
