"""One engine and one image for all tests of a worker that ask for them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.image.engine import Engine
from tests.image.engine import engine as start
from tests.image.pip_settings import pip_secrets


@dataclass(frozen=True)
class Image:
    """The image of the observer, and the engine that has it."""

    engine: Engine
    name: str

    def run(self, *command: str, entrypoint: str = "python3") -> str:
        """What a command prints in a container that may do nothing."""
        confined = ("--rm", "--network", "none", "--read-only", "--cap-drop", "all", "--entrypoint", entrypoint)
        return self.engine.podman("run", *confined, self.name, *command).stdout.decode()


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The image, built from the sources as they are."""
    if os.geteuid() != 0:
        pytest.skip("containers are run as root here")
    with start() as engine:
        yield Image(engine, engine.build(*pip_secrets(engine.folder)))
