"""The reports of ``getStats`` that rtcstats-js sends: only what changed, under numbers (`schemas.rtcstats_tables`).

A message holds for each report that changed the members that did. A report that it does not name is as it was, except
that it was measured again; ``null`` stands for one that has gone. A nested object holds its changed members only, a
list is whole. The time that most reports share stands beside them as ``t``.

What cannot be told this way stays as it was: a member that vanished from its report, and an older time of a report that
was not measured again.
"""

from collections.abc import Mapping

from schemas.rtcstats_tables import MEMBERS, type_of
from schemas.samples import Item
from schemas.webrtc_reports import Remembered
from schemas.webrtc_stats import Skipped, Skips, is_time

_NAME_OF = MEMBERS.get
_NEWEST = ("t", "timestamp")
"""Older clients, which know no numbers, write the second."""


def decode(delta: Mapping[str, object], known: Remembered, skipped: Skips) -> None:
    """Brings what is `known` of a peer connection to what `delta` tells; what is no report in it is `skipped`."""
    newest = next((delta[name] for name in _NEWEST if is_time(delta.get(name))), None)
    changed: dict[str, Item] = {}
    stats: dict[str, Item] = {}
    for id_, members in delta.items():
        if type(members) is dict:
            changed[id_] = members
        elif members is not None and id_ not in _NEWEST:
            skipped[Skipped.REPORT_INVALID] += 1
    for id_, old in known.stats.items():
        if id_ in changed:
            known.merge(id_, _read(changed.pop(id_), newest, old), stats)
        elif id_ not in delta:
            stats[id_] = old if newest is None else {**old, "timestamp": newest}
    for id_, members in changed.items():
        known.merge(id_, _read(members, newest, None), stats)
    known.settle(stats)


def _read(members: Item, newest: object, old: Item | None) -> Item:
    """What a report tells anew, in names."""
    read = {_NAME_OF(key, key): value for key, value in members.items()}
    if "timestamp" not in read and newest is not None:
        read["timestamp"] = newest
    if "type" in read:
        read["type"] = type_of(read["type"])
    if old is not None and dict in map(type, members.values()):
        for name, value in members.items():
            if type(value) is dict:
                name = _NAME_OF(name, name)
                before = old.get(name)
                if type(before) is dict:
                    read[name] = before | value
    return read
