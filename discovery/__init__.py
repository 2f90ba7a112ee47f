"""Who are my peers: a static list. The pods of a Kubernetes namespace are not there yet.

An address is text such as ``host:5601``; where it is spoken of as one's own, it is the one that peers know.
"""

from typing import NamedTuple, Protocol


class Found(NamedTuple):
    """What is known of the peers at a moment; both sets hold one's own address."""

    addresses: frozenset[str]
    """Where members, or those who want to be, may be found."""

    founders: frozenset[str]
    """Those of them who must all have answered before a cluster may be formed, lest two are formed at once."""


class Discovery(Protocol):
    """Looks for peers."""

    async def found(self) -> Found:
        """Those of now. It may be asked again and again, and may fail with `OSError`."""
