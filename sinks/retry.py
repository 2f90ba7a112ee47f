"""How long a sink that fails is left alone, and when a batch is given up."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Retry:
    """The pause after the n-th failure in a row is drawn from 0 to min(initial * 2^(n-1), max)."""

    initial_in_ms: int = field(default=100, metadata={"minimum": 1})
    """The longest pause after a first failure. (ms)"""
    max_in_ms: int = field(default=30_000, metadata={"minimum": 1})
    """The longest pause after many failures. (ms)"""
    give_up_after_in_s: float = field(default=300, metadata={"minimum": 0})
    """How long one batch is tried before it is dropped; 0 tries it once. (s)"""

    def __post_init__(self) -> None:
        if self.initial_in_ms > self.max_in_ms:
            raise ValueError("initialInMs must be at most maxInMs")


def pause_s(retry: Retry, failures: int, chance: float) -> float:
    """The pause in seconds after `failures` (at least 1) in a row; `chance` is drawn from 0 to 1.

    Pauses are drawn over their whole range so that many observers do not return to a broken service all at once.
    """
    longest_in_ms: float = min(retry.initial_in_ms * 2.0 ** min(failures - 1, 64), retry.max_in_ms)
    return chance * longest_in_ms / 1000
