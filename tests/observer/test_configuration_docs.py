import re
from dataclasses import is_dataclass
from pathlib import Path
from textwrap import indent
from typing import get_type_hints

import pytest

from discovery.pods import Pods
from observer.config.clustering import listed_peers, own_address
from observer.config.configuration import Configuration, Observer, parse
from observer.config.documented import attribute_docstrings, block_by_name, without_none, yaml_fields
from observer.config.effective import effective
from observer.config.page import PAGE, SAMPLE, markdown
from observer.config.reference_keys import MEANINGLESS
from observer.config.sample import sample
from sinks import SINKS, sink_class
from sinks.settings import SinkSettings
from tests.observer.certified import write_certificates


def blocks_of(cls: type) -> list[type]:
    """The dataclass, and all below it."""
    hints = get_type_hints(cls)
    kinds = [block_by_name(kind) or without_none(kind) for kind in (hints[f.name] for f in yaml_fields(cls))]
    return [
        cls,
        *(inner for kind in kinds if isinstance(kind, type) and is_dataclass(kind) for inner in blocks_of(kind)),
    ]


EVERY_BLOCK = {
    cls.__qualname__: cls
    for top in (Configuration, SinkSettings, *(sink_class(name) for name in SINKS))
    for cls in blocks_of(top)
}


def test_the_page_in_the_repository_is_the_one_that_is_made() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run: python -m observer.config.page"


def test_the_sample_in_the_repository_is_the_one_that_is_made() -> None:
    assert SAMPLE.read_text(encoding="utf-8") == sample(), "run: python -m observer.config.page"


def test_the_sample_comes_to_the_defaults() -> None:
    assert parse(sample(), {}) == Configuration()


def test_the_sinks_of_the_sample_load_without_their_comment_signs() -> None:
    head, example = sample().split("  sinks: {}\n")
    uncommented = "\n".join(line.replace("  #", "", 1) for line in example.splitlines())

    configuration = parse(f"{head}  sinks:\n{indent(uncommented, '  ')}", {})

    assert set(configuration.observer.sinks) == {"everything", "callsOnly"}


def test_the_cluster_of_the_sample_loads_without_its_comment_signs(tmp_path: Path) -> None:
    write_certificates(tmp_path, "observer-1.observer", ca="ca.crt", cert="tls.crt", key="tls.key")
    text = sample().replace("peers: {}", "peers:").replace("endpoint: null", "endpoint:")
    uncommented = re.sub(r"^( {4}| {8})#   ", r"\1  ", text, flags=re.MULTILINE)

    configuration = parse(uncommented.replace("/etc/observer/tls", str(tmp_path)), {"HOSTNAME": "observer-1"})

    assert configuration.notices == ()
    hamok = configuration.observer.hamok
    assert hamok.endpoint is not None
    assert own_address(hamok.endpoint.config) in listed_peers(hamok.discovery)
    assert len(listed_peers(hamok.discovery)) == 3


def test_the_pods_of_the_sample_load_without_their_comment_signs(tmp_path: Path) -> None:
    write_certificates(
        tmp_path, "observer-1.observer-cluster.default.svc.cluster.local", ca="ca.crt", cert="tls.crt", key="tls.key"
    )
    text = sample().replace("type: StaticDiscovery", "type: K8sPodsDiscovery").replace("endpoint: null", "endpoint:")
    uncommented = re.sub(r"^( {4}| {6})#   ", r"\1  ", text.replace("        peers: {}\n", ""), flags=re.MULTILINE)
    own = "${HOSTNAME}.observer-cluster.default.svc.cluster.local"
    uncommented = uncommented.replace("${HOSTNAME}.observer", own)

    configuration = parse(uncommented.replace("/etc/observer/tls", str(tmp_path)), {"HOSTNAME": "observer-1"})

    assert configuration.notices == ()
    assert configuration.observer.hamok.discovery.config == Pods(prefix="observer-", service="observer-cluster")


def test_the_sample_honours_the_environment() -> None:
    assert parse(sample(), {"APPLICATION_SERVER_PORT": "1"}).micronaut.server.port == 1


@pytest.mark.parametrize("name", EVERY_BLOCK)
def test_every_key_says_what_it_does(name: str) -> None:
    cls = EVERY_BLOCK[name]

    assert {f.name for f in yaml_fields(cls)} <= set(attribute_docstrings(cls))


@pytest.mark.parametrize("name", EVERY_BLOCK)
def test_a_key_that_names_a_unit_says_so_in_brackets(name: str) -> None:
    units = {"_in_s": "(s)", "_in_ms": "(ms)", "_bytes": "(bytes)"}
    told = attribute_docstrings(EVERY_BLOCK[name])

    assert [
        field for field, text in told.items() for end, unit in units.items() if field.endswith(end) and unit not in text
    ] == []


def test_a_key_stands_in_the_page_with_type_unit_and_default() -> None:
    row = next(line for line in markdown().splitlines() if "buffers.samplesCollector.maxTimeInMs`" in line)

    cells = [cell.strip() for cell in row.strip("|").split("|")]

    assert cells[0] == "`observer.buffers.samplesCollector.maxTimeInMs`"
    assert cells[1].startswith("whole number")
    assert cells[2:4] == ["ms", "`100`"]


def test_a_key_of_blocks_that_have_names_stands_in_the_page() -> None:
    page = markdown()

    assert "| `observer.hamok.discovery.config.peers` | mapping of text to blocks |" in page
    assert "| `observer.hamok.discovery.config.peers.<name>.port` | whole number, from 1 to 65535 |" in page


def test_a_key_that_does_nothing_says_why() -> None:
    row = next(
        line for line in markdown().splitlines() if line.startswith("| `observer.metrics.serviceIdTagName` | text")
    )

    assert "Means nothing here: no metric carries these ids" in row
    assert "not yet" not in row.lower()


def test_a_block_that_may_be_absent_says_so() -> None:
    assert "| `observer.hamok.endpoint.config.tls` | block |  | none |" in markdown()


def test_every_key_of_the_effective_configuration_stands_in_the_page() -> None:
    page = markdown()
    keys = {line.split(":")[0].strip() for line in effective(Configuration()).splitlines() if ":" in line}

    assert {key for key in keys if not re.search(rf"[`.]{key}[`.]", page)} == set()


def test_every_row_of_the_two_tables_stands_in_the_page() -> None:
    page = markdown()

    missing = [
        f"{row.block}.{key}".strip(".")
        for row in MEANINGLESS
        for key in row.keys
        if f"| `{f'{row.block}.{key}'.strip('.')}` | {row.reason} |" not in page
    ]

    assert missing == []


def test_every_block_of_the_observer_has_a_section() -> None:
    page, hints = markdown(), get_type_hints(Observer)
    blocks = [f.name for f in yaml_fields(Observer) if is_dataclass(hints[f.name])]

    assert [name for name in blocks if f"## observer.{name}\n" not in page] == []


def test_a_block_that_stands_twice_has_the_defaults_of_its_place() -> None:
    page = markdown()

    assert "| `micronaut.server.limits.maxConnections` | whole number, from 1 |  | `20000` |" in page
    assert "| `endpoints.all.limits.maxConnections` | whole number, from 1 |  | `100` |" in page
