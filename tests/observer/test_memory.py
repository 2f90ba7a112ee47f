"""Worker threads share the heap of the process."""

import subprocess
import sys

import pytest

PROGRAM = """
import re, threading
from observer.memory import keep_to_one_arena
{keep}
held = []
threads = [threading.Thread(target=lambda: held.append([bytes(600) for _ in range(1000)])) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
import ctypes, tempfile
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as told:
    file = libc.fopen(told.name.encode(), b"w")
    libc.malloc_info(0, ctypes.c_void_p(file))
    libc.fclose(ctypes.c_void_p(file))
    print(len(re.findall("<heap nr=", told.read().decode())))
"""


def heaps(keep: str) -> int:
    """How many heaps a process has after its threads took memory."""
    program = PROGRAM.format(keep=keep)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="malloc_info is glibc's")
@pytest.mark.processes
def test_threads_take_their_memory_from_one_heap() -> None:
    assert heaps("keep_to_one_arena()") == 1
    assert heaps("") > 1
