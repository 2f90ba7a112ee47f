"""Who are my peers: those of a static list, or the pods of a Kubernetes namespace.

An address is text such as ``host:5601``; where it is spoken of as one's own, it is the one that peers know.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

_NONE: Mapping[str, str] = MappingProxyType({})


class Found(NamedTuple):
    """What is known of the peers at a moment; both sets hold one's own address."""

    addresses: frozenset[str]
    """Where members, or those who want to be, may be found."""

    founders: frozenset[str]
    """Those of them who must all have answered before a cluster may be formed, lest two are formed at once."""

    hosts: Mapping[str, str] = _NONE
    """The IP addresses of hosts, as far as they are known better than from DNS."""

    exact: bool = False
    """Whether peers know each other by these addresses only: who answers at one of them under another was reached by
    mistake."""


class Discovery(Protocol):
    """Looks for peers."""

    async def found(self) -> Found:
        """Those of now. It may be asked again and again, and may fail with `OSError`."""
