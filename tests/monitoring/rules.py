"""The alerts that the project gives to operators, as Prometheus reads them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[2]
RULES = TOP / "helm" / "webrtc-observer" / "files" / "alerts.yaml"

_NAME = re.compile(r"\b(?:observertc|process|python|container)_[a-z0-9_]+|\bup\b")
_SELECTOR = re.compile(r"\b([a-z_]+)\s*\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)(=~?)"([^"]*)"')
_THRESHOLD = re.compile(r"\s+(?:==|>|<)\s+[\d.]+(?:\s+\*\s+[\d.]+)?")
_COMPARISON = re.compile(r"(?<=\s)([<>])(?=\s)")


@dataclass(frozen=True)
class Alert:
    """One rule; `patience` is how long its expression holds until it fires, as Prometheus writes it."""

    name: str
    expression: str
    patience: str
    severity: str
    summary: str
    description: str


@cache
def document() -> Mapping[str, Any]:
    """The file as it stands."""
    loaded: Mapping[str, Any] = yaml.safe_load(RULES.read_text())
    return loaded


def rule(name: str) -> Mapping[str, Any]:
    """The rule of an alert as it stands."""
    (found,) = (rule for group in document()["groups"] for rule in group["rules"] if rule["alert"] == name)
    return dict(found)


@cache
def alerts() -> Mapping[str, Alert]:
    """All alerts by their names."""
    return {
        rule["alert"]: Alert(
            rule["alert"],
            rule["expr"],
            rule.get("for", "0m"),
            rule["labels"]["severity"],
            rule["annotations"]["summary"],
            rule["annotations"]["description"],
        )
        for group in document()["groups"]
        for rule in group["rules"]
    }


def metrics_of(expression: str) -> set[str]:
    """The metrics that an expression reads."""
    return set(_NAME.findall(expression))


def figures(expression: str) -> str:
    """What an expression calculates, whether it is too much or not: without its thresholds and its exceptions."""
    rule, _, _ = expression.partition("unless")
    return _COMPARISON.sub(r"\1 bool", _THRESHOLD.sub("", rule))


def narrowed(expression: str) -> Iterator[str]:
    """Selectors of one value of a label each, for all values that an expression names: each should select something."""
    for metric, matchers in _SELECTOR.findall(expression):
        for label, _, values in _MATCHER.findall(matchers):
            for value in filter(None, values.split("|")):
                if "$" not in value and not set(value) & set(".*"):
                    yield f'{metric}{{{label}="{value}"}}'
