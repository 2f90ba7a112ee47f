"""The time of a stack belongs to the part of the house that its innermost known function is in."""

import re
from pathlib import Path

import pytest

from benchmarks.profile import OTHER, RULES, functions_of, part_of, parts_of

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        ("run (trio/_core/_run.py:9);Session.take (web/websocket.py:7)", "WebSocket"),
        ("decode (ingest/decoder.py:4);fitting (schemas/samples.py:5)", "bytes to samples"),
        ("offer (sinks/fan_out.py:4);to_json (schemas/reports.py:5)", "reports to JSON"),
        ("reports_of_samples (observer/evaluating.py:3);client_reports (analysis/client_reports.py:5)", "reports"),
        ("look (observer/evaluating.py:3);Look.at_tracks (analysis/observe.py:5)", "look: what is new"),
        ("Pipeline.run (observer/pipeline.py:3);update (collections/__init__.py:5)", "pipeline"),
        ("main (somewhere.py:3)", OTHER),
    ],
)
def test_a_stack_belongs_to_a_part(stack: str, part: str) -> None:
    assert part_of(stack.split(";")) == part


def test_shares_are_of_all_that_was_awake() -> None:
    shares = parts_of(
        [
            "a (web/websocket.py:1) 30",
            "a (web/websocket.py:2) 30",
            "b (observer/pipeline.py:1) 40",
            "WorkerThread._work (trio/_core/_thread_cache.py:211) 900",
        ]
    )

    assert {part: share for part, share in shares.items() if share} == {"WebSocket": 0.6, "pipeline": 0.4}


def test_a_function_counts_with_all_its_lines() -> None:
    assert functions_of(["a (b.py:1) 30", "a (b.py:2) 50", "c (b.py:3) 20"]) == [("a (b.py)", 0.8), ("c (b.py)", 0.2)]


def test_every_file_of_the_house_belongs_to_a_part() -> None:
    folders = ("analysis", "cluster", "ingest", "observer", "schemas", "sinks", "store", "web")
    files = [path.relative_to(TOP).as_posix() for folder in folders for path in (TOP / folder).rglob("*.py")]

    assert [file for file in files if part_of([f"any ({file}:1)"]) == OTHER] == []


def test_every_rule_that_names_a_folder_names_one_that_there_is() -> None:
    named = {folder for _, rule in RULES for folder in re.findall(r"(?<![\w/])([a-z]+)/", rule)}

    assert {folder for folder in named if not (TOP / folder).is_dir()} == set()
