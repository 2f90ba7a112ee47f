"""Large pages: for what the kernel is asked, when it is not asked at all, and that a node asks."""

import ctypes
import logging
import mmap
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from observer.large_pages import LargePages, spans
from observer.simulation.child_node import ChildNode, child_node
from tests.docs.documents import TOP

KB, MB = 1 << 10, 1 << 20
PAGE, STACK = 4 * KB, 8 * MB
BASE = 0x7F5D00000000

ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")

offered = pytest.mark.skipif(
    not ENABLED.exists() or "[madvise]" not in ENABLED.read_text(),
    reason="this system gives large pages to nobody, or to all",
)


def mapping(at: int, size: int, access: str = "rw-p", inode: int = 0, name: str = "") -> str:
    """A line of ``/proc/self/maps``; `at` counts from `BASE`."""
    line = f"{BASE + at:x}-{BASE + at + size:x} {access} 00000000 00:00 {inode} "
    return (f"{line:<73}{name}" if name else line) + "\n"


def asked(*maps: str) -> list[tuple[int, int]]:
    """Where it begins, from `BASE` on, and how long it is."""
    return [(start - BASE, end - start) for start, end in spans("".join(maps), STACK, PAGE)]


def test_what_is_large_and_nameless_is_asked_for() -> None:
    assert asked(mapping(0, 3 * MB), mapping(9 * MB, 2 * MB)) == [(0, 3 * MB), (9 * MB, 2 * MB)]


def test_the_heap_of_the_c_library_is_asked_for() -> None:
    assert asked(mapping(0, 5 * MB, name="[heap]")) == [(0, 5 * MB)]


def test_what_has_no_room_for_a_large_page_is_left_out() -> None:
    assert asked(mapping(0, 2 * MB - PAGE), mapping(4 * MB, 132 * KB, name="[heap]")) == []


@pytest.mark.parametrize("access", ["r--p", "rwxp", "r-xp", "---p", "rw-s"])
def test_what_is_not_written_is_run_or_is_shared_is_left_out(access: str) -> None:
    assert asked(mapping(0, 4 * MB, access)) == []


@pytest.mark.parametrize("name", ["[stack]", "[vvar]", "[anon:of a library]", "[anon: glibc: malloc]"])
def test_what_has_another_name_is_left_out(name: str) -> None:
    assert asked(mapping(0, 4 * MB, name=name)) == []


@pytest.mark.parametrize("name", ["/usr/lib/libbig.so", "/memfd:a b (deleted)", "/tmp/[heap]", ""])
def test_a_file_is_left_out(name: str) -> None:
    assert asked(mapping(0, 4 * MB, inode=4711, name=name)) == []


def test_the_stack_of_a_thread_is_left_out() -> None:
    maps = mapping(0, PAGE, "---p"), mapping(PAGE, STACK), mapping(20 * MB, 3 * MB)

    assert asked(*maps) == [(20 * MB, 3 * MB)]


def test_stacks_in_a_row_are_left_out() -> None:
    one = PAGE + STACK

    assert asked(*(mapping(at * one, PAGE, "---p") + mapping(at * one + PAGE, STACK) for at in range(3))) == []


def test_what_a_kernel_took_together_with_a_stack_below_is_asked_for() -> None:
    maps = mapping(0, PAGE, "---p"), mapping(PAGE, STACK + 100 * MB)

    assert asked(*maps) == [(PAGE + STACK, 100 * MB)]


def test_what_stands_apart_from_an_inaccessible_mapping_is_no_stack() -> None:
    maps = mapping(0, PAGE, "---p"), mapping(2 * PAGE, STACK)

    assert asked(*maps) == [(2 * PAGE, STACK)]


@pytest.mark.parametrize("stacks", [1, 2, 5])
def test_stacks_whose_guards_are_out_of_sight_are_left_out(stacks: int) -> None:
    assert asked(mapping(0, stacks * (STACK + PAGE))) == []


def test_all_of_a_mapping_that_grew_is_asked_for() -> None:
    assert asked(mapping(0, 3 * MB)) == [(0, 3 * MB)]
    assert asked(mapping(-MB, 4 * MB)) == [(-MB, 4 * MB)]


def test_what_began_beside_memory_that_was_asked_for_is_asked_for_once_it_is_large() -> None:
    assert asked(mapping(0, MB), mapping(MB, 40 * MB)) == [(MB, 40 * MB)]
    assert asked(mapping(-MB, 2 * MB), mapping(MB, 40 * MB)) == [(-MB, 2 * MB), (MB, 40 * MB)]


@contextmanager
def memory(size: int) -> Iterator[int]:
    """Fresh memory of this process: where it begins."""
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as mapped:
        held = ctypes.c_char.from_buffer(mapped)
        yield ctypes.addressof(held)
        del held


def own_stack() -> tuple[int, int]:
    """Where the stack of this thread begins, and how long it is, as the C library tells it. (bytes)"""
    libc, attributes = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    start, size = ctypes.c_size_t(), ctypes.c_size_t()
    libc.pthread_getattr_np(ctypes.c_void_p(threading.get_ident()), attributes)
    libc.pthread_attr_getstack(attributes, ctypes.byref(start), ctypes.byref(size))
    return start.value, size.value


@contextmanager
def thread() -> Iterator[int]:
    """A thread that waits: an address in the middle of its stack, as the C library tells it."""
    told, begun, end = list[int](), threading.Event(), threading.Event()

    def live() -> None:
        start, size = own_stack()
        told.append(start + size // 2)
        begun.set()
        end.wait()

    living = threading.Thread(target=live)
    living.start()
    begun.wait()
    try:
        yield told[0]
    finally:
        end.set()
        living.join()


def flags(process: int | str = "self") -> list[tuple[range, set[str]]]:
    """What the kernel notes of each mapping of a process: ``hg`` is one that was asked for."""
    text = Path(f"/proc/{process}/smaps").read_text()
    found = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) |^VmFlags: (.*)$", text, re.MULTILINE)
    places = [range(int(start, 16), int(end, 16)) for start, end, _ in found if start]
    return list(zip(places, (set(noted.split()) for start, _, noted in found if not start), strict=True))


def flags_at(address: int) -> set[str]:
    """Of the mapping in which this address of ours is."""
    (found,) = (noted for place, noted in flags() if address in place)
    return found


@offered
async def test_the_kernel_notes_that_it_was_asked(autojump_clock: MockClock) -> None:
    with memory(48 * MB) as start:
        assert "hg" not in flags_at(start + 24 * MB)
        pages = LargePages()
        with trio.move_on_after(1):
            await pages.run()

        assert "hg" in flags_at(start + 24 * MB)
        assert pages.asked >= 24 * MB


@offered
async def test_the_kernel_is_not_asked_for_the_stack_of_a_thread(autojump_clock: MockClock) -> None:
    with thread() as on_its_stack:
        pages = LargePages()
        with trio.move_on_after(1):
            await pages.run()

        assert "hg" not in flags_at(on_its_stack)
        assert pages.asked > 0


def files(folder: Path, *maps: str, enabled: str = "always [madvise] never") -> LargePages:
    """One that reads these instead of what the kernel says."""
    (folder / "enabled").write_text(f"{enabled}\n")
    (folder / "maps").write_text("".join(maps))
    return LargePages(folder / "enabled", folder / "maps")


async def ended(pages: LargePages) -> None:
    """Lets it run until it ends by itself."""
    with trio.fail_after(60):
        await pages.run()


def of(start: int, size: int) -> str:
    return mapping(start - BASE, size)


@offered
async def test_what_is_new_is_asked_for_after_some_seconds(autojump_clock: MockClock, tmp_path: Path) -> None:
    with memory(4 * MB) as start:
        pages = files(tmp_path)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pages.run)
            await trio.sleep(1)
            (tmp_path / "maps").write_text(of(start, 4 * MB))
            await trio.sleep(1)
            assert pages.asked == 0
            await trio.sleep(10)

            assert pages.asked == 4 * MB
            nursery.cancel_scope.cancel()


@offered
async def test_what_is_gone_meanwhile_does_not_end_it(autojump_clock: MockClock, tmp_path: Path) -> None:
    with memory(4 * MB) as start:
        nobodys = "00010000-00310000 rw-p 00000000 00:00 0\n"
        pages = files(tmp_path, nobodys, of(start, 4 * MB))
        with trio.move_on_after(60) as limit:
            await pages.run()

        assert limit.cancelled_caught
        assert pages.asked == 4 * MB


@offered
async def test_a_file_may_have_any_name(autojump_clock: MockClock, tmp_path: Path) -> None:
    with memory(4 * MB) as start:
        pages = files(tmp_path)
        odd = mapping(0, 4 * MB, inode=4711, name="/tmp/").encode().replace(b"/tmp/", b"/tmp/\xff\r \x85\x0b")
        (tmp_path / "maps").write_bytes(odd + of(start, 4 * MB).encode())
        with trio.move_on_after(1):
            await pages.run()

        assert pages.asked == 4 * MB


@offered
async def test_nothing_counts_as_asked_for_once_asking_has_ended(autojump_clock: MockClock, tmp_path: Path) -> None:
    with memory(4 * MB) as start:
        pages = files(tmp_path, of(start, 4 * MB))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pages.run)
            await trio.sleep(1)
            assert pages.asked == 4 * MB
            (tmp_path / "maps").unlink()

    assert pages.asked == 0


STACK_OF_A_THREAD = """
import threading
from observer.large_pages import stack_size
from tests.observer.test_large_pages import own_stack

thread = threading.Thread(target=lambda: print(own_stack()[1], stack_size()))
thread.start()
thread.join()
"""


@pytest.mark.skipif(os.confstr("CS_GNU_LIBC_VERSION") is None, reason="another C library")
@pytest.mark.parametrize("limit", ["unlimited", "4096", "8192"])
def test_a_stack_is_as_long_as_the_c_library_makes_it(limit: str) -> None:
    command = f'ulimit -S -s {limit} && exec "$0" -c "$1"'
    words = ["sh", "-c", command, sys.executable, STACK_OF_A_THREAD]
    done = subprocess.run(words, cwd=TOP, capture_output=True, text=True)
    if "ulimit" in done.stderr:
        pytest.skip("the limit cannot be set here")
    is_, taken_for = done.stdout.split()

    assert taken_for == is_


@pytest.mark.parametrize("said", ["always", "never"])
async def test_it_ends_where_asking_changes_nothing(
    said: str, autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pages = files(tmp_path, enabled="always madvise never".replace(said, f"[{said}]"))

    await ended(pages)

    assert [record.message.partition(": ")[2] for record in caplog.records] == [f"{tmp_path}/enabled says {said}"]
    assert trio.current_time() == 0


@pytest.mark.parametrize("missing", ["enabled", "maps"])
async def test_it_ends_where_the_system_does_not_tell(
    missing: str, autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pages = files(tmp_path)
    (tmp_path / missing).unlink()

    await ended(pages)

    (record,) = caplog.records
    assert record.message.startswith("Large pages are not asked for: [Errno 2]")


@pytest.mark.parametrize(
    ("maps", "reason"),
    [
        # Where it begins is not the beginning of a page: that is answered as by a kernel that knows no large pages.
        ("7f5d00000001-7f5d00400000 rw-p 00000000 00:00 0\n", "[Errno 22] Invalid argument"),
        ("no place at all\n", "not enough values to unpack"),
    ],
)
async def test_it_ends_when_asking_fails(
    maps: str, reason: str, autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    await ended(files(tmp_path, maps))

    (record,) = caplog.records
    assert record.message.startswith(f"Large pages are not asked for: {reason}")


async def asked_bytes(node: ChildNode) -> float:
    """What a node tells of it."""
    (family,) = (
        family
        for family in text_string_to_metric_families(await node.metrics())
        if family.name == "observertc_large_pages_asked_bytes"
    )
    return family.samples[0].value


def was_asked_for(node: ChildNode) -> bool:
    """Whether the kernel notes so of any memory of the node."""
    return any("hg" in noted for _, noted in flags(node.process.pid))


@offered
@pytest.mark.processes
async def test_a_node_asks() -> None:
    async with child_node({}) as node:
        assert await asked_bytes(node) >= 2 * MB
        assert was_asked_for(node)


@pytest.mark.processes
async def test_a_node_with_the_setting_off_does_not_ask() -> None:
    async with child_node({"memory": {"largePages": False}}) as node:
        assert await asked_bytes(node) == 0
        assert not was_asked_for(node)
