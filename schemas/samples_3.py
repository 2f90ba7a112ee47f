"""What schemas 3.x say otherwise than 2.2, brought into the form of 2.2.

A client of 3.x nests what browsers measure below its peer connections, as W3C names it; 2.2 has flat lists in which
each entry names its peer connection. What 2.2 has no place for (scores, issues, other meta data) becomes extensions.

A peer connection that its page has closed stays in the samples, but browsers measure nothing of it any more: all that
is left is its number of data channels. Such an entry gives nothing here, so that the peer connection falls silent and
is closed as any other that does. So does one whose ICE transports all say ``closed``.

Values may have any type: what cannot be read costs only itself. The work is linear in what `most_items` allows.
Source: ObserveRTC sample schemas 3.0.0 to 3.5.0, and what their clients were seen to send.
"""

from typing import Any

from schemas.samples import Budget, Item
from schemas.samples_3_peer_connections import LISTS, flatten
from schemas.samples_3_streams import Lists
from schemas.samples_3_telling import events, extensions, issues, meta_items, score_of
from schemas.samples_3_values import entries, entries_within, objectified

_SURE_SIGN = "peerConnections"
_SIGNS = frozenset(("clientEvents", "clientIssues", "clientMetaItems", "score", "scoreReasons"))
_SIGNS_OF_2 = frozenset(
    (
        "inboundAudioTracks",
        "inboundVideoTracks",
        "outboundAudioTracks",
        "outboundVideoTracks",
        "pcTransports",
        "iceCandidatePairs",
        "customCallEvents",
        "sampleSeq",
    )
)
_SAID_ALIKE = ("clientId", "callId", "timestamp", "sampleSeq", "timeZoneOffsetInHours")
_ATTACHED = ("roomId", "userId", "marker")
_MOST_ITEMS = Budget().items


def is_3(entry: Item) -> bool:
    """Whether a client sample is one of 3.x, by its shape; ``False`` as well where the shape does not tell."""
    if _SURE_SIGN in entry:
        return True
    return not _SIGNS.isdisjoint(entry) and _SIGNS_OF_2.isdisjoint(entry)


def as_2_2(entry: Item, most_items: int = _MOST_ITEMS) -> Item:
    """A client sample of 3.x in the form of 2.2, in new objects; `entry` stays as it is.

    Room, user and marker are those of ``attachments``, else those that stand beside it, else they are absent. Of more
    than `most_items` entries the rest is not looked at; an entry that is no object stays in its list as ``None``.
    """
    sample = {name: entry[name] for name in _SAID_ALIKE if name in entry}
    attachments = objectified(entry.get("attachments"))
    for name in _ATTACHED:
        value = _named(attachments.get(name)) if attachments else None
        if value is None:
            value = _named(entry.get(name))
        if value is not None:
            sample[name] = value
    lists: Lists = {name: [] for name in LISTS}
    extension_stats = lists["extensionStats"]
    told = score_of("CLIENT_SCORE", entry.get, {})
    if told is not None:
        extension_stats.append(told)
    left = most_items
    for peer_connection in entries_within(entry.get("peerConnections"), most_items):
        left = flatten(peer_connection, lists, left)
    sample |= lists
    sample["customCallEvents"] = events(entry.get("clientEvents"), most_items)
    extension_stats += issues(entry.get("clientIssues"), most_items)
    extension_stats += meta_items(entry.get("clientMetaItems"), most_items, sample)
    extension_stats += extensions(entry.get("extensionStats"), most_items)
    return sample


def _named(value: Any) -> Any:
    """A name as its sender wrote it; ``None`` for what stands for none."""
    return value if type(value) in (str, int) and value not in ("", "NULL") else None


def says_left(entry: Item) -> bool:
    """Whether a client of 3.x says in this sample that it leaves: then it is its last.

    Clients tell it as an event ``CLIENT_LEFT`` when they are closed. One that names another client is an application's.
    """
    for event in entries(entry.get("clientEvents")):
        if type(event) is dict and event.get("type") == "CLIENT_LEFT":
            payload = objectified(event.get("payload")) or {}
            if payload.get("clientId") in (None, entry.get("clientId")):
                return True
    return False
