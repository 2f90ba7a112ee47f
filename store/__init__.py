"""The registry: calls, clients, peer connections and tracks as one deterministic state machine. Pure."""
