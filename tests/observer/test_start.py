"""A process can be told to stop as soon as it runs."""

import signal
import subprocess
import sys

COMMAND = [sys.executable, "-X", "importtime", "-m", "observer"]


def ended_while_it_reads_its_modules(*arguments: str) -> int:
    """The exit code of a command that is sent SIGTERM when it has read the first of its libraries."""
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "orjson" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        return process.wait(30)


def test_a_node_that_is_stopped_while_it_reads_its_modules_ends_in_order() -> None:
    assert ended_while_it_reads_its_modules("run") == 0


def test_a_command_that_comes_to_nothing_does_not_say_that_all_went_well() -> None:
    assert ended_while_it_reads_its_modules("simulate") == -signal.SIGTERM
