"""The containers of docs/containers.md run as they are written there, with podman and without a network."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.documents import TOP, blocks_of, text_of
from tests.image.conftest import Image

pytestmark = [pytest.mark.timeout(600), pytest.mark.processes]

PAGE = TOP / "docs" / "containers.md"

_HEALTHY_S = 60.0
_POLL_S = 0.2


def documented_run() -> list[str]:
    """The words of the command that runs one container, without those that need a network."""
    (text,) = (
        block.text for block in blocks_of(text_of(PAGE), PAGE) if "docker run --detach --name observer \\" in block.text
    )
    words = iter(shlex.split(text.replace("\\\n", " "))[2:])
    kept = []
    for word in words:
        if word == "--publish":
            next(words)
        else:
            kept.append(word)
    return kept


@contextmanager
def running(image: Image, folder: Path) -> Iterator[str]:
    """The container of the document, with the configuration of the document; its name."""
    (configuration,) = (block for block in blocks_of(text_of(PAGE), PAGE) if block.words == ("node.yaml",))
    (folder / "node.yaml").write_text(configuration.text)
    words = [word.replace("$PWD", str(folder)) for word in documented_run()]
    image.engine.podman("run", "--network=none", *words)
    try:
        yield "observer"
    finally:
        image.engine.podman("rm", "--force", "--time", "1", "observer", checked=False)


def test_the_container_of_the_document_becomes_healthy_and_ends_well(image: Image, tmp_path: Path) -> None:
    with running(image, tmp_path) as name:
        deadline = time.monotonic() + _HEALTHY_S
        while image.engine.podman("healthcheck", "run", name, checked=False).returncode != 0:
            assert time.monotonic() < deadline, image.engine.podman("logs", name).stderr.decode()[-3000:]
            time.sleep(_POLL_S)
        image.engine.podman("stop", name)

        assert image.engine.inspect(name)["State"]["ExitCode"] == 0


def test_without_a_configuration_it_ends_with_code_2(image: Image) -> None:
    done = image.engine.podman("run", "--rm", "--network=none", "--read-only", image.name, checked=False)

    assert done.returncode == 2
    assert b"/etc/webrtc-observer/observer.yaml" in done.stderr
