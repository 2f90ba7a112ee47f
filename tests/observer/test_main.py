from pathlib import Path

import pytest

from observer.main import main


@pytest.mark.parametrize("level", ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"])
def test_whatever_a_logger_sink_logs_can_be_shown(level: str, tmp_path: Path) -> None:
    assert main(["run", "--log-level", level, "--config", str(tmp_path / "missing.yaml")]) == 2
