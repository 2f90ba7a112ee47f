"""Constants are found again in what runs would see that obey them."""

from itertools import product

import pytest

from benchmarks.capacity_bench.decoded import times_its_size
from benchmarks.capacity_bench.fits import Committed, Held, Spoken, line, of_memory, of_rows, of_samples


def test_a_line_through_points_on_a_line_is_that_line() -> None:
    assert line([(1, 5), (2, 7), (4, 11)]) == pytest.approx((3, 2))


def test_the_cost_of_a_sample_is_told_from_what_a_node_does_anyway() -> None:
    seen = [
        Spoken(tracks, 2 + 1.5 * tracks, rate, 0.03 + rate * (800 + 30 * tracks) / 1e6)
        for tracks, rate in product((4, 10, 40), (50, 200))
    ]

    assert of_samples(0.01, seen) == pytest.approx(
        {
            "at_rest_percent": 1,
            "at_work_percent": 2,
            "sample": 800,
            "sample_track": 30,
            "message": 2,
            "message_track": 1.5,
        }
    )


def test_the_cost_of_a_row_is_told_apart_by_who_makes_sends_and_applies_it() -> None:
    seen = [
        Committed(
            clients=rows / 10,
            rows=rows,
            commands=10,
            home=0.2 + rows * 15 / 1e6,
            untouched=0.2,
            leader=0.03 + rows * (5 + 2 * 3) / 1e6 + 10 * 400 / 1e6,
            other=0.03 + rows * 5 / 1e6 + 10 * 400 / 1e6,
            log=rows * 150,
        )
        for rows in (4000, 8000)
    ]

    assert of_rows(0.03, seen, 2) == pytest.approx(
        {
            "member_percent": 3,
            "row_made": 10,
            "row_applied": 5,
            "row_sent": 3,
            "command": 400,
            "touch_bytes": 1500,
        }
    )


def test_memory_is_told_apart_by_what_holds_it() -> None:
    silent = [Held(n, 0, 0, 55 + n * 0.027, 55, 0) for n in (500, 1000)]
    busy = [
        [
            Held(
                clients=n,
                rows=n * rows,
                kb=kb,
                home=55 + 20 + n * (27 + 4 * kb + 0.8 * rows) / 1000 + n / 100,
                other=55 + n * 0.8 * rows / 1000 + n / 100,
                log=n / 100,
            )
            for n in (500, 1000)
        ]
        for rows, kb in ((13, 17), (43, 60))
    ]

    assert of_memory(55, silent, busy) == pytest.approx(
        {"node_memory": 55_000, "connection": 27, "row_memory": 0.8, "message_held": 4, "work_memory": 20_000}
    )


def test_a_decoded_sample_takes_more_than_its_message_and_less_than_ten_times_as_much() -> None:
    assert 1 < times_its_size(2, sfu=False) < 10
