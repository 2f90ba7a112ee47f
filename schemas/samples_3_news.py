"""What a client of 3.x tells again in each sample although it stays as it is, told once.

Clients of 2.x tell codecs, certificates, candidates and media sources when these are new. Those of 3.x repeat them all
every time: more than half of a sample's entries, each of which would become one more report of the same.
"""

from typing import Any

from schemas.samples import Item

_CANDIDATE = ("peerConnectionId", "id", "address", "port", "protocol", "candidateType", "url", "relayProtocol")
_TOLD_BY = {
    "codecs": ("id", "transportId", "payloadType", "mimeType", "clockRate", "channels", "sdpFmtpLine"),
    "certificates": ("id", "fingerprint", "issuerCertificateId"),
    "mediaSources": ("id", "kind", "trackIdentifier", "width", "height"),
    "iceLocalCandidates": _CANDIDATE,
    "iceRemoteCandidates": _CANDIDATE,
}
"""For each list what makes an entry another one: neither when it was measured, nor how loud it is just now."""


class News:
    """What the clients of one session have told: at most `most` entries are remembered, the latest ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._told: dict[int, None] = {}

    def __bool__(self) -> bool:
        """Whether any is remembered."""
        return bool(self._told)

    def forget(self) -> None:
        """Forgets all that was told."""
        self._told.clear()

    def only(self, sample: Item) -> int:
        """Takes out of a sample of 2.2 what its client has told before in the same room; tells how many entries."""
        try:
            teller = hash((sample.get("clientId"), sample.get("roomId"), sample.get("callId")))
        except TypeError:  # an id that is none
            return 0
        count = 0
        for name, fields in _TOLD_BY.items():
            entries = sample.get(name)
            if type(entries) is list and entries:
                news = sample[name] = [entry for entry in entries if self._is_new(entry, teller, name, fields)]
                count += len(entries) - len(news)
        return count

    def _is_new(self, entry: Any, teller: int, name: str, fields: tuple[str, ...]) -> bool:
        if type(entry) is not dict:
            return True
        get = entry.get
        try:
            told = hash((teller, name, *[get(field) for field in fields]))
        except TypeError:  # a value that is neither text nor number
            return True
        known = told in self._told
        if known:
            del self._told[told]
        elif self._told and len(self._told) >= self._most:
            del self._told[next(iter(self._told))]
        if self._most:
            self._told[told] = None
        return not known
