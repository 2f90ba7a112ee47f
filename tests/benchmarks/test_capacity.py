"""The capacity model, its tables in the documents, and the crowd that its constants are measured with."""

from dataclasses import replace

import pytest

from analysis.bounds import Bounds
from benchmarks.capacity_bench import tables
from benchmarks.capacity_bench.crowd import STEADY, talkers
from benchmarks.capacity_bench.model import (
    MEASURED,
    MOST_BATCHES,
    MOST_CLIENTS,
    MOST_CONNECTIONS,
    MOST_OF_A_CORE,
    MOST_PEER_CONNECTIONS,
    MOST_TRACKS,
    ROWS_OF_A_COMMAND,
    TICKS,
    Load,
    layout,
    need,
)
from benchmarks.capacity_bench.readings import CLIENTS, SAMPLES, Reading, Window, metrics_of, until
from benchmarks.capacity_bench.stage import crowd, stage
from observer import pipeline
from observer.intake import SamplesCollector
from tests.docs.documents import TOP, text_of
from web.limits import Limits

PAGE = TOP / "docs" / "scaling.md"
LOAD = Load(clients=1000, period=5.0, participants=5)


def test_a_client_of_an_sfu_receives_the_tracks_of_all_others_over_two_peer_connections() -> None:
    assert (LOAD.tracks, LOAD.rows) == (10, 13)


def test_a_client_of_a_mesh_sends_its_tracks_to_each_of_the_others() -> None:
    mesh = replace(LOAD, mesh=True)

    assert (mesh.peer_connections, mesh.tracks, mesh.rows) == (4, 16, 21)


def test_tracks_that_are_not_received_cost_nothing() -> None:
    large = replace(LOAD, participants=100, received=8)

    assert need(large) == need(LOAD)


def test_rows_are_committed_at_the_first_sample_after_a_tenth_of_their_idle_limit() -> None:
    assert replace(LOAD, period=10.0).rows_per_s == pytest.approx(1000 * 13 / 35)


def test_an_idle_limit_of_ten_times_as_much_saves_most_rows() -> None:
    assert replace(LOAD, idle_limit=3000).rows_per_s < LOAD.rows_per_s / 9


def test_more_nodes_divide_samples_but_not_rows() -> None:
    nine = replace(LOAD, nodes=9)
    of_rows = need(nine).other - need(replace(nine, idle_limit=1e9)).other

    assert need(nine).other < need(LOAD).other
    assert of_rows > LOAD.rows_per_s * MEASURED.row_applied / 1e6


def test_the_leader_has_more_to_do_the_more_nodes_it_sends_to() -> None:
    three, nine = need(LOAD), need(replace(LOAD, nodes=9))

    assert nine.leader - nine.other > three.leader - three.other > 0


def test_a_node_that_is_alone_keeps_no_log_and_sends_nothing() -> None:
    alone = need(replace(LOAD, nodes=1))

    assert (alone.memory, alone.from_leader) == (alone.memory_without_log, 0)


def test_a_layout_has_room_on_every_node_for_peaks() -> None:
    _, part = layout(Load(20_000, 5.0))

    assert need(part).leader <= MOST_OF_A_CORE


def test_a_layout_has_one_cluster_where_one_is_enough() -> None:
    clusters, part = layout(LOAD)

    assert (clusters, part.nodes, part.clients) == (1, 3, 1000)


def test_a_layout_has_all_clients() -> None:
    clusters, part = layout(Load(100_001, 5.0))

    assert clusters > 1
    assert clusters * part.clients >= 100_001


def test_commands_are_made_as_often_and_as_large_as_a_node_makes_them() -> None:
    assert (1 / TICKS, ROWS_OF_A_COMMAND) == (pipeline._TICK, pipeline._MOST_TOUCHED)
    assert SamplesCollector().max_time_in_ms == 1000 / MOST_BATCHES


def test_the_bounds_of_a_cluster_are_the_defaults_of_the_observer() -> None:
    bounds = Bounds()

    assert (bounds.max_clients, bounds.max_peer_connections, bounds.max_tracks) == (
        MOST_CLIENTS,
        MOST_PEER_CONNECTIONS,
        MOST_TRACKS,
    )
    assert Limits().max_connections == MOST_CONNECTIONS


def test_no_cluster_has_more_clients_than_its_bounds_let_in() -> None:
    _, part = layout(Load(150_000, 3600.0, participants=2))

    assert part.clients <= MOST_CLIENTS


def test_the_page_shows_what_the_model_says() -> None:
    page = text_of(PAGE)

    assert tables.into(page) == page


def test_a_table_that_is_out_of_date_is_made_anew() -> None:
    page = text_of(PAGE)
    line = list(tables.rooms())[3]

    assert tables.into(page.replace(f"{line}\n", "| 5 | other |\n| more |\n")) == page


def test_a_page_without_the_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="the page has no table with the head"):
        tables.into("# Scaling\n")


def test_metrics_are_read_with_their_labels() -> None:
    text = '# HELP a b\na_total 3.0\nb_entries{storage="rooms"} 2.0\nb_entries{storage="clients"} 5.0\n'
    reading = Reading(0.0, 0.0, 0, metrics_of(text))

    assert (reading["a_total"], reading['b_entries{storage="rooms"}'], reading["b_entries"]) == (3, 2, 7)


def test_a_window_tells_what_happened_in_a_second() -> None:
    window = Window(Reading(10.0, 1.0, 0, {"x": 5.0}), Reading(14.0, 3.0, 0, {"x": 13.0}))

    assert (window.share, window.rate("x")) == (0.5, 2.0)


def test_the_clients_of_a_crowd_are_spread_and_each_has_its_own_messages() -> None:
    made = talkers(["ws://a", "ws://b"], 5, 2, sfu=False, seed=1)

    assert [one.url for one in made] == ["ws://a", "ws://b", "ws://a", "ws://b", "ws://a"]
    assert [len(one.steady) for one in made] == [STEADY] * 5
    assert len({one.first for one in made}) == 5


@pytest.mark.processes
async def test_a_crowd_joins_speaks_and_leaves() -> None:
    async with stage(1) as nodes, crowd(nodes, 6, 3) as clients:
        await clients.do("open")
        await clients.do("join 0")
        async with clients.speaking(0.2):
            await until(nodes, SAMPLES, 12)
        seen = await until(nodes, CLIENTS, 6)
        left = await clients.do("leave")
        await until(nodes, CLIENTS, 0, 0)

    assert seen[0].rows == 6 * (1 + 2 + 2 + 4)
    assert seen[0].trouble == 0
    assert left == {"closed": 0}
