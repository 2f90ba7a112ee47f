"""Which pages of other origins may ask: cross-origin resource sharing, as the Fetch standard has it."""

from collections.abc import Iterable
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cors:
    """What is told to pages of the allowed origins; ``*`` allows every origin."""

    allowed_origins: tuple[str, ...] = ("*",)
    allowed_headers: tuple[str, ...] = ("content-type", "content-encoding", "authorization")
    max_age_in_s: int = 3600

    def on_answer(self, origin: str | None) -> Headers:
        """What every answer to a page of `origin` bears; nothing for an origin that is not allowed."""
        if "*" in self.allowed_origins:
            return (("Access-Control-Allow-Origin", "*"),)
        # A cache must not hand the answer for one origin to another.
        vary = ("Vary", "Origin")
        if origin is None or origin not in self.allowed_origins:
            return (vary,)
        return (("Access-Control-Allow-Origin", origin), vary)

    def on_preflight(self, methods: Iterable[str]) -> Headers:
        """What the answer to a preflight says besides."""
        return (
            ("Access-Control-Allow-Methods", ", ".join(methods)),
            ("Access-Control-Allow-Headers", ", ".join(self.allowed_headers)),
            ("Access-Control-Max-Age", str(self.max_age_in_s)),
        )
