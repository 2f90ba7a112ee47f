"""How tests are spread over processes: those that share what takes long to start run in one."""

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadGroupScheduling

# How long an example takes says how busy the machine is.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

SHARING = ("tests/kubernetes/", "tests/image/", "tests/monitoring/", "tests/deploy/")
"""Folders whose tests share servers, images or ports."""


class Spread(LoadGroupScheduling):  # type: ignore[misc]
    """Each test by itself, but those of one of these folders together."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in SHARING if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread:
    """For `-n`. The mark `xdist_group` has no effect with pytest 9.2 and pytest-xdist 3.8."""
    return Spread(config, log)
