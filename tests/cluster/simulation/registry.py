"""The real registry as what is replicated: a few clients in a few rooms, who come, show tracks, and leave; and SFUs."""

from hashlib import blake2b
from random import Random

from cluster.machine import Parts, Restoring
from store.commands import (
    CLIENT,
    NO_MEMBER,
    SFU,
    ClientSeen,
    Command,
    Leave,
    Outcome,
    RtpPadSeen,
    SctpChannelSeen,
    SfuSeen,
    Sweep,
    decode,
    encode,
)
from store.machine import Machine
from tests.build import (
    client_seen,
    inbound_seen,
    outbound_pad_seen,
    peer_connection_seen,
    rtp_pad_seen,
    sctp_channel_seen,
    sfu_seen,
    sfu_transport_seen,
    track_seen,
)
from tests.cluster.simulation.application import Change

_PART_BYTES = 700
"""Small, so that a snapshot has several parts."""


class RegistryApplication:
    """Of `application.Application`."""

    def __init__(self) -> None:
        self._machine = Machine(_PART_BYTES)

    def apply(self, command: bytes) -> Outcome:
        """Applies a command."""
        return self._machine.apply(command)

    def snapshot(self) -> Parts:
        """All state."""
        return self._machine.snapshot()

    def restoring(self) -> Restoring:
        """Another state."""
        return self._machine.restoring()

    def command(self, change: Change, random: Random | None, now: int) -> bytes:
        """What one node saw."""
        command = Command(change.origin, change.seq, now, change.mark, gone=change.gone)
        if random:
            leave = Leave(CLIENT, "service", f"client {random.randrange(12)}", True)
            if random.random() < 0.3:
                leave = Leave(SFU, "service", f"sfu {random.randrange(3)}", random.random() < 0.5)
            command = command._replace(
                seen=[_seen(random, now) for _ in range(random.randrange(3))],
                sfus=[_sfu_seen(random, now) for _ in range(random.randrange(2))],
                leaves=[leave] if random.random() < 0.2 else [],
                sweep=Sweep(*[3_000_000] * len(Sweep._fields)) if random.random() < 0.05 else None,
            )
        return encode(command)

    def change(self, command: bytes) -> Change:
        """Whose command that was."""
        decoded = decode(command)
        return Change(decoded.origin, decoded.seq, decoded.mark, tuple(decoded.gone))

    def last(self, origin: str) -> int:
        """The last number of an origin."""
        found = self._machine.registry.origins.get(origin)
        return found.seq if found else 0

    def origins(self) -> list[str]:
        """All that have an outbox."""
        return list(self._machine.registry.origins)

    def events(self, answer: Outcome) -> list[str]:
        """What is to be told."""
        opened, closed = [*answer.opened, *answer.sfus_opened], [*answer.closed, *answer.sfus_closed]
        return [*(f"opened {entry!r}" for entry in opened), *(f"closed {entry!r}" for entry in closed)]

    def untold(self, origin: str) -> list[str]:
        """What an outbox holds."""
        found = self._machine.registry.origins.get(origin)
        return [event for outcome in found.untold.values() for event in self.events(outcome)] if found else []

    def refused(self, answer: Outcome) -> bool:
        """Whether it came from one who is gone."""
        if answer.failed not in (None, NO_MEMBER):
            raise ValueError(answer.failed)
        return answer.failed is not None

    def digest(self) -> bytes:
        """All state in short."""
        digest = blake2b(digest_size=8)
        parts = self._machine.snapshot()
        for part in parts:
            digest.update(part)
        return digest.digest()


def _seen(random: Random, now: int) -> ClientSeen:
    tracks = [
        random.choice((track_seen, inbound_seen))(
            f"track {random.randrange(3)}", at=now, ssrcs=random.sample(range(9), 2)
        )
        for _ in range(random.randrange(3))
    ]
    connections = [peer_connection_seen(*tracks, id=f"pc {random.randrange(2)}", at=now)] if tracks else []
    return client_seen(
        f"client {random.randrange(12)}",
        *connections,
        room=f"room {random.randrange(3)}",
        spare_call=random.randbytes(8).hex(),
        at=now,
    )


def _sfu_seen(random: Random, now: int) -> SfuSeen:
    below: list[RtpPadSeen | SctpChannelSeen] = [
        rtp_pad_seen(f"pad {random.randrange(3)}", at=now, ssrc=random.randrange(9)),
        outbound_pad_seen(f"pad {random.randrange(3)}", at=now, internal=random.random() < 0.5),
        sctp_channel_seen(f"channel {random.randrange(2)}", at=now),
    ]
    transport = sfu_transport_seen(*random.sample(below, 2), id=f"transport {random.randrange(2)}", at=now)
    return sfu_seen(transport, sfu=f"sfu {random.randrange(3)}", at=now)
