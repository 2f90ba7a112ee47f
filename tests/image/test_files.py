"""The files that make the image and its containers agree with the project and with each other."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from observer.config import parse
from observer.main import main
from tests.image.compose import Service, seconds, services
from tests.image.proxy import CONFIGURATION
from tests.services import ROOT, tool

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
NODES = {name: service for name, service in services().items() if name.startswith("node")}
OURS = {name: service for name, service in services().items() if name != "proxy"}

_PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def locked(name: str) -> dict[str, str]:
    """The versions of a lock by the names of packages."""
    return dict(_PINNED.findall((ROOT / name).read_text()))


@pytest.mark.parametrize("name", ["requirements.runtime.lock", "requirements.build.lock"])
def test_what_the_image_takes_has_the_versions_that_were_tested(name: str) -> None:
    tested = locked("requirements.lock")

    assert {
        package: version for package, version in locked(name).items() if tested.get(package, version) != version
    } == {}


def test_the_image_has_what_the_observer_needs() -> None:
    wanted = list(PROJECT["project"]["dependencies"])
    for extra in PROJECT["project"].get("optional-dependencies", {}).values():
        wanted += extra

    names = {found[0].lower() for found in map(_NAME.match, wanted) if found}

    assert names <= locked("requirements.runtime.lock").keys()


def test_the_image_is_built_with_what_the_project_is_built_with() -> None:
    names = {found[0] for found in map(_NAME.match, PROJECT["build-system"]["requires"]) if found}

    assert names <= locked("requirements.build.lock").keys()


def test_the_image_has_nothing_that_only_developers_need() -> None:
    assert not locked("requirements.runtime.lock").keys() & {"pytest", "mypy", "ruff", "hypothesis", "hatchling"}


@pytest.mark.parametrize("name", ["requirements.runtime.lock", "requirements.build.lock"])
def test_every_package_is_held_to_its_hashes(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = re.split(r"\n(?=\S)", text)

    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert DOCKERFILE.count("--require-hashes") == 2


def test_the_builder_is_given_every_package_of_the_project() -> None:
    given = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()}

    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= given


def test_the_builder_is_given_nothing_that_is_not_named() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    assert next(line for line in lines if not line.startswith("#")) == "*"


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["project"]["version"]

    assert f"ARG VERSION={version}\n" in DOCKERFILE
    assert {service.block["image"] for service in OURS.values()} == {f"webrtc-observer:{version}"}


def test_no_image_is_taken_as_the_latest() -> None:
    bases = re.findall(r"^ARG BASE=(.*)$", DOCKERFILE, re.MULTILINE)
    images = [*bases, services()["proxy"].block["image"]]

    assert [image for image in images if ":" not in image or image.endswith(":latest")] == []


@pytest.mark.parametrize("service", services().values(), ids=services().keys())
def test_every_container_may_do_nothing_that_it_does_not_need(service: Service) -> None:
    assert service.block["read_only"] is True
    assert service.block["cap_drop"] == ["ALL"]
    assert service.block["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", OURS.values(), ids=OURS.keys())
def test_every_key_is_one_that_the_tests_obey(service: Service) -> None:
    assert "--read-only" in service.options()


def test_all_ports_are_of_this_machine_and_no_two_are_the_same() -> None:
    ports = [port for service in services().values() for port in service.block.get("ports", [])]

    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports) == 7


@pytest.mark.parametrize("name", NODES)
def test_a_node_is_among_its_peers_and_has_time_to_leave(name: str, tmp_path: Path) -> None:
    assert main(["certificates", "--out", str(tmp_path), name]) == 0
    text = (ROOT / "deploy" / "compose" / "observer.yaml").read_text()

    observer = parse(text.replace("/etc/webrtc-observer/tls", str(tmp_path)), NODES[name].block["environment"]).observer

    assert name in text.partition("peers:")[2]
    assert observer.hamok.endpoint is not None
    assert observer.hamok.endpoint.config.advertised_host == name
    assert seconds(NODES[name].block["stop_grace_period"]) > observer.shutdown_grace_in_s


def test_certificates_are_made_for_every_node() -> None:
    hosts = services()["certificates"].command()

    assert set(NODES) <= set(hosts)


def test_the_proxy_knows_every_node() -> None:
    known = re.findall(r"^ +server (\S+) (\S+):7080$", CONFIGURATION.read_text(), re.MULTILINE)

    assert known == [(name, name) for name in NODES]


def test_the_configuration_of_the_proxy_is_one() -> None:
    done = subprocess.run([tool("haproxy"), "-c", "-f", CONFIGURATION], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
