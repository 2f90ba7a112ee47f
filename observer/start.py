"""The first moment of the process: it can be told to stop before it has read the rest of the program.

The first process of a container is sent no signal that it has no handler for, so without this a SIGTERM of the first
half a second would be lost, and the node would be killed when its grace is over.
"""

import os
import signal
import sys
from types import FrameType


def main() -> int:
    """What `webrtc-observer` does; returns its exit code."""
    if sys.argv[1:2] == ["run"]:
        signal.signal(signal.SIGTERM, _end)
    from observer.main import main as run

    return run()


def _end(number: int, frame: FrameType | None) -> None:
    """Nothing was accepted yet, so that all of it is delivered."""
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
