"""The dashboard for Grafana, taken apart."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

TOP = Path(__file__).parents[2]
DASHBOARD = TOP / "helm" / "webrtc-observer" / "files" / "dashboard.json"


class Query(NamedTuple):
    """One query of a panel, which stands in a row."""

    row: str
    panel: str
    expression: str


@cache
def document() -> Mapping[str, Any]:
    """The file as it stands."""
    loaded: Mapping[str, Any] = json.loads(DASHBOARD.read_text())
    return loaded


def panels() -> Sequence[Mapping[str, Any]]:
    """All panels, rows among them."""
    return list(document()["panels"])


def queries() -> Sequence[Query]:
    """All queries of panels, in their order."""
    row, found = "", []
    for panel in panels():
        if panel["type"] == "row":
            row = panel["title"]
        for target in panel.get("targets", ()):
            found.append(Query(row, panel["title"], target["expr"]))
    return found


def variables() -> Mapping[str, Mapping[str, Any]]:
    """What the reader of the dashboard may choose, by name."""
    return {variable["name"]: variable for variable in document()["templating"]["list"]}


def asked(expression: str) -> str:
    """The expression as Grafana asks it while all is chosen, from what was scraped each second."""
    for name in variables():
        expression = expression.replace(f"${name}", ".*")
    return expression.replace("$__rate_interval", "30s")
