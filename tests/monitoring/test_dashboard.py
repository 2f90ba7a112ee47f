import re
from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from tests.monitoring import dashboard
from tests.monitoring.rules import metrics_of

CHOICE = ", ".join(f'{name}=~"${name}"' for name in ("cluster", "namespace", "job", "instance"))
ROWS = ["Overview", "Cluster", "Samples", "Calls and clients", "SFUs", "Sinks", "Resources", "Discovery of pods"]
LARGEST_CONFIG_MAP = 1_000_000

_SELECTED = re.compile(r"\{([^{}]*)\}")
Panel = dict[str, Any]


def drawn() -> list[Any]:
    return [panel for panel in dashboard.panels() if panel["type"] != "row"]


def test_the_dashboard_has_its_rows_and_fits_into_a_config_map() -> None:
    assert [panel["title"] for panel in dashboard.panels() if panel["type"] == "row"] == ROWS
    assert dashboard.DASHBOARD.stat().st_size < LARGEST_CONFIG_MAP


def test_ids_titles_and_places_of_panels_are_their_own() -> None:
    ids = [panel["id"] for panel in dashboard.panels()]

    assert len(set(ids)) == len(ids)
    assert [title for title, count in Counter(panel["title"] for panel in drawn()).items() if count > 1] == []
    crossing = [
        (one["title"], other["title"])
        for one, other in combinations(dashboard.panels(), 2)
        if overlap(one["gridPos"], other["gridPos"])
    ]
    assert crossing == []


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


@pytest.mark.parametrize("panel", drawn(), ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_of_which_prometheus(panel: Panel) -> None:
    assert panel["description"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    letters = [target["refId"] for target in panel["targets"]]
    assert letters == list("ABCDEFGH"[: len(letters)])


@pytest.mark.parametrize("query", dashboard.queries(), ids=lambda query: query.panel)
def test_every_metric_of_a_query_is_of_what_the_reader_chose(query: dashboard.Query) -> None:
    selected = _SELECTED.findall(query.expression)

    assert len(selected) >= len(metrics_of(query.expression)) > 0
    assert [labels for labels in selected if not labels.startswith(CHOICE)] == []


def test_the_reader_chooses_with_all_variables_that_are_asked_for() -> None:
    assert list(dashboard.variables()) == ["datasource", "cluster", "namespace", "job", "instance"]
    assert all(
        variable["includeAll"] and variable["allValue"] == ".*"
        for variable in dashboard.variables().values()
        if variable["type"] == "query"
    )


def test_counters_are_asked_for_as_rates() -> None:
    bare = re.compile(r"(?<!rate\()(?<!increase\()\b\w+_total\b")

    assert [query for query in dashboard.queries() if bare.search(query.expression)] == []
