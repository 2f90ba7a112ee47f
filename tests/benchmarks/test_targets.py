"""What is promised of speed is judged by the middle of the rounds, and told with their range."""

from benchmarks.table.rounds import figure, ratio, ratio_at_once
from benchmarks.table.targets import ROWS, Bound, Figure, Measured, Row, also, as_json, from_json, table, verdict

AT_MOST = Bound("cpu", 7, "{} s of CPU", digits=1)
AT_LEAST = Bound("rate", 3000, "{} a second", at_least=True)
ROW = Row("storm", "a storm", (AT_MOST, AT_LEAST))


def measured(**figures: float) -> Measured:
    return Measured({name: Figure(value, value, value) for name, value in figures.items()})


def test_a_bound_says_what_is_promised() -> None:
    assert [AT_MOST.target, AT_LEAST.target] == ["at most 7.0 s of CPU", "at least 3,000 a second"]


def test_a_result_is_told_with_its_range() -> None:
    assert AT_MOST.result(Figure(6.02, 5.5, 7.26)) == "6.0 s of CPU (5.5 to 7.3)"


def test_a_range_that_shows_no_difference_is_not_told() -> None:
    assert AT_MOST.result(Figure(6.02, 6.01, 6.04)) == "6.0 s of CPU"


def test_a_result_is_told_so_that_it_shows_on_which_side_it_is() -> None:
    assert AT_MOST.result(Figure(7.004, 7.004, 7.004)) == "7.004 s of CPU"
    assert AT_LEAST.result(Figure(2999.8, 2999.8, 3001)) == "2,999.8 a second (2,999.8 to 3,001)"


def test_a_row_is_met_when_all_its_bounds_are_kept() -> None:
    assert verdict(ROW, measured(cpu=7, rate=3000)) == "yes"


def test_a_row_is_not_met_when_one_bound_is_not_kept() -> None:
    assert verdict(ROW, measured(cpu=7.1, rate=3000)) == "no"
    assert verdict(ROW, measured(cpu=7, rate=2999)) == "no"


def test_a_row_with_a_figure_missing_is_met_by_nothing() -> None:
    assert verdict(ROW, measured(cpu=7)) == "-"
    assert verdict(ROW, Measured(missing="no node here")) == "-"
    assert verdict(ROW, None) == "-"


def test_a_row_with_a_figure_missing_is_not_met_when_another_is_not_kept() -> None:
    assert verdict(ROW, measured(cpu=8)) == "no"


def test_the_table_has_all_rows_measured_or_not() -> None:
    lines = table({"gc": measured(pause=20)})

    assert len(lines) == len(ROWS) + 2
    assert lines[-1] == "| garbage collection, 10,000 clients | at most 50 ms pause | 20 ms pause | yes |"
    assert all("not measured | - |" in line for line in lines[2:-1])


def test_a_row_tells_why_a_figure_is_missing() -> None:
    line = table({"real": Measured({"us": Figure(90, 90, 90)}, missing="no node and npm here")})[4]

    assert line.endswith("| no node and npm here | - |")


def test_results_come_back_as_they_were_kept() -> None:
    results = {"rest": Measured({"ratio": Figure(1.5, 1.4, 1.6)}, {"REST us": 90.0}, "why")}

    assert from_json(as_json(results)) == results


def test_a_figure_is_the_middle_of_its_rounds() -> None:
    assert figure([0.3, 0.1, 0.2], 1e3) == Figure(200, 100, 300)


def test_a_ratio_is_that_of_the_middles_and_its_range_that_of_the_rounds() -> None:
    assert ratio([2, 4, 6], [4, 4, 4]) == Figure(1, 0.5, 1.5)


def test_a_ratio_of_what_ran_at_once_is_that_of_each_window() -> None:
    assert ratio_at_once([1, 4, 9], [1, 2, 3]) == Figure(2, 1, 3)


def test_what_is_promised_of_is_not_told_among_what_was_also_measured() -> None:
    results = {"8k-rated": Measured({"ratio": Figure(0.5, 0.5, 0.5), "us": Figure(180, 175, 190)}, {"REST us": 85.11})}

    assert also(results)[2:] == ["| 8 kB messages, 200 connections, 5 a second each | µs: 180, REST µs: 85.1 |"]
