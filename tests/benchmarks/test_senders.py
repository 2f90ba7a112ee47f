"""The ways to tell samples that are compared: they say the same."""

import pytest

from benchmarks.senders import RECORDINGS, Way, at_hand, measured, of_protobuf, simulated


def recorded(name: str) -> list[Way]:
    path = at_hand(name)
    assert path is not None
    assert path.parent == RECORDINGS[0]
    return of_protobuf(path)


@pytest.mark.parametrize(
    "ways",
    [simulated(), recorded("oc2-2party-protobuf"), recorded("oc3-2party-protobufdelta")],
    ids=lambda ways: ways[-1].name,
)
def test_the_same_samples_make_the_same_number_of_reports_in_whichever_way_they_are_told(ways: list[Way]) -> None:
    reports = {way.name: measured(way).reports for way in ways}

    assert len(set(reports.values())) == 1
    assert min(reports.values()) > 5
