"""What the documents say of the chart works."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import Block, blocks, blocks_of, rows, text_of
from tests.docs.test_documented_facts import dead_links
from tests.helm.charts import CHART, helm, kinds, rendered
from tests.helm.cluster_double import cluster_with
from tests.helm.test_configuration import taken
from tests.helm.test_values import leaves, schema
from tests.services import ROOT

PAGE = ROOT / "docs" / "kubernetes.md"
README = CHART / "README.md"
VALUES = [block for block in blocks("text") if block.words == ("values.yaml",)]
COMMANDS = [block for page in (PAGE, README, ROOT / "helm" / "README.md") for block in blocks_of(text_of(page), page)]
NO_VALUES = {"tls.crt", "tls.key", "cluster.local"}
"""Words that look like values and are keys of a Secret, or a domain."""

_VALUE = re.compile(r"`([A-Za-z]+(?:\.[A-Za-z]+)*)(?:=[^`]*|: [^`]*)?`")


def test_there_are_values_in_the_documents() -> None:
    assert len(VALUES) > 5


@pytest.mark.parametrize("block", VALUES, ids=str)
def test_documented_values_make_pods_whose_observers_take_them(block: Block, tmp_path: Path) -> None:
    assert taken(tmp_path, values=block.text).notices == ()


def test_every_value_that_a_command_sets_exists() -> None:
    set_by_commands = {
        key for block in COMMANDS if block.language == "console" for key in re.findall(r"--set (\S+?)=", block.text)
    }

    assert set_by_commands == {"image.repository", "replicas"}
    assert set_by_commands <= {path for path, _ in leaves(schema())}


@pytest.mark.parametrize("page", [PAGE, README])
def test_every_value_that_is_named_exists(page: Path) -> None:
    paths = {path for path, _ in leaves(schema())}
    above = {path.rpartition(".")[0] for path in paths} | {path.partition(".")[0] for path in paths}
    tops = {path.partition(".")[0] for path in paths} - {"observer", "micronaut", "endpoints"}

    named = {word for word in _VALUE.findall(text_of(page)) if word.partition(".")[0] in tops}
    wrong = {
        word for word in named - paths - above - NO_VALUES if not any(word.startswith(f"{path}.") for path in paths)
    }
    assert len(named) > 15
    assert wrong == set()


def test_what_the_page_says_comes_up_comes_up() -> None:
    told = {row[0] for row in rows(text_of(PAGE), "What comes up")}

    named = {kind.strip().removesuffix("s") for row in told for kind in row.split(",")}
    assert named - {"headles"} == kinds() - {"Pod"}


def test_the_name_of_the_certificate_is_the_one_that_the_page_tells() -> None:
    (secret,) = (it for (_, name), it in rendered().items() if name == "observer-cluster-tls")

    assert f"`{secret['metadata']['annotations']['webrtc-observer/names']}`" in text_of(PAGE)


def test_the_tool_makes_the_files_that_the_page_puts_into_a_secret(tmp_path: Path) -> None:
    (arguments,) = re.findall(r"^webrtc-observer (certificates .*)$", text_of(PAGE), re.MULTILINE)
    files = re.findall(r"--from-file \S+?=(\S+)", text_of(PAGE))

    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "observer", *shlex.split(arguments)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)

    assert len(files) == 3
    assert [file for file in files if not (tmp_path / file).exists()] == []


def test_every_link_of_the_readme_leads_somewhere() -> None:
    assert dead_links(text_of(README), README) == set()


def notes(folder: Path, *options: str) -> str:
    """What Helm says after an installation."""
    with cluster_with([], folder) as kubeconfig:
        words = ("--dry-run=client", "--disable-openapi-validation", "--kubeconfig", kubeconfig, "--output", "json")
        done = helm("helm3", "install", "observer", CHART, *words, *options)
    assert done.returncode == 0, done.stderr
    found: str = json.loads(done.stdout)["info"]["notes"]
    return found


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("replicas=3", "3 observers come up in namespace default."),
        ("replicas=4", "NOTE: 4 observers stand no more failures than 3"),
        ("replicas=1,observer.sources.websocket.minRemotePeers=0", "NOTE: a single observer forgets all calls"),
        ("autoscaling.enabled=true,replicas=null", "WARNING: each observer is a voter"),
        ("autoscaling.enabled=true,replicas=null", "3 to 5 observers come up"),
        ("replicas=3", "NOTE: the chart has made the certificates"),
        ("observer.sinks.x.type=FileSink", "NOTE: the reports of x go to files that vanish with their pod"),
        ("podDisruptionBudget.maxUnavailable=2", "NOTE: podDisruptionBudget.maxUnavailable is 2"),
        ("service.type=LoadBalancer", "NOTE: the Service is open to the outside and speaks plain text"),
        ("ingress.enabled=true,ingress.hosts[0]=example.org", "ws://example.org/samples/{serviceId}/{mediaUnitId}"),
        ("ingress.enabled=true", "NOTE: the Ingress has no certificate"),
        ("endpoints.all.port=9000", "port-forward observer-0 9000"),
    ],
)
def test_the_notes_say_what_to_think_of(values: str, said: str, tmp_path: Path) -> None:
    assert said in notes(tmp_path, "--set", values)


def test_nothing_is_noted_in_vain(tmp_path: Path) -> None:
    assert "NOTE" not in notes(tmp_path, "--set", "tls.existingSecret=mine")
    five = "replicas=5,podDisruptionBudget.maxUnavailable=2,tls.existingSecret=mine"
    assert "NOTE" not in notes(tmp_path, "--set", five)
