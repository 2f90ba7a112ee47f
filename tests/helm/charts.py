"""The chart, its templates expanded by a real Helm."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.services import ROOT, tool

CHART = ROOT / "helm" / "webrtc-observer"
FULL = Path(__file__).parent / "full.yaml"
HELMS = ("helm3", "helm4")
NAMESPACE = "rtc"
RELEASE = "observer"

Object = dict[str, Any]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def helm(name: str, *words: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """What becomes of a command of Helm; skips the test where there is none."""
    return subprocess.run([tool(name), *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)


@cache
def template(*options: str | Path, by: str = "helm3", values: str = "") -> str:
    """What the chart comes to with these options, and with values in YAML; fails the test if it cannot be."""
    words = ("template", RELEASE, CHART, "--namespace", NAMESPACE, *options)
    done = helm(by, *words, *(("--values", "-") if values else ()), stdin=values or None)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def objects(text: str) -> tuple[Object, ...]:
    """The objects of an output, in their order; not to be changed."""
    return tuple(found for found in yaml.load_all(text, Loader=_LOADER) if found)


def rendered(*options: str | Path, by: str = "helm3", values: str = "") -> dict[tuple[str, str], Object]:
    """The objects that the chart makes, by kind and name."""
    return {(it["kind"], it["metadata"]["name"]): it for it in objects(template(*options, by=by, values=values))}


def one(kind: str, *options: str | Path, values: str = "", name: str | None = None) -> Object:
    """The only object of a kind, or the one with this name."""
    found = [it for (its_kind, its_name), it in rendered(*options, values=values).items() if its_kind == kind]
    (it,) = [it for it in found if name is None or it["metadata"]["name"] == name]
    return it


def kinds(*options: str | Path, values: str = "") -> set[str]:
    """The kinds of objects that the chart makes."""
    return {kind for kind, _ in rendered(*options, values=values)}


def pod_spec(*options: str | Path, values: str = "") -> Any:
    """What the observers' pods are like."""
    return one("StatefulSet", *options, values=values)["spec"]["template"]["spec"]


def container(*options: str | Path, values: str = "") -> Any:
    """What the observer's container is like."""
    (found,) = (it for it in pod_spec(*options, values=values)["containers"] if it["name"] == "observer")
    return found


def refusal(*options: str | Path, by: str = "helm3", values: str = "") -> str:
    """Why Helm does not expand the chart with these options; fails the test if it does."""
    words = ("template", RELEASE, CHART, "--namespace", NAMESPACE, *options)
    done = helm(by, *words, *(("--values", "-") if values else ()), stdin=values or None)
    assert done.returncode != 0
    return done.stderr


def configuration(*options: str | Path, values: str = "") -> str:
    """The observer's configuration as the chart writes it."""
    name = one("StatefulSet", *options, values=values)["metadata"]["name"]
    text: str = one("ConfigMap", *options, values=values, name=name)["data"]["observer.yaml"]
    return text
