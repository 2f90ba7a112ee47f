"""The ICE candidates and candidate pairs of a peer connection of 3.x, in the form of 2.2.

In 3.x local and remote candidates stand in one list, and nothing says which is which. The pairs tell; what no pair
names is of the end that its user name fragment is of. Only local ones have a ``url``, a ``relayProtocol`` or a
``networkType``. What nothing tells is left out.
"""

from typing import Any

from schemas.samples import Item
from schemas.samples_3_values import entries

_PAIR_STATES = {
    "new": "new",
    "frozen": "frozen",
    "waiting": "waiting",
    "inprogress": "in-progress",
    "in-progress": "in-progress",
    "failed": "failed",
    "succeeded": "succeeded",
    "cancelled": "cancelled",
}
"""The states of a candidate pair as clients of 2.x write them; those of 3.x may spell them otherwise."""

_LOCAL_ONLY = ("url", "relayProtocol", "networkType")
_LOCAL, _REMOTE = 0, 1


def candidate_pairs(value: Any, named: Item) -> list[Item | None]:
    """The ``iceCandidatePairs``, each with what `named` says of its peer connection."""
    pairs: list[Item | None] = []
    for entry in entries(value):
        if type(entry) is not dict or not entry:
            pairs.append(None)
            continue
        pair = {**entry, "candidatePairId": entry.get("id"), **named}
        state = entry.get("state")
        if type(state) is str and state not in _PAIR_STATES:
            pair["state"] = _PAIR_STATES.get(state.lower().replace("-", "").replace("_", ""), state)
        pairs.append(pair)
    return pairs


def candidates(
    value: Any, pairs: list[Item | None], transports: Any, id_: Any
) -> tuple[list[Item | None], list[Item | None]]:
    """The local and the remote candidates of the peer connection `id_`."""
    listed = entries(value)
    sides: tuple[list[Item | None], list[Item | None]] = ([], [])
    if not listed:
        return sides
    local, remote = _paired(pairs, "localCandidateId"), _paired(pairs, "remoteCandidateId")
    ends = _ends(listed, transports, remote - local)
    for entry in listed:
        if type(entry) is not dict or not entry:
            sides[_REMOTE].append(None)
            continue
        own, fragment = entry.get("id"), entry.get("usernameFragment")
        side = None
        if type(own) is str:
            side = _LOCAL if own in local else _REMOTE if own in remote else None
        if side is None and type(fragment) is str:
            side = ends.get(fragment)
        if side is None and any(entry.get(name) for name in _LOCAL_ONLY):
            side = _LOCAL
        if side is not None:
            sides[side].append({**entry, "peerConnectionId": id_})
    return sides


def _paired(pairs: list[Item | None], name: str) -> set[str]:
    return {id_ for pair in pairs if pair and type(id_ := pair.get(name)) is str}


def _ends(listed: list[Any], transports: Any, remote: set[str]) -> dict[str, int]:
    """Which end a user name fragment is of."""
    ends: dict[str, int] = {}
    for entry in listed:
        if type(entry) is dict:
            id_, fragment = entry.get("id"), entry.get("usernameFragment")
            if type(id_) is str and type(fragment) is str and fragment and id_ in remote:
                ends[fragment] = _REMOTE
    for entry in entries(transports):
        fragment = entry.get("iceLocalUsernameFragment") if type(entry) is dict else None
        if type(fragment) is str and fragment:
            ends[fragment] = _LOCAL
    return ends
