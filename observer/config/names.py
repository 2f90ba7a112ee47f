"""Which key of the configuration is meant by what stands in a file."""

from schemas.names import camel_case

ALIASES = {
    "sendIceCanddiatePairs": "sendIceCandidatePairs",
    "outboundAutioTrack": "outboundAudioTrack",
    "mediaUnitTagName": "mediaUnitIdTagName",
    "exposePeriodInMin": "exposePeriodInMins",
}
"""Keys that the reference misspells, or names in two ways: in camelCase, each with the key that is meant."""


def canonical(key: str) -> str:
    """The camelCase key that is meant by a key in any case, or as the reference misspells it."""
    name = camel_case(key)
    return ALIASES.get(name, name)
