"""One page that traces its peer connections, whatever library does it: from its messages to samples of schemas 3.x."""

from collections.abc import Callable
from typing import Any

from schemas.deltas import Allowance
from schemas.samples import CONTROL, Item
from schemas.webrtc_bases import lasting
from schemas.webrtc_reports import Remembered
from schemas.webrtc_stats import LONGEST_ID, Bounds, Guest, Skipped, Skips, client_sample, connection_id
from schemas.webrtc_traces import TRACKS_CHANGE, Told, Trace, custom, sent_tracks, state_of, told
from schemas.webrtc_user_agents import user_agent_data

Decode = Callable[[Item, Remembered, Skips], None]
"""Brings what is known of a peer connection to what a message of its statistics tells."""

ALIVE_MS = 30_000
"""How long a page may go on doing what is not told before its client tells that it is still there. (ms)"""

_LONGEST_NAME = 64
_WORTH = 64
"""How many bytes of what we remember a byte of a message may tell again."""
_WORTH_OF_A_MS = 100
_HEAVIEST_BASE = 1_000_000
"""How much of what is remembered, as it weighs here, a base tells of: more than the largest calls have. (bytes)"""
_CLOSED = "closed"


class Session:
    """The peer connections of one page, each as its last message left it, within `bounds`.

    The tracks that it sends are followed too: older browsers do not say in their statistics which stream is of which.

    A message that says next to nothing may stand for all that is remembered of its peer connection: how often that is
    told again is bounded by what the page sends and by time.

    What is remembered takes no more than `shared` has left, which sessions share: whoever needs them no more calls
    `forget`.
    """

    __slots__ = (
        "_bounds",
        "_closed",
        "_connections",
        "_credit",
        "_heard",
        "_memory",
        "_sent",
        "_shared",
        "_told_at",
        "base_version",
        "skipped",
        "who",
    )

    def __init__(self, who: Guest, bounds: Bounds, skipped: Skips, shared: Allowance | None = None) -> None:
        self.who = who
        self.skipped = skipped
        self.base_version = 0
        self._bounds = bounds
        self._memory = Allowance(bounds.max_remembered_size)
        self._shared = shared
        self._connections: dict[str, Remembered] = {}
        self._closed: dict[str, None] = {}
        self._sent: dict[str, dict[str, str]] = {}
        self._credit = bounds.max_remembered_size
        self._told_at: int | None = None
        self._heard = 0

    @property
    def open_connections(self) -> int:
        """How many peer connections are open."""
        return len(self._connections)

    def stats(self, name: Any, delta: Any, decode: Decode, at: int, now_ms: int, size: int) -> list[Item]:
        """The sample of what was measured of the peer connection `name`, in a message of `size` bytes."""
        id_ = self._id_of(name)
        if id_ is None:
            self.skipped[Skipped.ID_INVALID] += 1
            return []
        if type(delta) is not dict:
            self.skipped[Skipped.MALFORMED] += 1
            return []
        known = self._known(name)
        if known is None:
            return []
        before = known.stats.keys()
        decode(delta, known, self.skipped)
        if known.stats.keys() != before:
            self.base_version += 1
        if not self._is_worth(known.weight, size, now_ms):
            self.skipped[Skipped.TOO_OFTEN] += 1
            return []
        sample = client_sample(self.who, id_, known.stats, at)
        entry = sample["peerConnections"][0]
        sent = self._sent.get(name)
        if sent and any("mediaSourceId" not in stream for stream in entry.get("outboundRtps", ())):
            entry["outboundTracks"] = [{"id": track_id, "kind": kind} for track_id, kind in sent.items()]
        return [self._greeting(sample, at)]

    def trace(
        self, method: str, name: Any, value: Any, extra: list[Any], at: int, *, free_names: bool = False
    ) -> list[Item]:
        """The sample of what the page did, if that is told; with `free_names` anything may name an event."""
        id_ = None if name is None else self._id_of(name)
        if (id_ is None and name is not None) or len(method) > LONGEST_ID:
            self.skipped[Skipped.ID_INVALID] += 1
            return []
        trace = Trace(method, id_, value, extra, at)
        if free_names:
            tells = Told(custom(method, trace, self._bounds, self.skipped), [], [])
        else:
            tells = told(trace, self._bounds, self.skipped)
        if id_ is not None and not self._follow(method, name, value):
            return []
        if method in TRACKS_CHANGE and name in self._connections:
            sent_tracks(method, value, self._sent.setdefault(name, {}))
            self.base_version += 1
        return self.tell(tells, at)

    def alive(self, at: int) -> list[Item]:
        """A sample that says that the client is there, if it said nothing for long."""
        return self.tell(Told([], [], []), at)

    def tell(self, tells: Told, at: int) -> list[Item]:
        """The sample of what happened; of nothing only if the client was silent for long."""
        if not tells and self._told_at is not None and abs(at - self._told_at) < ALIVE_MS:
            return []
        more = {"clientIssues": tells.issues, "clientMetaItems": tells.meta_items}
        sample = client_sample(self.who, None, {}, at, tells.events, **{n: them for n, them in more.items() if them})
        return [self._greeting(sample, at)]

    def _greeting(self, sample: Item, at: int) -> Item:
        """The sample; the first one tells of the browser as well."""
        if self._told_at is None:
            browser = user_agent_data(self.who.user_agent)
            if browser:
                item = {"type": "USER_AGENT_DATA", "payload": browser, "timestamp": at}
                sample["clientMetaItems"] = [*sample.get("clientMetaItems", ()), item]
        self._told_at = at
        return sample

    def base(self) -> Item:
        """What another node has to know to go on; another one whenever `base_version` is.

        Of a session that has us remember very much it is not all.
        """
        base: Item = {}
        left = _HEAVIEST_BASE
        for name, known in self._connections.items():
            left -= known.weight
            if left < 0:
                break
            reports = {id_: lasting(report) for id_, report in known.stats.items()}
            base[name] = {"reports": reports, "tracks": self._sent.get(name, {})}
        return base

    def restore(self, base: Any) -> None:
        """Goes on from what another node knew. What the client is and runs in was told there."""
        for name, known in base.items() if type(base) is dict else ():
            if type(known) is not dict or self._id_of(name) is None:
                continue
            reports, tracks = known.get("reports"), known.get("tracks")
            remembered = self._known(name)
            if remembered is not None and type(reports) is dict:
                stats: dict[str, Item] = {}
                for id_, report in reports.items():
                    if type(report) is dict:
                        remembered.merge(id_, report, stats)
                remembered.settle(stats)
            for id_, kind in tracks.items() if type(tracks) is dict else ():
                sent_tracks("addTrack", [kind, id_], self._sent.setdefault(name, {}))
        self._told_at = 0

    def forget(self) -> None:
        """Forgets all reports, and remembers none from then on."""
        for known in self._connections.values():
            known.forget()
        self._memory.left = 0

    def _id_of(self, name: Any) -> str | None:
        if type(name) is not str or not 0 < len(name) <= _LONGEST_NAME or CONTROL.search(name):
            return None
        id_ = connection_id(self.who.client_id, name)
        return id_ if len(id_) <= LONGEST_ID else None

    def _known(self, name: str) -> Remembered | None:
        """What is remembered of a peer connection; ``None`` if it has closed, or is one too many."""
        known = self._connections.get(name)
        if known is None:
            if name in self._closed:
                return None
            if len(self._connections) >= self._bounds.max_peer_connections:
                self.skipped[Skipped.TOO_MANY_PEER_CONNECTIONS] += 1
                return None
            known = self._connections[name] = Remembered(self._bounds, self._memory, self.skipped, self._shared)
        return known

    def _follow(self, method: str, name: str, value: Any) -> bool:
        """Follows a peer connection as it opens and closes; ``False`` if it had closed before, or is one too many."""
        if method == "create":
            self.base_version += 1
            self._closed.pop(name, None)
            self._forget(name)
            return self._known(name) is not None
        closes = method == "close" or (
            method in ("onsignalingstatechange", "onconnectionstatechange") and state_of(value) == _CLOSED
        )
        if not closes:
            return True
        if name in self._closed:
            return False
        self.base_version += 1
        self._forget(name)
        if len(self._closed) >= self._bounds.max_peer_connections:
            del self._closed[next(iter(self._closed))]
        self._closed[name] = None
        return True

    def _forget(self, name: str) -> None:
        self._sent.pop(name, None)
        known = self._connections.pop(name, None)
        if known is not None:
            known.forget()

    def _is_worth(self, weight: int, size: int, now_ms: int) -> bool:
        """Whether what is remembered may be told again."""
        earned = _WORTH * size + _WORTH_OF_A_MS * max(0, now_ms - self._heard)
        self._heard = now_ms
        self._credit = min(self._credit + earned, self._bounds.max_remembered_size)
        if weight > self._credit:
            return False
        self._credit -= weight
        return True
