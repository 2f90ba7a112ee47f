"""What schemas 2.0.x say otherwise than 2.2, brought into the form of 2.2.

In 2.0 a transport carries the statistics of its selected candidate pair, and a data channel counts ``messagesSent`` and
``messagesReceived``. Told by shape, so a sender need not name its version. Source: ObserveRTC sample schemas 2.0.4.
"""

from typing import Any

from schemas.samples import Item

_PREFIX = "candidatePair"

PAIR_FIELDS = (
    "state",
    "packetsSent",
    "packetsReceived",
    "bytesSent",
    "bytesReceived",
    "lastPacketSentTimestamp",
    "lastPacketReceivedTimestamp",
    "totalRoundTripTime",
    "currentRoundTripTime",
    "availableOutgoingBitrate",
    "availableIncomingBitrate",
    "requestsReceived",
    "requestsSent",
    "responsesReceived",
    "responsesSent",
    "consentRequestsSent",
    "packetsDiscardedOnSend",
    "bytesDiscardedOnSend",
)
"""The fields of a candidate pair that 2.0 has too, there behind ``candidatePair`` and with a capital letter."""

_PAIR_FIELDS = tuple((_PREFIX + name[0].upper() + name[1:], name) for name in PAIR_FIELDS)
_CHANNEL_FIELDS = (("messagesSent", "messageSent"), ("messagesReceived", "messageReceived"))


def bring_to_2_2(sample: Item) -> None:
    """Changes a client sample of 2.0, as its sender wrote it, into one of 2.2; any other it leaves as it is."""
    transports = sample.get("pcTransports")
    if type(transports) is list and sample.get("iceCandidatePairs") is None:
        pairs = [pair for pair in map(_candidate_pair, transports) if pair]
        if pairs:
            sample["iceCandidatePairs"] = pairs
    channels = sample.get("dataChannels")
    if type(channels) is list:
        for channel in channels:
            bring_channel_to_2_2(channel)


def _candidate_pair(transport: Any) -> Item | None:
    """The candidate pair that a transport carries; ``None`` where it carries none."""
    if type(transport) is not dict or "transportId" in transport:  # a transport of 2.0 has no id
        return None
    pair = {name: transport[old] for old, name in _PAIR_FIELDS if old in transport}
    if not pair:
        return None
    return {"peerConnectionId": transport.get("peerConnectionId"), "label": transport.get("label"), **pair}


def bring_channel_to_2_2(channel: Any) -> None:
    """Changes an entry of ``dataChannels`` as `bring_to_2_2` does."""
    if type(channel) is not dict:
        return
    for old, name in _CHANNEL_FIELDS:
        if old in channel:
            channel.setdefault(name, channel.pop(old))
