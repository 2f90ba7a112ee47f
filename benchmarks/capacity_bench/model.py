"""The capacity model: what a number of clients needs, from what was measured. Pure.

All of it is straight lines: what a node costs at rest, what each sample, each row and each join adds to it.
docs/scaling.md tells how the constants were measured and how far the lines may be trusted.
"""

import itertools
import math
from dataclasses import dataclass, replace

MOST_OF_A_CORE = 0.6
"""What a node may use, on average, for peaks to find room: it works in one thread."""

MOST_CLIENTS, MOST_PEER_CONNECTIONS, MOST_TRACKS = 100_000, 500_000, 2_000_000
"""How many a cluster takes of each: the defaults of `observer.repository.bounds`."""

MOST_CONNECTIONS = 20_000
"""How many WebSockets a node takes: the default of `micronaut.server.limits.maxConnections`."""

SIZES = (3, 5, 7, 9)
"""Nodes of a cluster."""

MOST_BATCHES = 10
"""How many batches with clients that come a node makes in a second, at most: `buffers.samplesCollector.maxTimeInMs`."""

TICKS = 2
"""How many times a second a node tells of the clients that came due, and of those that left, at most."""

ROWS_OF_A_COMMAND = 1000
"""How many rows one command touches, at most."""

TOUCHES_OF_A_LIMIT = 10
"""A row is touched once per tenth of its idle limit."""


@dataclass(frozen=True)
class Constants:
    """What was measured. Processor time in µs, memory in kB, unless it says otherwise."""

    at_rest_percent: float = 0.8
    """Processor time of a node that is alone and has nothing to do. (% of a core)"""

    member_percent: float = 2.6
    """The same of a member of a cluster of three. (% of a core)"""

    at_work_percent: float = 1.6
    """What is added as soon as samples come, however few. (% of a core)"""

    sample: float = 36.0
    """A sample without tracks."""

    sample_track: float = 13.0
    """Each track of a sample, with its report."""

    row_made: float = 0.5
    """A row that is touched, at the node that took the sample, without its applying: at most, none of it showed."""

    row_applied: float = 0.37
    """The same, at every node."""

    row_sent: float = 0.22
    """The same, at the leader, for each node that it is sent to."""

    command: float = 200.0
    """A command, at every node, without its rows: about as much as may have been overlooked."""

    touch_bytes: float = 115.0
    """A client that is touched with all that is below it, in a command, however many rows that is. (bytes)"""

    join_home: float = 515.0
    """A client of five that comes, at the node that it comes to: connection, first sample and rows."""

    join_elsewhere: float = 81.0
    """The same, at every other node."""

    leave_home: float = 338.0
    """A client of five that goes, at the node that it came to."""

    leave_elsewhere: float = 213.0
    """The same, at every other node."""

    churn_rows: int = 13
    """How many rows such a client has."""

    node_memory: float = 63_400.0
    """A member that holds nothing."""

    connection: float = 9.3
    """An open WebSocket that says nothing."""

    row_memory: float = 0.76
    """A row in the registry: a client, a peer connection or a track."""

    message: float = 1.27
    """A sample without tracks. (kB)"""

    message_track: float = 1.48
    """Each track of a sample. (kB)"""

    message_held: float = 0.02
    """What a client that speaks takes besides its WebSocket and its rows, as a multiple of the size of its message."""

    message_decoded: float = 5.1
    """What a sample takes that is decoded and waits, as a multiple of the size of its message: of protobuf, at most."""

    log: float = 67_000.0
    """The log of the cluster, at most: `maxBytes` of its `log` block."""

    work_memory: float = 10_000.0
    """What is under way at a time, and what the C library keeps: a reserve, as 3,700 of it showed when measured."""


MEASURED = Constants()


@dataclass(frozen=True)
class Load:
    """What is asked for: so many clients, each with a sample every `period` (s), in calls of `participants`.

    Each sends `sent` tracks and receives those of the others, through an SFU, over two peer connections; in a `mesh`
    over one for each of the others, to which it sends its tracks anew. `received`, when given, is how many tracks it
    receives. `stay` is how long a client stays on average, `idle_limit` after what time rows close (s).
    """

    clients: int
    period: float = 5.0
    participants: int = 5
    nodes: int = 3
    mesh: bool = False
    sent: int = 2
    received: int | None = None
    idle_limit: float = 300.0
    stay: float = 1800.0

    @property
    def peer_connections(self) -> int:
        """Of a client."""
        return self.participants - 1 if self.mesh else 2

    @property
    def tracks(self) -> int:
        """Of a client."""
        others = self.participants - 1
        heard = self.sent * others if self.received is None else self.received
        return self.sent * (others if self.mesh else 1) + heard

    @property
    def rows(self) -> int:
        """Of a client: itself, its peer connections and its tracks. Its call costs next to nothing."""
        return 1 + self.peer_connections + self.tracks

    @property
    def samples_per_s(self) -> float:
        """Of all clients."""
        return self.clients / self.period

    @property
    def rows_per_s(self) -> float:
        """How many rows are committed: all come due at the first sample after a tenth of the idle limit."""
        return self.clients * self.rows / (self.idle_limit / TOUCHES_OF_A_LIMIT + self.period / 2)

    @property
    def joins_per_s(self) -> float:
        """How many clients come, and as many go."""
        return self.clients / self.stay


@dataclass(frozen=True)
class Need:
    """What a load takes: cores of the leader and of another node, memory of a node (MB), network (Mbit/s)."""

    leader: float
    other: float
    memory: float
    memory_without_log: float
    from_clients: float
    from_leader: float
    log_bytes_per_s: float
    rows_ceiling: float
    """How many rows a second would take a whole core of the leader, samples aside."""


def need(load: Load, measured: Constants = MEASURED) -> Need:
    """What each node needs, if clients are spread evenly."""
    leader, other = (_core(load, measured, leads=leads) for leads in (True, False))
    memory = _memory(load, measured)
    log = load.rows_per_s / load.rows * measured.touch_bytes
    per_row = (_row_on_leader(load, measured) + measured.row_made / load.nodes) / 1e6
    return Need(
        leader=leader,
        other=other,
        memory=memory + (measured.log / 1000 if load.nodes > 1 else 0),
        memory_without_log=memory,
        from_clients=load.samples_per_s * message_kb(load, measured) * 8 / 1000 / load.nodes,
        from_leader=log * (load.nodes - 1) * 8 / 1e6,
        log_bytes_per_s=log,
        rows_ceiling=1 / per_row,
    )


def layout(load: Load, most: float = MOST_OF_A_CORE, measured: Constants = MEASURED) -> tuple[int, Load]:
    """How many clusters, and the load of each: as few clusters, then as few nodes, as keep each node below `most`."""
    for clusters in itertools.count(1):
        for nodes in SIZES:
            part = replace(load, clients=math.ceil(load.clients / clusters), nodes=nodes)
            if fits(part, most, measured):
                return clusters, part
    raise AssertionError("a cluster of one client is small enough")


def fits(load: Load, most: float = MOST_OF_A_CORE, measured: Constants = MEASURED) -> bool:
    """Whether its cluster can carry a load: within the bounds that a node has by itself, none of them above `most`."""
    return _within_bounds(load) and need(load, measured).leader <= most


def _within_bounds(load: Load) -> bool:
    return (
        load.clients <= min(MOST_CLIENTS, MOST_CONNECTIONS * load.nodes)
        and load.clients * load.peer_connections <= MOST_PEER_CONNECTIONS
        and load.clients * load.tracks <= MOST_TRACKS
    )


def sample_us(load: Load, measured: Constants = MEASURED) -> float:
    """Processor time for one sample of this load. (µs)"""
    return measured.sample + measured.sample_track * load.tracks


def message_kb(load: Load, measured: Constants = MEASURED) -> float:
    """The size of one sample of this load. (kB)"""
    return measured.message + measured.message_track * load.tracks


def _core(load: Load, measured: Constants, *, leads: bool) -> float:
    own = 1 / load.nodes
    share = (measured.at_rest_percent if load.nodes == 1 else measured.member_percent) + measured.at_work_percent
    us = load.samples_per_s * own * sample_us(load, measured)
    us += load.rows_per_s * own * measured.row_made
    us += load.rows_per_s * (_row_on_leader(load, measured) if leads else measured.row_applied)
    us += _commands_per_s(load) * measured.command if load.nodes > 1 else 0
    us += load.joins_per_s * load.rows / measured.churn_rows * _churn(measured, own)
    return share / 100 + us / 1e6


def _row_on_leader(load: Load, measured: Constants) -> float:
    return measured.row_applied + measured.row_sent * (load.nodes - 1)


def _commands_per_s(load: Load) -> float:
    """Who comes is told of with all who come within a tenth of a second; who comes due, or leaves, at the next tick.

    The last touches of who leaves go with those of others, the leaving is a command of its own.
    """
    rows, come = load.rows_per_s / load.nodes, load.joins_per_s / load.nodes
    touches = max(min(TICKS, rows / load.rows + come), rows / ROWS_OF_A_COMMAND)
    return load.nodes * (touches + min(MOST_BATCHES, come) + min(TICKS, come))


def _churn(measured: Constants, own: float) -> float:
    home = measured.join_home + measured.leave_home
    elsewhere = measured.join_elsewhere + measured.leave_elsewhere
    return home * own + elsewhere * (1 - own)


def _memory(load: Load, measured: Constants) -> float:
    """Of a node that all of the load has reached. (MB)"""
    held = measured.connection + measured.message_held * message_kb(load, measured)
    kb = measured.node_memory + measured.work_memory + load.clients / load.nodes * held
    return (kb + load.clients * load.rows * measured.row_memory) / 1000
