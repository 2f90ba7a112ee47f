"""kill -9 under load: what was accepted is told, once, and the rest goes on at once."""

from pathlib import Path

import pytest

from tests.faults.kills import kills

pytestmark = pytest.mark.processes

LONGEST_GAP = 1.5
SLOW = 3000
"""How long reports wait for others. (ms)"""


async def test_kill_9_of_leader_and_followers_loses_nothing_that_others_took(tmp_path: Path) -> None:
    outcome = await kills(tmp_path, leaders=3, followers=3)

    outcome.verdict.assert_clean()
    assert outcome.exit_codes == [0, 0, 0]
    assert max(outcome.gaps) < LONGEST_GAP


async def test_what_a_killed_node_had_not_told_another_tells(tmp_path: Path) -> None:
    outcome = await kills(tmp_path, leaders=1, followers=1, reports_every=SLOW)

    outcome.verdict.assert_clean()
    assert outcome.exit_codes == [0, 0, 0]
    assert max(outcome.verdict.lost.values(), default=0.0) < SLOW / 4000 + max(outcome.behind)
