"""The service that tests of dumps share: started when first asked for, skipped where it is not at hand."""

from collections.abc import Iterator

import pytest

from tests.sinks.services.seaweed import SeaweedFS


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    with SeaweedFS(tmp_path_factory.mktemp("seaweed")) as service:
        yield service
