"""Samples by HTTP POST: one message a request."""

from collections.abc import Callable
from typing import cast

import web
from ingest.incoming import PROTOBUF_TYPES, BadSamples, Incoming
from ingest.intake import Intake
from ingest.statistics import Refused, Transport
from schemas.messages import Samples

PATH = "/rest/samples/{serviceId}/{mediaUnitId}"

CONTENT_TYPES = frozenset({"", "application/json", "application/octet-stream"}) | PROTOBUF_TYPES
"""What is taken; the empty one stands for a request that names none."""

_QUEUED = web.Response()
_AGAIN_SOON = ("Retry-After", "1")

Offer = Callable[[Samples, int], bool]
"""Takes samples and the bytes they came in; says whether there was room for them. Never waits."""

Takes = Callable[[], str | None]
"""``None``, or why nothing is taken now: the cluster has no majority, so nothing new could be registered."""


_PLACES_KEPT = 1024
_LONGEST_KEPT = 512


class Posts:
    """Takes samples by POST: `check` looks at the head of a request, `answer` at its body."""

    def __init__(self, intake: Intake, offer: Offer, takes: Takes) -> None:
        self._intake = intake
        self._offer = offer
        self._takes = takes
        self._kept: dict[tuple[str, str], Incoming] = {}

    def check(self, request: web.Request) -> Incoming:
        """Whose samples a request brings, by its head: what is not taken need not be sent. Raises `web.HttpError`."""
        try:
            return self._admit(request)
        except BadSamples as bad:
            self._intake.statistics.refused[bad.refused] += 1
            raise web.HttpError(bad.status, bad.reason, *bad.headers) from None

    def answer(self, request: web.Request) -> web.Response:
        """200 and nothing once the samples are queued, even if none of them is taken; otherwise an error in plain text.

        The request was checked; its token, or the majority, may be over since.
        """
        intake = self._intake
        decoder = intake.decoder(cast(Incoming, request.checked), Transport.REST)
        try:
            if not request.at_once:
                self._check_taking()
            samples = intake.take(request.body, decoder)
            if not self._offer(samples, len(request.body)):
                raise BadSamples("Too many samples are waiting", Refused.FULL, status=503, headers=(_AGAIN_SOON,))
        except BadSamples as bad:
            intake.statistics.refused[bad.refused] += 1
            return web.text_response(bad.status, bad.reason, *bad.headers)
        finally:
            decoder.done()
        return _QUEUED

    def _admit(self, request: web.Request) -> Incoming:
        """Whose samples a request brings, by its head. Raises `BadSamples`."""
        if not self._intake.sources.rest.enabled:
            raise BadSamples("REST is disabled", Refused.DISABLED, status=403)
        content_type = request.headers.get("content-type", "")
        if content_type not in CONTENT_TYPES:
            content_type = content_type.partition(";")[0].strip().lower()
        if content_type not in CONTENT_TYPES:
            told = "Taken are application/json, application/protobuf and application/octet-stream"
            raise BadSamples(told, Refused.CONTENT_TYPE, status=415)
        grant = self._intake.grant(request)
        self._check_taking()
        return (
            self._incoming(request, content_type)
            if grant is None
            else self._intake.incoming(request, grant, content_type)
        )

    def _check_taking(self) -> None:
        reason = self._takes()
        if reason is not None:
            raise BadSamples(reason, Refused.NO_QUORUM, status=503, headers=(_AGAIN_SOON,))

    def _incoming(self, request: web.Request, content_type: str) -> Incoming:
        """What the target of a request says of its samples. Raises `BadSamples`.

        Who sends again mostly sends to the same target, so what was read is kept for some.
        """
        place = (request.target, content_type)
        kept = self._kept.get(place)
        if kept is None:
            kept = self._intake.incoming(request, None, content_type)
            if len(request.target) <= _LONGEST_KEPT:
                if len(self._kept) >= _PLACES_KEPT:
                    self._kept.clear()
                self._kept[place] = kept
        return kept
