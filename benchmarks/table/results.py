"""The file that keeps what was measured, so that pages are made of it and not by hand."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.interpreter import described
from benchmarks.table.targets import Measured, as_json, from_json


@dataclass
class Results:
    """What is kept: the rows of the table, curves of growth, and shares of the profile; `where` by each of these."""

    rows: dict[str, Any] = field(default_factory=dict)
    growth: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    where: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> "Results":
        """What the file holds; nothing if there is none."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def write(self, path: Path) -> None:
        """Puts all of it into the file."""
        path.write_text(json.dumps(vars(self), indent=1, sort_keys=True) + "\n")

    @property
    def measured(self) -> dict[str, Measured]:
        """The rows of the table."""
        return from_json(self.rows)

    def with_rows(self, measured: Mapping[str, Measured]) -> "Results":
        """With these rows, measured now and here; others stay."""
        return self.having("rows", self.rows | as_json(measured))

    def having(self, part: str, made: Mapping[str, Any]) -> "Results":
        """With ``rows``, ``growth`` or ``profile`` as they were measured now and here."""
        where = self.where | {part: here()}
        return Results(**{**vars(self), part: dict(made), "where": where})


def here() -> dict[str, str]:
    """When and where it is."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": described(),
        "node": _node(),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "load average": f"{os.getloadavg()[1]:.1f}",
    }


def _node() -> str:
    """The version of node, which runs the peer; nothing if there is none."""
    if not shutil.which("node"):
        return ""
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
