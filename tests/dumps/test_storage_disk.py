"""Dumps in a folder, which others may use too."""

import errno
from pathlib import Path

import pytest

from dumps.storage import ids
from dumps.storage_disk import DiskStorage, placed_without_links
from tests.dumps.storing import packed, put_at_once


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_a_dump_is_kept_under_its_id(tmp_path: Path) -> None:
    folder = tmp_path / "a/b"

    stored = await DiskStorage(str(folder)).put("abc", "n", packed(tmp_path, b"1"))

    assert stored == ("abc", "abc.gz", (folder / "abc.gz").as_uri())
    assert contents(folder) == {"abc.gz": b"1"}


async def test_another_dump_of_the_id_gets_a_number(tmp_path: Path) -> None:
    storage = DiskStorage(str(tmp_path / "stored"))

    keys = [(await storage.put("abc", "n", packed(tmp_path, text))).key for text in (b"1", b"2", b"3")]

    assert keys == ["abc.gz", "abc_1.gz", "abc_2.gz"]
    assert contents(tmp_path / "stored") == dict(zip(keys, (b"1", b"2", b"3"), strict=True))


async def test_the_same_dump_is_kept_once(tmp_path: Path) -> None:
    storage, dump = DiskStorage(str(tmp_path / "stored")), packed(tmp_path, b"2")
    await storage.put("abc", "n", packed(tmp_path, b"1"))

    assert (await storage.put("abc", "n", dump)).key == (await storage.put("abc", "n", dump)).key == "abc_1.gz"


async def test_what_shares_a_folder_never_overwrites(tmp_path: Path) -> None:
    files = [packed(tmp_path, b"%d" % number) for number in range(50)]

    stored = await put_at_once([DiskStorage(str(tmp_path / "stored")) for _ in files], "abc", files)

    assert sorted(contents(tmp_path / "stored").values()) == sorted(b"%d" % number for number in range(50))
    assert {one.key for one in stored} == set(contents(tmp_path / "stored"))


async def test_many_dumps_of_one_id_end_with_names_that_no_other_has(tmp_path: Path) -> None:
    names = list(ids("abc", "0123"))
    (tmp_path / "stored").mkdir()
    for name in names[:-1]:
        (tmp_path / "stored" / f"{name}.gz").write_bytes(b"")

    stored = await DiskStorage(str(tmp_path / "stored")).put("abc", "0123", packed(tmp_path, b"1"))

    assert (len(names), stored.id) == (101, "abc_0123")


async def test_a_link_that_stands_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored/abc.gz").symlink_to(tmp_path / "elsewhere")

    stored = await DiskStorage(str(tmp_path / "stored")).put("abc", "n", packed(tmp_path, b"1"))

    assert stored.id == "abc_1"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no other file system at hand")
async def test_a_folder_may_be_on_another_file_system(tmp_path: Path) -> None:
    shared = Path("/dev/shm") / f"dumps-{tmp_path.name}-{id(tmp_path)}"
    storage = DiskStorage(str(shared))
    try:
        await storage.put("abc", "n", packed(tmp_path, b"1"))
        await storage.put("abc", "n", packed(tmp_path, b"2"))

        assert contents(shared) == {"abc.gz": b"1", "abc_1.gz": b"2"}
    finally:
        for path in shared.iterdir():
            path.unlink()
        shared.rmdir()


async def test_a_dump_is_removed_and_once_more_is_no_error(tmp_path: Path) -> None:
    storage = DiskStorage(str(tmp_path / "stored"))
    stored = await storage.put("abc", "n", packed(tmp_path, b"1"))

    await storage.remove(stored.key)
    await storage.remove(stored.key)

    assert contents(tmp_path / "stored") == {}


async def test_only_what_is_in_the_folder_is_removed(tmp_path: Path) -> None:
    (tmp_path / "precious.gz").write_bytes(b"1")

    await DiskStorage(str(tmp_path / "stored")).remove("../precious.gz")

    assert (tmp_path / "precious.gz").exists()


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OSError) as raised:  # noqa: PT011 - its number is looked at
        await DiskStorage(str(tmp_path / "file/stored")).put("abc", "n", packed(tmp_path, b"1"))

    assert raised.value.errno == errno.ENOTDIR


def test_where_there_are_no_links_a_name_is_taken_first(tmp_path: Path) -> None:
    target, placed = tmp_path / "abc.gz", placed_without_links

    assert [placed(packed(tmp_path, text).path, target) for text in (b"1", b"2")] == [True, False]
    assert target.read_bytes() == b"1"


def test_an_empty_path_is_none() -> None:
    with pytest.raises(ValueError, match="path must name a folder"):
        DiskStorage("")
