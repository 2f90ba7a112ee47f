"""How far simulated calls are, in lines for people."""

import shutil
from typing import TextIO

import trio

from observer.simulation.client import Summary

LONGEST_BAR = 24
"""The bar is shorter where the figures need the width. (characters)"""


async def show(summary: Summary, seconds: float, out: TextIO) -> None:
    """Shows how far it is until it is cancelled: in one line of a terminal, else now and then in a line more."""
    began = trio.current_time()
    live = out.isatty()
    try:
        while True:
            await trio.sleep(0.2 if live else 5)
            passed = trio.current_time() - began
            line = progress(summary, passed, seconds, shutil.get_terminal_size().columns if live else None)
            out.write(f"\r{line}" if live else f"{line}\n")
            out.flush()
    finally:
        if live:
            out.write("\r\x1b[K")
            out.flush()


def progress(summary: Summary, passed: float, seconds: float, columns: int | None) -> str:
    """One line on how far it is; with a bar, and cut and padded to fit, when the width of the terminal is given."""
    share = min(1.0, passed / seconds)
    counts = f"{summary.calls} calls  {summary.open} sessions  {summary.samples} samples  {size(summary.bytes)}"
    trouble = f"  {summary.errors} errors  {summary.refused} refused" if summary.errors or summary.refused else ""
    if columns is None:
        return f"{passed:.0f} s of {seconds:.0f} s  {counts}{trouble}"
    told = f"] {share:4.0%}  {counts}{trouble}"
    width = max(0, min(LONGEST_BAR, columns - 2 - len(told)))
    bar = "#" * int(share * width) + "-" * (width - int(share * width))
    return f"[{bar}{told}"[: columns - 1].ljust(columns - 1)


def told(summary: Summary) -> list[str]:
    """The summary as lines for people."""
    sfus = f"{summary.sfus} SFUs, " if summary.sfus else ""
    lines = [
        f"{summary.calls} calls, {summary.clients} clients, {sfus}{summary.samples} samples, {size(summary.bytes)}",
        f"{summary.errors} errors, {summary.refused} refused",
    ]
    if summary.last_error is not None:
        lines.append(f"last error: {summary.last_error}")
    return lines


def size(count: float) -> str:
    """A number of bytes for people: ``812 B``, ``1.4 MB``."""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if count < 1000:
            break
        count, unit = count / 1000, larger
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
