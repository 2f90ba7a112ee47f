import pytest

from benchmarks.soak import Moment, verdict
from observer.simulation.client import Summary

FLAT = [Moment(at=float(at), memory=100_000_000, cpu=1.0, open=200, samples=at, errors=0) for at in range(0, 600, 5)]
GROWING = [Moment(at=m.at, memory=m.memory + int(m.at) * 10_000, cpu=1.0, open=200, samples=1, errors=0) for m in FLAT]
WELL = (Summary(samples=100),)


def test_a_flat_memory_without_trouble_is_well() -> None:
    assert verdict(FLAT, WELL, [], 0, 0.03) == 0


@pytest.mark.parametrize(
    ("moments", "sent", "trouble", "code"),
    [
        (GROWING, WELL, [], 0),
        (FLAT[:12], WELL, [], 0),
        (FLAT, (Summary(samples=100, errors=1),), [], 0),
        (FLAT, (Summary(samples=100, refused=1),), [], 0),
        (FLAT, WELL, ['observertc_sinks_dropped_reports_total{sink="nowhere"} 1.0'], 0),
        (FLAT, WELL, [], 1),
    ],
    ids=["growth", "too short", "an error", "a refusal", "a counter of trouble", "a node that failed"],
)
def test_a_soak_is_not_well(moments: list[Moment], sent: tuple[Summary, ...], trouble: list[str], code: int) -> None:
    assert verdict(moments, sent, trouble, code, 0.03) == 1
