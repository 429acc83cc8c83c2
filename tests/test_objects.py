"""What every store of objects promises, tried on files and on S3; and what is peculiar to files."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.errors import Rejected, Unavailable
from sinks._objects import Files, Store
from tests import s3

NOTICE = "고지서 사진".encode()
BODIES = [b"", b"\x00", NOTICE, bytes(range(256)) * 24_000]
STORES: dict[str, Callable[[Path], Store]] = {
    "files": lambda folder: Files(folder / "objects"),
    "s3": lambda _: s3.store(),
}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made = STORES[request.param](tmp_path)
    yield made
    await made.close()


async def names(store: Store, folder: str = "") -> list[str]:
    return sorted([name async for name in store.names(folder)])


def test_constructing_touches_nothing(store: Store, tmp_path: Path) -> None:
    """Making a store connects to nothing and writes nothing."""
    assert store
    assert [] == [*tmp_path.iterdir()]


@pytest.mark.parametrize("body", BODIES, ids=["nothing", "one byte", "words", "six megabytes"])
async def test_an_object_comes_back_byte_for_byte(store: Store, body: bytes) -> None:
    """What was put is got, whatever it is."""
    await store.put("attachments/2026-11/a", body)

    assert body == await store.get("attachments/2026-11/a")


@pytest.mark.parametrize("other", [b"", b"hal", b"other", "고지서 사잔".encode()])
async def test_nothing_else_keeps_the_name(store: Store, other: bytes) -> None:
    """Whatever lies under the name, shorter or as long, is not taken for the object that is put."""
    await store.put("a/b", other)
    await store.put("a/b", NOTICE)

    assert NOTICE == await store.get("a/b")


async def test_the_same_is_not_written_again(tmp_path: Path) -> None:
    """What is there already is left alone."""
    store = Files(tmp_path)
    await store.put("a/b", NOTICE)
    before = (tmp_path / "a" / "b").stat()
    await store.put("a/b", NOTICE)

    assert before == (tmp_path / "a" / "b").stat()


async def test_many_may_put_the_same_object(store: Store) -> None:
    """Of twenty who put one object at the same time nobody fails, and it is there once and whole."""
    await asyncio.gather(*(store.put("a/b", NOTICE) for _ in range(20)))

    assert ["a/b"] == await names(store)
    assert NOTICE == await store.get("a/b")


async def test_an_object_exists_until_it_is_deleted(store: Store) -> None:
    """`exists` tells before, meanwhile and afterwards."""
    before = await store.exists("a/b")
    await store.put("a/b", NOTICE)
    meanwhile = await store.exists("a/b")
    await store.delete("a/b")

    assert (False, True, False) == (before, meanwhile, await store.exists("a/b"))


@pytest.mark.parametrize("name", ["a/b", "a", "a/b/c", "never/seen"])
async def test_what_is_not_kept_is_told_so(store: Store, name: str) -> None:
    """An object that is not there is Rejected as absent; a folder and what lies below an object are none."""
    await store.put("a/b/d" if name != "a/b/c" else "a/b", NOTICE)

    with pytest.raises(Rejected) as refused:
        await store.get(name)
    assert 404 == refused.value.status


async def test_deleting_what_is_not_there_is_nothing(store: Store) -> None:
    """Several are deleted at once, known and unknown."""
    for name in ("a/1", "a/2", "a/3"):
        await store.put(name, NOTICE)
    await store.delete("a/1", "never/seen", "a/3")
    await store.delete()

    assert ["a/2"] == await names(store)


async def test_names_are_those_of_the_folder(store: Store) -> None:
    """What lies below a folder is listed, at any depth, and no neighbour with a similar name."""
    for name in ("a/2026-10/x", "a/2026-11/x", "a/2026-11/23-14/y", "a/2026-110/z", "b/x"):
        await store.put(name, NOTICE)

    assert ["a/2026-11/23-14/y", "a/2026-11/x"] == await names(store, "a/2026-11")
    assert 5 == len(await names(store))
    assert [] == await names(store, "c")


async def test_folders_are_those_directly_below(store: Store) -> None:
    """Folders are named whole, and only the next ones."""
    for name in ("a/2026-10/x", "a/2026-11/23-14/y", "b/x"):
        await store.put(name, NOTICE)

    assert ["a/2026-10", "a/2026-11"] == await store.folders("a")
    assert ["a", "b"] == await store.folders()
    assert [] == await store.folders("c")


async def test_a_folder_that_was_emptied_is_gone(store: Store) -> None:
    """Nothing is left of a month whose objects were deleted."""
    await store.put("a/2026-10/x", NOTICE)
    await store.put("a/2026-11/x", NOTICE)
    await store.delete("a/2026-10/x")

    assert ["a/2026-11"] == await store.folders("a")


async def test_more_than_a_page_is_listed_and_deleted(store: Store) -> None:
    """Stores tell so many names at a time; all of them are heard."""
    many = [f"a/{number:04d}" for number in range(3 * s3.PAGE + 1)]
    await asyncio.gather(*(store.put(name, b"x") for name in many))
    listed = await names(store, "a")
    await store.delete(*listed)

    assert many == listed
    assert [] == await names(store)


HOSTILE = [
    "",
    "..",
    "../key",
    "/etc/passwd",
    "a//b",
    "a/../b",
    "a/./b",
    ".a",
    "a/",
    "A",
    "가",
    "a b",
    "a\x00",
    "a.part",
]


@pytest.mark.parametrize("name", [*HOSTILE, "a" * 600])
async def test_no_name_leads_out(store: Store, name: str) -> None:
    """A name that could mean another place is Rejected, whatever is asked for."""
    for act in (store.get(name), store.put(name, NOTICE), store.exists(name), store.delete(name)):
        with pytest.raises(Rejected):
            await act
    assert [] == await names(store)


async def test_closing_may_be_repeated_and_ends_nothing(store: Store) -> None:
    """A closed store opens again by itself."""
    await store.close()
    await store.put("a/b", NOTICE)
    await store.close()
    await store.close()

    assert NOTICE == await store.get("a/b")


async def test_a_kill_leaves_no_half_object(tmp_path: Path) -> None:
    """What was being written when a kill came is no object, and the same one can be put."""
    store = Files(tmp_path)
    await store.put("a/x", NOTICE)
    (tmp_path / "a" / ".b-0123456789abcdef.part").write_bytes(b"hal")

    assert ["a/x"] == await names(store)


async def test_files_are_for_nobody_else(tmp_path: Path) -> None:
    """Others on the machine may neither read an object nor list a folder."""
    await Files(tmp_path / "objects").put("a/b", NOTICE)
    made = [tmp_path / "objects", tmp_path / "objects" / "a", tmp_path / "objects" / "a" / "b"]

    assert [0, 0, 0] == [path.stat().st_mode & 0o077 for path in made]


async def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """Nothing is half there while nothing can be written, and the same object goes through afterwards."""
    store = Files(tmp_path / "objects")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(Unavailable, match="cannot be used now"):
            await store.put("a/b", NOTICE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    half = await store.exists("a/b")
    await store.put("a/b", NOTICE)

    assert (False, NOTICE) == (half, await store.get("a/b"))


async def test_a_folder_that_is_none_is_not_now(tmp_path: Path) -> None:
    """Where a file stands in the way, every act is Unavailable with its reason."""
    (tmp_path / "objects").write_bytes(b"")
    store = Files(tmp_path / "objects")

    with pytest.raises(Unavailable, match="cannot be used now"):
        await store.put("a/b", NOTICE)
