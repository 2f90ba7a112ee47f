"""What has come in from guests, counted. Plain numbers: whoever serves metrics reads them."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.webrtc_stats import Skips


class Kind(StrEnum):
    """Whose clients they are. The values are metric labels."""

    RTCSTATS = "rtcstats"
    JITSI = "jitsi"


class TurnedAway(StrEnum):
    """Why we closed a socket. The values are metric labels: a small, fixed set."""

    ACCESS_REQUIRED = "token_required"
    ACCESS_INVALID = "token_invalid"
    ID_INVALID = "id_invalid"
    NOT_READY = "not_ready"
    TOO_MANY_SOCKETS = "too_many_sockets"
    SESSION_IN_USE = "session_in_use"
    """It names a session that another socket has, and does not say that it comes back."""
    SESSION_TAKEN_OVER = "session_taken_over"
    """Its session goes on at another socket."""


class Unheard(StrEnum):
    """Why a message was not looked at, besides what `schemas.webrtc_stats.Skipped` has: metric labels as well."""

    TOO_MANY_SESSIONS = "too_many_sessions"
    SESSION_IN_USE = "session_in_use"


@dataclass(slots=True)
class GuestStatistics:
    """Counts since the start, by kind; what is `open`, or `remembered`, is as of now.

    `messages` are frames, and `received_bytes` what these hold; `skipped` are messages, and parts of some, by reason.
    """

    open_sockets: Counter[Kind] = field(default_factory=Counter)
    opened_sockets: Counter[Kind] = field(default_factory=Counter)
    turned_away: Counter[tuple[Kind, TurnedAway]] = field(default_factory=Counter)
    open_sessions: Counter[Kind] = field(default_factory=Counter)
    opened_sessions: Counter[Kind] = field(default_factory=Counter)
    """Sessions that began here."""
    resumed_sessions: Counter[Kind] = field(default_factory=Counter)
    """Sessions that came back, or came from another node."""
    remembered_sessions: Counter[Kind] = field(default_factory=Counter)
    """Sessions without a socket, which may come back."""
    forgotten_sessions: Counter[Kind] = field(default_factory=Counter)
    """Sessions that might have come back in time, but there were too many."""
    messages: Counter[Kind] = field(default_factory=Counter)
    received_bytes: Counter[Kind] = field(default_factory=Counter)
    skipped: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    gaps: Counter[Kind] = field(default_factory=Counter)
    """How often messages are missing between two of a session, and so in its dump."""
    missing_messages: Counter[Kind] = field(default_factory=Counter)
    """How many messages these are."""
    acknowledgements: Counter[Kind] = field(default_factory=Counter)
    """How often a client was told up to where its messages are kept."""

    def count_skipped(self, kind: Kind, skips: Skips) -> None:
        """Counts what was skipped, and clears it."""
        if skips:
            for reason, number in skips.items():
                self.skipped[kind, reason.value] += number
            skips.clear()
