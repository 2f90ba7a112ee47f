"""What an access token allows its sender."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows. ``None`` binds nothing.

    It is over at `expires`, in ms since the epoch. `fingerprint` is the same for the same token only.
    """

    fingerprint: bytes
    room_id: str | None = None
    client_id: str | None = None
    user_id: str | None = None
    expires: float | None = None

    @property
    def is_bound(self) -> bool:
        """Whether it is for some clients of its service only."""
        return (self.room_id, self.client_id, self.user_id) != (None, None, None)

    def is_over(self, now: int) -> bool:
        """Whether it has expired at `now`, in ms since the epoch."""
        return self.expires is not None and now >= self.expires
