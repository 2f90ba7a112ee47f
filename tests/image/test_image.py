"""What is in the image, and what is not."""

import json
import tomllib

import pytest

from tests.image.conftest import Image
from tests.image.engine import BASE
from tests.services import ROOT

pytestmark = [pytest.mark.timeout(600), pytest.mark.processes]

MOST_ADDED = 200_000_000
"""How large the image may be beyond its base. (bytes)"""

_INSTALLED = """
import json
from importlib.metadata import distributions
print(json.dumps({d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions()}))
"""
_FOUND = """
import os
for folder, folders, files in os.walk("/"):
    folders[:] = [] if folder in ("/proc", "/sys", "/dev") else folders
    for name in files + folders:
        print(os.path.join(folder, name))
"""
_OWN_FOLDERS = """
from importlib.metadata import files
print(*{file.parts[0] for file in files("webrtc-observer")})
"""
_NOT_COMPILED = """
import os, sys
import kubernetes.client, kubernetes.config, kubernetes.watch, observer.main, observer.node
modules = [module for module in sys.modules.values() if getattr(module, "__cached__", None)]
assert len(modules) > 300
print(*(module.__file__ for module in modules if not os.path.exists(module.__cached__)))
"""


@pytest.fixture(scope="module")
def files(image: Image) -> frozenset[str]:
    """All that one can see in the image."""
    return frozenset(image.run("-c", _FOUND).splitlines())


def test_the_image_starts_the_observer(image: Image) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert image.run("--version", entrypoint="webrtc-observer").strip() == project["version"]


def test_the_image_says_what_it_is(image: Image) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    labels = image.engine.inspect(image.name)["Config"]["Labels"]

    assert labels["org.opencontainers.image.title"] == project["name"]
    assert labels["org.opencontainers.image.version"] == project["version"]
    assert labels["org.opencontainers.image.licenses"] == project["license"]


def test_it_runs_as_a_user_of_its_own_and_is_stopped_by_sigterm(image: Image) -> None:
    config = image.engine.inspect(image.name)["Config"]

    assert (config["User"], config["StopSignal"]) == ("10001:10001", "SIGTERM")
    assert config["Entrypoint"] == ["webrtc-observer"]
    assert config["Cmd"] == ["run", "--config", "/etc/webrtc-observer/observer.yaml"]


def test_it_adds_little_to_its_base(image: Image) -> None:
    size, base = (image.engine.inspect(name)["Size"] for name in (image.name, BASE))

    assert size - base < MOST_ADDED


def test_it_has_exactly_what_was_locked_and_the_observer(image: Image) -> None:
    names = {line.split("==")[0] for line in _lock() if "==" in line}

    assert json.loads(image.run("-c", _INSTALLED)).keys() - {"webrtc-observer"} == names


def test_of_the_project_it_has_the_packages_and_nothing_else(image: Image) -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]

    folders = set(image.run("-c", _OWN_FOLDERS).split())

    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {*wheel["packages"], ".."}


def test_all_that_it_imports_is_there_and_compiled(image: Image) -> None:
    assert image.run("-c", _NOT_COMPILED).split() == []


@pytest.mark.parametrize(
    "path", ["/build", "/root/.cache", "/etc/pip.conf", "/run/secrets", "/opt/webrtc-observer/bin/pip"]
)
def test_nothing_of_the_build_is_left(files: frozenset[str], path: str) -> None:
    assert path not in files


def test_it_has_no_compiler_and_no_keys(files: frozenset[str]) -> None:
    commands = {file.rpartition("/")[2] for file in files if file.rpartition("/")[0].endswith("bin")}

    assert not commands & {"gcc", "cc", "make", "git", "pytest", "mypy"}
    assert not [file for file in files if file.endswith((".key", ".kubeconfig", "/.git"))]


def test_nothing_of_the_observer_belongs_to_its_user(image: Image) -> None:
    code = "import os; print(*(p for p, _, _ in os.walk('/opt/webrtc-observer') if os.access(p, os.W_OK)))"

    assert image.run("-c", code).split() == []


def test_no_setting_of_pip_is_in_its_history(image: Image) -> None:
    told = image.engine.podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", image.name).stdout.decode()

    assert "webrtc-observer" in told
    assert "PIP_" not in told


def _lock() -> list[str]:
    """The lines of the lock that name packages for this machine."""
    lines = (ROOT / "requirements.runtime.lock").read_text().splitlines()
    return [line for line in lines if not line.startswith(" ") and "sys_platform == 'win32'" not in line]
