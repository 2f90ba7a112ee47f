"""What is compared with is pinned, comes from wherever its user's npm looks, and may be missing."""

import json
from pathlib import Path

import pytest

from benchmarks.table.servers import PEERS, PeerMissing, peer


def test_the_peer_is_pinned() -> None:
    wanted = json.loads((PEERS / "package.json").read_text())["dependencies"]
    locked = json.loads((PEERS / "package-lock.json").read_text())["packages"]

    assert wanted["@observertc/observer-js"] == "0.40.32"
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_all_that_is_locked_is_checked_and_names_no_registry() -> None:
    locked = json.loads((PEERS / "package-lock.json").read_text())["packages"]

    fetched = [package for name, package in locked.items() if name]
    assert all("integrity" in package and "resolved" not in package for package in fetched)


async def test_without_node_it_is_said_that_there_is_no_peer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PeerMissing, match="no node"):
        async with peer():
            pass
