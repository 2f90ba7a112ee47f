"""What ``timeZoneOffsetInHours`` means: hours by its name, minutes as real clients send them."""

import pytest

from analysis.events import time_zone_id


@pytest.mark.parametrize(
    ("offset", "zone"),
    [
        (None, None),
        (0, "Z"),
        (0.001, "Z"),
        (3, "+03:00"),
        (-5, "-05:00"),
        (5.5, "+05:30"),
        (14, "+14:00"),
        (-120, "+02:00"),
        (180, "-03:00"),
        (-330, "+05:30"),
        (15, "-00:15"),
        (1080, "-18:00"),
        (1081, None),
        (1e300, None),
    ],
)
def test_an_offset_names_a_zone(offset: float | None, zone: str | None) -> None:
    assert time_zone_id(offset) == zone
