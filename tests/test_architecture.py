"""Who may import whom, read from the sources: pure folders decide, shells talk to the world, one program wires them."""

import ast
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAME: str = PROJECT["project"]["name"]
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

MAY_IMPORT = {
    "schemas": set[str](),
    "store": set[str](),
    "web": set[str](),
    "cluster": set[str](),
    "discovery": set[str](),
    "analysis": {"schemas", "store"},
    "sinks": {"schemas"},
    # Raw messages may go where reports may go: to the same services, by the same clients.
    "dumps": {"schemas", "sinks"},
    "ingest": {"schemas", "web"},
    "observer": {"schemas", "store", "web", "cluster", "discovery", "analysis", "sinks", "dumps", "ingest"},
}
"""Of our own packages, itself aside."""

PURE = ("schemas", "store", "analysis")
WORLDLY = {
    "asyncio",
    "datetime",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "trio",
    "uuid",
}
"""Clocks, chance, files, sockets and threads: what makes two runs differ."""

NOT_OURS_TO_IMPORT = {"tests", "benchmarks", "pickle", "cPickle", "marshal", "shelve"}
"""Not part of the program, or able to run code that came as data."""


def imports_of(source: str) -> set[str]:
    """The top-level packages that a source imports, wherever in it; ``.`` if it imports relative to itself."""
    return set(_imports_of(ast.parse(source)))


def _imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module, _, 0) if module:
                yield module.partition(".")[0]
            case ast.ImportFrom():
                yield "."


def sources(package: str) -> list[Path]:
    """The modules of a package; never none."""
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"{package} has no modules"
    return found


def offenders(package: str, forbidden: set[str]) -> dict[str, set[str]]:
    """The modules of a package that import what they must not, and what that is."""
    found = {str(path.relative_to(ROOT)): imports_of(path.read_text()) & forbidden for path in sources(package)}
    return {path: names for path, names in found.items() if names}


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import a.b, c\nfrom d.e import f\nfrom . import g\ndef h():\n    import i\nif j:\n    from k import l\n"

    assert imports_of(source) == {"a", "c", "d", ".", "i", "k"}


def test_every_package_has_its_place() -> None:
    assert sorted(MAY_IMPORT) == sorted(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    assert offenders(package, {*PACKAGES} - MAY_IMPORT[package] - {package}) == {}


@pytest.mark.parametrize("package", PURE)
def test_a_pure_package_knows_neither_world_nor_clock(package: str) -> None:
    assert offenders(package, WORLDLY) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_are_absolute_and_none_leads_out_of_the_program(package: str) -> None:
    assert offenders(package, {".", *NOT_OURS_TO_IMPORT}) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is_for(package: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text()))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_bears_the_name_of_a_package(package: str) -> None:
    assert {*packages_distributions().get(package, [])} <= {NAME}
