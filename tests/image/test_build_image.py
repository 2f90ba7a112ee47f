"""`tools/build-image` takes the builder that works here, and tells it the version."""

import os
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.services import ROOT

_PATIENCE_S = 30.0

_BUILDER = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$(basename "$0") $1" in "docker info") exit "$ENGINE" ;; esac
"""
"""A builder that writes down what it is asked for; for docker, `ENGINE` is what its engine answers."""


def run(
    folder: Path, *options: str, builders: Sequence[str], engine: int = 0, **environment: str
) -> tuple[int, str, list[str]]:
    """What it does on a machine with these builders: its exit code, what it says, and the builds it asks for."""
    commands = folder / "bin"
    commands.mkdir()
    for name in ("sed", "git", "printenv", "dirname", "basename", "sh"):
        (commands / name).symlink_to(Path("/usr/bin") / name)
    for name in builders:
        (commands / name).write_text(_BUILDER)
        (commands / name).chmod(0o755)
    calls = folder / "calls"
    calls.touch()
    done = subprocess.run(
        [str(ROOT / "tools" / "build-image"), *options],
        env={"PATH": str(commands), "CALLS": str(calls), "ENGINE": str(engine), "HOME": os.devnull} | environment,
        capture_output=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    builds = [line for line in calls.read_text().splitlines() if line.split()[1] == "build"]
    return done.returncode, (done.stdout + done.stderr).decode(), builds


@pytest.mark.parametrize(
    ("builders", "engine", "taken"),
    [
        (["docker", "buildah", "podman"], 0, "docker"),
        (["docker", "buildah", "podman"], 1, "buildah"),
        (["docker", "podman"], 1, "podman"),
        (["buildah"], 0, "buildah"),
    ],
)
def test_the_first_builder_that_works_is_taken(
    tmp_path: Path, builders: Sequence[str], engine: int, taken: str
) -> None:
    code, _, (build,) = run(tmp_path, builders=builders, engine=engine)

    assert (code, build.split()[0]) == (0, taken)


def test_another_builder_is_taken_if_one_asks_for_it(tmp_path: Path) -> None:
    _, _, (build,) = run(tmp_path, builders=["docker", "buildah"], BUILDER="buildah")

    assert build.split()[0] == "buildah"


def test_images_of_buildah_have_health_checks(tmp_path: Path) -> None:
    _, _, (build,) = run(tmp_path, builders=["buildah"])

    assert "--format docker" in build


def test_the_image_is_named_by_its_version(tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    _, said, (build,) = run(tmp_path, builders=["docker"])

    assert said.splitlines()[-1] == f"webrtc-observer:{version}"
    assert f"--tag webrtc-observer:{version} " in build
    assert f"--build-arg VERSION={version} " in build


def test_options_are_passed_on(tmp_path: Path) -> None:
    _, _, (build,) = run(tmp_path, "--build-arg", "BASE=example", builders=["docker"])

    assert build.endswith("--build-arg BASE=example .")


def test_a_package_index_of_the_environment_is_passed_on_by_its_name_only(tmp_path: Path) -> None:
    index = "https://somebody:secret@packages.example.org/simple"

    _, said, (build,) = run(tmp_path, builders=["docker"], PIP_INDEX_URL=index)

    assert "--build-arg PIP_INDEX_URL " in build
    assert "secret" not in said + build


@pytest.mark.parametrize("builders", [[], ["docker"]])
def test_without_a_builder_it_says_what_is_missing(tmp_path: Path, builders: Sequence[str]) -> None:
    code, said, builds = run(tmp_path, builders=builders, engine=1)

    assert (code, builds) == (1, [])
    assert said.startswith("Nothing here builds images: there is neither a docker whose engine answers, nor")
