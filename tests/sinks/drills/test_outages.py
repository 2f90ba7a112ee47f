"""Outages of all services at once, in short; `make outages` plays them at length, one after the other."""

from pathlib import Path

import pytest

from tests.sinks.drills.destinations import DESTINATIONS
from tests.sinks.drills.outage import Outcome, Plan, outage

pytestmark = pytest.mark.processes

AT_MOST_MB = 80
"""How much memory an outage may take: far more than all reports of the drill, which take some 10 MB."""

QUICKLY = {"retry": {"maxInMs": 500}}


def assert_nothing_is_lost(outcome: Outcome) -> None:
    assert outcome.wrong == {}
    assert outcome.unmade == []
    assert outcome.made > 500
    assert outcome.most_mb - outcome.calm_mb < AT_MOST_MB
    assert outcome.exit_code == 0


async def test_an_outage_of_all_services_loses_nothing(tmp_path: Path) -> None:
    outcome = await outage(tmp_path, DESTINATIONS, Plan(seconds=3, settings=QUICKLY))

    assert_nothing_is_lost(outcome)


async def test_a_spool_outlasts_kill_9_of_the_observer_in_an_outage(tmp_path: Path) -> None:
    outcome = await outage(tmp_path, DESTINATIONS, Plan(seconds=4, settings=QUICKLY, spool=True, kill_observer=True))

    assert_nothing_is_lost(outcome)
