"""Which version of the observer runs."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "webrtc-observer"


def own_version() -> str:
    """The version that is installed; ``unknown`` when the observer runs from a checkout that nobody installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"
