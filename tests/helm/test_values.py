"""values.yaml, its schema and the README tell the same values, with the same defaults, in the same words."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.docs.documents import rows, text_of
from tests.helm.charts import CHART

README = CHART / "README.md"
TYPES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "object": "block",
    "array": "list",
    "boolean": "true or false",
    "null": "null",
}
_LINE = re.compile(r"(?P<indent> *)(?:# ?(?P<comment>.*)|(?P<key>\w+):.*)?$")


def schema() -> Any:
    return json.loads((CHART / "values.schema.json").read_text())


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values that the schema describes one by one, in its order."""
    for key, below in node["properties"].items():
        where = f"{path}.{key}" if path else key
        if "properties" in below:
            yield from leaves(below, where)
        elif where not in ("global", "enabled"):
            yield where, below


def default(path: str) -> Any:
    value = yaml.safe_load((CHART / "values.yaml").read_text())
    for key in path.split("."):
        value = value[key]
    return value


def comments() -> dict[str, str]:
    """The comment above each key of values.yaml."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    waiting: list[str] = []
    for line in (CHART / "values.yaml").read_text().splitlines():
        match = _LINE.match(line)
        if match is None or not match["key"]:
            waiting = [*waiting, match["comment"]] if match and match["comment"] is not None else []
            continue
        above = [(depth, key) for depth, key in above if depth < len(match["indent"])]
        above.append((len(match["indent"]), match["key"]))
        found[".".join(key for _, key in above)] = " ".join(waiting)
        waiting = []
    return found


def kind(node: Any) -> str:
    if "enum" in node:
        return ", ".join(choice for choice in node["enum"] if choice)
    types = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return " or ".join(TYPES[each] for each in types)


def test_every_value_stands_in_values_yaml_with_its_meaning_above_it() -> None:
    written = comments()

    assert {path: written.get(path) for path, _ in leaves(schema())} == {
        path: node["description"] for path, node in leaves(schema())
    }


def test_every_value_of_values_yaml_stands_in_the_schema() -> None:
    described = {path for path, _ in leaves(schema())}
    blocks = {path.rpartition(".")[0] for path in described}
    above = {".".join(block.split(".")[:depth]) for block in blocks for depth in range(1, 9)}

    undescribed = {
        path
        for path in comments()
        if path not in described | above and not any(path.startswith(f"{known}.") for known in described)
    }
    assert undescribed == set()


def test_the_readme_lists_every_value_with_type_default_and_meaning() -> None:
    listed = [tuple(row) for row in rows(text_of(README), "Values")]

    assert listed == [
        (path, kind(node), json.dumps(default(path)), node["description"].replace("`", ""))
        for path, node in leaves(schema())
    ]


def test_the_chart_is_of_the_same_version_as_the_observer() -> None:
    project = re.search(r'^version = "(.+)"$', (CHART.parent.parent / "pyproject.toml").read_text(), re.MULTILINE)
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert project is not None
    assert chart["appVersion"] == project[1]
