"""The drill: a backup made while the instance works comes back whole, and nothing damaged comes back at all."""

import json
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import ConfigError, Rejected
from pipeline.backup import Manifest, backup, restore, verify
from tests.casework import WASTE, Time, delivered, dispatched, make_store, message, opened


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """Returns a folder as an instance leaves it: log, archive, key, replies, index, lock."""
    folder = tmp_path / "var"
    for inner in ("archive", "outbox/sms", "search", "log.sqlite.wake"):
        (folder / inner).mkdir(parents=True)
    for name in ("log.sqlite", "archive/2026-11.sqlite"):
        with closing(sqlite3.connect(folder / name)) as file, file:
            file.execute("PRAGMA journal_mode=WAL")
            file.execute("CREATE TABLE record (body BLOB)")
            file.execute("INSERT INTO record VALUES (x'01')")
    for name in ("key", "demo.env", "search/segment", "outbox/sms/a.json", "all.lock", "outbox/sms/.b.json.part"):
        (folder / name).write_text(name)
    (folder / "key").chmod(0o600)
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_was_backed_up_comes_back(tmp_path: Path, var: Path, time: Time) -> None:
    """Cases, history and what is still to be sent are there again in a new place."""
    store = make_store(var, time)
    number = opened(store, dispatched(message(WASTE, time)))
    backup(var, tmp_path / "copy")
    store.close()
    restore(tmp_path / "copy", tmp_path / "new")
    store = make_store(tmp_path / "new", time)
    texts = [said.text for said in store.views.messages(number)]
    went_out = delivered(store, time)
    store.close()

    assert ([WASTE], 1) == (texts, len(went_out))


def test_a_backup_made_under_load_is_of_one_moment(tmp_path: Path, var: Path, time: Time) -> None:
    """While messages come in, the copy holds whole transactions: every case with its message."""
    store = make_store(var, time)
    done = threading.Event()

    def work() -> None:
        count = 0
        while not done.is_set():
            store.record([dispatched(message(f"{count}-{n}번 가로등 고장", time)) for n in range(8)])
            count += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        backup(var, tmp_path / "copy")
    finally:
        done.set()
        worker.join()
        store.close()
    with closing(sqlite3.connect(tmp_path / "copy" / "cases.sqlite")) as copy:
        (cases,) = copy.execute("SELECT count(*) FROM cases").fetchone()
        (messages,) = copy.execute("SELECT count(*) FROM messages JOIN cases USING (number)").fetchone()

    assert 0 == cases % 8
    assert cases == messages


def test_the_key_stays_where_it_is(tmp_path: Path, var: Path) -> None:
    """A backup beside its key would protect nothing; what is rebuilt, or of this run only, is left out too."""
    made = backup(var, tmp_path / "copy")

    assert {"manifest.json", "log.sqlite", "archive/2026-11.sqlite", "outbox/sms/a.json"} == names(tmp_path / "copy")
    assert not made.with_key


def test_the_key_comes_along_when_asked_for(tmp_path: Path, var: Path) -> None:
    """With the key in it the backup can be read, and says so; only its owner may open the file."""
    made = backup(var, tmp_path / "copy", with_key=True)

    assert {"key", "demo.env"} <= names(tmp_path / "copy")
    assert "keep it locked away" in str(made)
    assert 0o600 == (tmp_path / "copy" / "key").stat().st_mode & 0o777


def test_the_log_is_copied_before_the_cases(tmp_path: Path, var: Path, time: Time) -> None:
    """What the copied log still hands on, the copied store may know; never the other way round."""
    make_store(var, time).close()
    copied = [file.path for file in backup(var, tmp_path / "copy").files]

    assert copied.index("log.sqlite") < copied.index("cases.sqlite")


def test_the_manifest_counts_what_is_in_it(tmp_path: Path, var: Path, time: Time) -> None:
    """Digest, size and rows of each file stand in it."""
    store = make_store(var, time)
    opened(store, dispatched(message(WASTE, time)))
    store.close()
    made = backup(var, tmp_path / "copy")
    (cases,) = [file for file in made.files if file.path == "cases.sqlite"]

    assert (1, 1) == (cases.rows["cases"], cases.rows["messages"])
    assert made == verify(tmp_path / "copy")


@pytest.mark.parametrize("damage", ["changed", "missing", "longer"])
def test_a_damaged_backup_does_not_come_back(tmp_path: Path, var: Path, damage: str) -> None:
    """One wrong byte, and nothing is restored; the message names the file."""
    backup(var, tmp_path / "copy")
    path = tmp_path / "copy" / "log.sqlite"
    body = path.read_bytes()
    path.write_bytes(body[:-1] + bytes([body[-1] ^ 1]) if damage == "changed" else body + b"\0")
    if damage == "missing":
        path.unlink()

    with pytest.raises(Rejected, match=r"log\.sqlite"):
        restore(tmp_path / "copy", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    """A folder without a manifest brings nothing back."""
    with pytest.raises(Rejected, match="no backup"):
        restore(tmp_path, tmp_path / "new")


def test_a_manifest_cannot_lead_out_of_the_backup(tmp_path: Path, var: Path) -> None:
    """A path that climbs is not followed, in whatever file it stands."""
    backup(var, tmp_path / "copy")
    manifest = tmp_path / "copy" / "manifest.json"
    written = json.loads(manifest.read_text())
    written["files"][0]["path"] = "../var/key"
    manifest.write_text(json.dumps(written))

    with pytest.raises(Rejected):
        restore(tmp_path / "copy", tmp_path / "new")


def test_nothing_is_written_over(tmp_path: Path, var: Path) -> None:
    """Neither a backup nor an instance is overwritten; a running one has a folder that is not empty."""
    backup(var, tmp_path / "copy")

    with pytest.raises(ConfigError, match="not empty"):
        backup(var, tmp_path / "copy")
    with pytest.raises(ConfigError, match="not empty"):
        restore(tmp_path / "copy", var)


def test_an_empty_folder_is_good_enough(tmp_path: Path, var: Path) -> None:
    """Folders that are there and empty are used."""
    for name in ("copy", "new"):
        (tmp_path / name).mkdir()
    backup(var, tmp_path / "copy")

    assert isinstance(restore(tmp_path / "copy", tmp_path / "new"), Manifest)
    assert "log.sqlite" in names(tmp_path / "new")


def test_a_folder_that_is_not_there_cannot_be_backed_up(tmp_path: Path) -> None:
    """A slip in the name is said, not copied."""
    with pytest.raises(ConfigError, match="is no folder"):
        backup(tmp_path / "nowhere", tmp_path / "copy")


def test_objects_are_in_it(tmp_path: Path, var: Path) -> None:
    """Attachments come back where they were; what was being written is left out."""
    month = var / "objects" / "attachments" / "2026-11"
    month.mkdir(parents=True)
    for name in ("a" * 64, f".{'b' * 64}-0123.part"):
        (month / name).write_bytes(b"sealed")
    backup(var, tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "new")

    assert {"a" * 64} == names(tmp_path / "new" / "objects" / "attachments" / "2026-11")


def test_what_goes_meanwhile_is_left_out(tmp_path: Path, var: Path) -> None:
    """A month whose days are over may be deleted while a backup is made: the backup is whole without it."""
    month = var / "objects" / "attachments" / "2020-01"
    month.mkdir(parents=True)
    for number in range(500):
        (month / f"{number:064x}").write_bytes(b"sealed")
    broom = threading.Thread(target=shutil.rmtree, args=(month,))
    broom.start()
    made = backup(var, tmp_path / "copy")
    broom.join()

    assert made == verify(tmp_path / "copy")
    assert "log.sqlite" in names(tmp_path / "copy")
