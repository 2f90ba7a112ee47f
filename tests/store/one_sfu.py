"""An SFU with a row of each kind, and registries that know it."""

from store.commands import Command, SfuSeen
from store.entities import INBOUND, RtpPad
from store.registry import Registry
from tests.build import (
    NOW,
    outbound_pad_seen,
    rtp_pad_seen,
    sctp_channel_seen,
)

BELOW = (rtp_pad_seen(), outbound_pad_seen(), sctp_channel_seen())
ALL = [
    ("sfu", "sfu"),
    ("sfuTransport", "transport"),
    ("rtpPad", "pad"),
    ("rtpPad", "out"),
    ("sctpChannel", "channel"),
]
"""What one SFU with `BELOW` on its transport opens."""


def sfus_of(*seen: SfuSeen, now: int = NOW) -> Registry:
    """A registry that the node n1 told of these SFUs, as its number 1."""
    registry = Registry()
    registry.apply(Command("n1", 1, now, 0, sfus=seen))
    return registry


def pad_of(registry: Registry, pad_id: str = "pad", direction: str = INBOUND) -> RtpPad:
    """A pad of the one SFU."""
    return registry.sfus["service", "sfu"].transports["transport"].pads[direction, pad_id]
