"""docker-compose.yaml, understood as far as the project uses it, and its services as containers of podman.

A key that is not known here is an error: what nobody obeys is not tested either.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.services import ROOT

FILE = ROOT / "docker-compose.yaml"

_NOT_FOR_ONE_CONTAINER = frozenset({"depends_on", "logging", "ports", "profiles", "pull_policy", "restart"})
"""What says how containers stand to each other and to the machine."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_SECONDS = re.compile(r"(\d+)s")


@dataclass(frozen=True)
class Service:
    """A service of the file, as it stands there."""

    name: str
    block: Mapping[str, Any]

    def options(self) -> list[str]:
        """The options of `podman run` that say the same."""
        return [option for key, value in self.block.items() for option in self._option(key, value)]

    def command(self) -> list[str]:
        """What its container runs."""
        return list(self.block.get("command", []))

    def health_check(self) -> list[str]:
        """The command that says by its exit code whether a container is healthy."""
        _, *words = self.block["healthcheck"]["test"]
        return list(words)

    def _option(self, key: str, value: Any) -> list[str]:
        match key, value:
            case "image" | "command", _:
                return []
            case "read_only", True:
                return ["--read-only"]
            case "cap_drop", list():
                return [f"--cap-drop={name}" for name in value]
            case "security_opt", list():
                return [f"--security-opt={name}" for name in value]
            case "tmpfs", list():
                return [f"--tmpfs={mount}" for mount in value]
            case "environment", dict():
                return [f"--env={name}={text}" for name, text in value.items()]
            case "volumes", list():
                return [f"--volume={_mount(text)}" for text in value]
            case "network_mode", "none":
                return ["--network=none"]
            case "mem_limit", str():
                return [f"--memory={value}"]
            case "pids_limit", int():
                return [f"--pids-limit={value}"]
            case "stop_grace_period", str():
                return [f"--stop-timeout={seconds(value)}"]
            case "ulimits", {"nofile": int(number)}:
                return [f"--ulimit=nofile={number}:{number}"]
            case "healthcheck", {"disable": True}:
                return ["--no-healthcheck"]
            case "healthcheck", {"test": ["CMD", *_]}:
                # It comes with systemd only that podman asks at intervals; tests ask by themselves.
                return ["--health-interval=disable"]
            case _, _ if key in _NOT_FOR_ONE_CONTAINER:
                return []
        raise ValueError(f"{FILE.name}: {self.name}: {key}: {value!r} is not understood here")


def services() -> dict[str, Service]:
    """The services by their names."""
    text = _VARIABLE.sub(lambda found: os.environ.get(found[1], found[2] or ""), FILE.read_text(encoding="utf-8"))
    return {name: Service(name, block) for name, block in yaml.safe_load(text)["services"].items()}


def seconds(text: str) -> int:
    """A time such as ``40s``."""
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time such as 40s")
    return int(found[1])


def _mount(text: str) -> str:
    """A mount whose source is a path beside the file is one of that path; any other is a volume."""
    source, colon, rest = text.partition(":")
    return f"{(FILE.parent / Path(source)).resolve()}{colon}{rest}" if source.startswith("./") else text
