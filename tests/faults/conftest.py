"""`pytest tests/faults --long` runs also what takes long."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run also the tests of faults that take long")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: is run by `make faults` only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long", default=False):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes long: make faults runs it"))
