"""Pictures are SVG that shows every point where it belongs."""

import re
from xml.etree import ElementTree

import pytest

from benchmarks.plots import Axis, Curve, nice, picture

SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_shows_each_point_of_each_curve() -> None:
    drawn = ElementTree.fromstring(
        picture("t", "x", "y", [Curve("one", [(1, 5), (2, 10)]), Curve("two", [(1, 0), (2, 4)])])
    )

    dots = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in drawn.iter(f"{SVG}circle")]
    assert len(dots) == 4
    assert dots[0][0] == dots[2][0] < dots[1][0] == dots[3][0]
    assert dots[1][1] < dots[0][1] < dots[2][1]


def test_names_are_told_where_there_are_several_curves() -> None:
    one = picture("t", "x", "y", [Curve("the first", [(1, 5), (2, 10)])])
    two = picture("t", "x", "y", [Curve("the first", [(1, 5), (2, 10)]), Curve("the second", [(1, 5), (2, 10)])])

    assert "the first" not in one
    assert {"the first", "the second"} <= set(re.findall(">([^<]+)</text>", two))


def test_text_is_escaped() -> None:
    assert ElementTree.fromstring(picture("a < b & c", "x", "y", [Curve("", [(1, 1), (2, 2)])])) is not None


def test_an_axis_counts_evenly_or_in_powers_of_ten() -> None:
    assert Axis(0, 10, 100, 200).at(5) == 150
    assert Axis(10, 1000, 100, 200, log=True).at(100) == pytest.approx(150)


@pytest.mark.parametrize(
    ("most", "top"), [(0.9, 1), (1, 1), (101, 150), (180, 200), (303, 400), (8500, 10_000), (0, 1)]
)
def test_the_top_of_an_axis_is_a_round_number_above_all(most: float, top: float) -> None:
    assert nice(most) == top
