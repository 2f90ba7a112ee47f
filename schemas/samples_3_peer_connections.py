"""A peer connection of 3.x as the flat entries of 2.2, each of which names it."""

from typing import Any

from schemas.samples import Item
from schemas.samples_3_candidates import candidate_pairs, candidates
from schemas.samples_3_streams import Get, Lists, inbound_tracks, outbound_tracks
from schemas.samples_3_telling import score_of
from schemas.samples_3_values import entries, entries_within, objectified

LISTS = (
    "inboundAudioTracks",
    "inboundVideoTracks",
    "outboundAudioTracks",
    "outboundVideoTracks",
    "pcTransports",
    "iceCandidatePairs",
    "dataChannels",
    "mediaSources",
    "codecs",
    "certificates",
    "iceLocalCandidates",
    "iceRemoteCandidates",
    "extensionStats",
)
"""The lists of 2.2 that a peer connection gives entries to."""

_TAKEN_OVER = ("mediaSources", "codecs", "certificates")
_LONGEST_ID = 255
"""An id of a peer connection is repeated in each of its entries. Above this only those are made that refuse it."""


def flatten(peer_connection: Any, lists: Lists, left: int) -> int:
    """Adds what a peer connection holds to `lists`, of which there is one for each of `LISTS`.

    Tells how many of `left` entries may still follow. Of a peer connection that is closed nothing is added.
    """
    if type(peer_connection) is not dict or left <= 0:
        lists["pcTransports"].append(None)
        return left
    count = 1 + sum([len(value) for value in peer_connection.values() if type(value) is list])
    if count > left:
        peer_connection = _cut(peer_connection, left)
    if not _is_closed(peer_connection.get("iceTransports")):
        _add(peer_connection.get, lists)
    return left - count


def _cut(peer_connection: Item, left: int) -> Item:
    cut = {}
    for name, value in peer_connection.items():
        if type(value) is list:
            cut[name] = entries_within(value, max(left, 0))
            left -= len(value)
        else:
            cut[name] = value
    return cut


def _is_closed(transports: Any) -> bool:
    if type(transports) is not list or not transports:
        return False
    return all(type(entry) is dict and entry.get("iceState") == "closed" for entry in transports)


def _add(get: Get, lists: Lists) -> None:
    id_ = get("peerConnectionId")
    if type(id_) not in (str, int) or id_ in ("", "NULL"):
        id_ = None
    named = {"peerConnectionId": id_}
    attachments = objectified(get("attachments"))
    label = attachments.get("label") if attachments else None
    if type(label) is str and len(label) <= _LONGEST_ID:
        named["label"] = label
    transports = get("iceTransports")
    for entry in entries(transports):
        fits = type(entry) is dict and entry
        lists["pcTransports"].append({**entry, "transportId": entry.get("id"), **named} if fits else None)
    inbound_tracks(get, id_, lists)
    outbound_tracks(get, id_, lists)
    for name in _TAKEN_OVER:
        listed = entries(get(name))
        if listed:
            lists[name] += [dict(entry) if type(entry) is dict else None for entry in listed]
    if type(id_) is str and len(id_) > _LONGEST_ID:
        return
    pairs = candidate_pairs(get("iceCandidatePairs"), named)
    lists["iceCandidatePairs"] += pairs
    local, remote = candidates(get("iceCandidates"), pairs, transports, id_)
    lists["iceLocalCandidates"] += local
    lists["iceRemoteCandidates"] += remote
    lists["dataChannels"] += [_channel(entry, id_) for entry in entries(get("dataChannels"))]
    _add_scores(get, id_, lists["extensionStats"])


def _channel(entry: Any, id_: Any) -> Item | None:
    if type(entry) is not dict or not entry:
        return None
    channel = {**entry, "peerConnectionId": id_}
    for name, old in (("messageSent", "messagesSent"), ("messageReceived", "messagesReceived")):
        if old in entry:
            channel[name] = entry[old]
    return channel


def _add_scores(get: Get, id_: Any, extension_stats: list[Any]) -> None:
    lead = {"peerConnectionId": id_}
    told = []
    if get("iceTransports") or get("inboundRtps") or get("outboundRtps"):
        told.append(score_of("PEER_CONNECTION_SCORE", get, lead))
    for name, direction in (("inboundTracks", "INBOUND"), ("outboundTracks", "OUTBOUND")):
        for entry in entries(get(name)):
            if type(entry) is dict and "score" in entry:
                more = {**lead, "trackId": entry.get("id"), "direction": direction, "kind": entry.get("kind")}
                told.append(score_of("TRACK_SCORE", entry.get, more))
    extension_stats += [item for item in told if item is not None]
