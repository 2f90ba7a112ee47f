"""What a node says of those who are connected to it."""

import re

from tests.faults.node import Node


async def open_websockets(node: Node) -> int:
    """How many sessions it has."""
    return await _figure(node, "observertc_sources_open_websockets")


async def opened_connections(node: Node) -> int:
    """How many connections were made to its port for samples since it started."""
    return await _figure(node, "observertc_sources_opened_connections_total")


async def _figure(node: Node, name: str) -> int:
    told = (await node.get("/metrics"))[1].decode()
    (figure,) = re.findall(rf"^{name} (\S+)$", told, re.MULTILINE)
    return int(float(figure))
