"""The SFU half of the registry once more: one list of rows, each with its whole path."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from store.commands import Leave, RtpPadSeen, SctpChannelSeen, SfuHappening, SfuSeen, Sweep, Touch
from store.departed import REMEMBERED
from store.entities import INBOUND

KINDS = {2: "sfu", 3: "sfuTransport", 4: "sctpChannel", 5: "rtpPad"}
"""By the length of the path."""

Path = tuple[str, ...]


@dataclass(eq=False)
class Row:
    """A row; `told` is what its happenings tell beside its service, its SFU and their time."""

    path: Path
    made: int
    sample: int
    server: int
    told: dict[str, Any]
    others: list[Any]
    """What no happening tells: time zone and origin of an SFU, the SSRC of a pad."""

    @property
    def kind(self) -> str:
        """What it is."""
        return KINDS[len(self.path)]

    def touch(self, sample: int, server: int) -> None:
        """Never goes back."""
        self.sample, self.server = max(self.sample, sample), max(self.server, server)

    def happening(self, timestamp: int) -> SfuHappening:
        """What is told when it opens or closes."""
        return SfuHappening(self.kind, self.path[0], self.path[1], timestamp, **self.told)


class PlainSfus:
    """Takes the same commands as `store.sfus.Sfus`."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.left: dict[Path, tuple[int, int]] = {}
        """Time of the last sample of each SFU that left, and when it did."""
        self.now = 0
        """Registry time."""
        self.opened: list[SfuHappening] = []
        self.closed: list[SfuHappening] = []

    def row(self, path: Path) -> Row | None:
        """The row of a path."""
        return next((row for row in self.rows if row.path == path), None)

    def below(self, path: Path, length: int) -> list[Row]:
        """The rows below another whose paths have this length, in order."""
        return [row for row in self.rows if len(row.path) == length and row.path[: len(path)] == path]

    def in_order(self) -> Iterator[Row]:
        """All rows as they stand below each other, pads before channels."""
        for sfu in self.below((), 2):
            yield sfu
            for transport in self.below(sfu.path, 3):
                yield transport
                yield from self.below(transport.path, 5)
                yield from self.below(transport.path, 4)

    def touch(self, touch: Touch, now: int) -> None:
        """Touches a row if it is there."""
        row = self.row(tuple(touch.path))
        if row and row.kind == touch.what:
            row.touch(touch.sample, now - max(touch.age, 0))

    def open(self, path: Path, first: int, now: int, told: dict[str, Any], *others: Any) -> tuple[Row, bool]:
        """The row of a path, and whether it was there."""
        row = self.row(path)
        if row:
            return row, True
        row = Row(path, first, first, now, told, [*others])
        self.rows.append(row)
        self.opened.append(row.happening(first))
        return row, False

    def see(self, seen: SfuSeen, origin: str, now: int) -> None:
        """Opens or touches an SFU and what is below it, unless it left after its last sample here."""
        left = self.remembered(now).get((seen.service_id, seen.sfu_id))
        if left is not None and seen.last < left[0]:
            return
        of_sfu = {"media_unit_id": seen.media_unit_id, "marker": seen.marker}
        sfu, _ = self.open((seen.service_id, seen.sfu_id), seen.first, now, of_sfu, seen.time_zone_offset, origin)
        sfu.others[1] = origin
        sfu.touch(seen.last, now)
        for entry in seen.transports:
            told = {**sfu.told, "transport_id": entry.transport_id, "internal": entry.internal}
            transport, _ = self.open((*sfu.path, entry.transport_id), entry.first, now, told)
            transport.touch(entry.last, now)
            shared = {**sfu.told, "transport_id": entry.transport_id}
            for pad in entry.pads:
                self.see_pad(transport, pad, now, shared)
            for channel in entry.channels:
                self.see_channel(transport, channel, now, shared)

    def remembered(self, now: int) -> dict[Path, tuple[int, int]]:
        """Which SFUs left within the last half minute and are not back."""
        here = {row.path for row in self.rows}
        return {path: left for path, left in self.left.items() if path not in here and now - left[1] <= REMEMBERED}

    def see_pad(self, transport: Row, seen: RtpPadSeen, now: int, shared: dict[str, Any]) -> None:
        """Opens, or learns from a sample that is not older than the last."""
        path = (*transport.path, seen.direction, seen.pad_id)
        told = {"stream_id": seen.stream_id, "sink_id": seen.sink_id}
        of_pad = {"direction": seen.direction, "pad_id": seen.pad_id, **told, "internal": seen.internal}
        row, known = self.open(path, seen.first, now, {**shared, **of_pad}, seen.ssrc)
        if known and seen.last >= row.sample:
            row.told["internal"] = seen.internal
            row.told.update({name: id for name, id in told.items() if id})
            if seen.ssrc is not None:
                row.others = [seen.ssrc]
        row.touch(seen.last, now)

    def see_channel(self, transport: Row, seen: SctpChannelSeen, now: int, shared: dict[str, Any]) -> None:
        """As a pad."""
        told = {"channel_id": seen.channel_id, "sctp_stream_id": seen.stream_id}
        row, known = self.open((*transport.path, seen.channel_id), seen.first, now, {**shared, **told})
        if known and seen.last >= row.sample and seen.stream_id:
            row.told["sctp_stream_id"] = seen.stream_id
        row.touch(seen.last, now)

    def leave(self, leave: Leave, origin: str) -> None:
        """Certain, or said by the node that heard the SFU last."""
        row = self.row((leave.service_id, leave.id))
        if row and (leave.certain or row.others[1] == origin):
            self.close(row)

    def sweep(self, limits: Sweep, now: int) -> None:
        """Closes each row that expired, with all below it."""
        for row in list(self.in_order()):
            limit = {
                "sfu": limits.sfu,
                "sfuTransport": limits.sfu_transport,
                "sctpChannel": limits.sfu_sctp_channel,
                "rtpPad": limits.sfu_inbound_pad if INBOUND in row.path else limits.sfu_outbound_pad,
            }[row.kind]
            if row in self.rows and now - row.server > limit + limit // 10:
                self.close(row)

    def close(self, row: Row) -> None:
        """Children before their parents; it closed when it was last sampled."""
        for length in {2: [3], 3: [5, 4]}.get(len(row.path), []):
            for child in self.below(row.path, length):
                self.close(child)
        self.rows.remove(row)
        if row.kind == "sfu":
            self.left[row.path] = (row.sample, self.now)
        self.closed.append(row.happening(row.sample))
