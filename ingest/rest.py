"""Samples by HTTP POST: one message a request."""

from collections.abc import Callable
from typing import NamedTuple, cast

import web
from ingest.decoder import Decoder
from ingest.incoming import PROTOBUF_TYPES, BadSamples
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


_LONGEST_KEPT = 512
"""The longest target that is remembered while a connection rests. (characters)"""


class _Place(NamedTuple):
    """Where samples are posted to and as what, and what decodes them.

    `target` is ``None`` if it is too long to be remembered, or where tokens are asked for, which tell each time whose
    samples they bring.
    """

    target: str | None
    content_type: str
    decoder: Decoder

    def is_of(self, target: str, content_type: str) -> bool:
        """Whether what is posted there, as that, is decoded as well by what decoded the last."""
        return self.target == target and self.content_type == content_type and self.decoder.remembers_nothing


class Posts:
    """Takes samples by POST: `check` looks at the head of a request, `answer` at its body."""

    def __init__(self, intake: Intake, offer: Offer, takes: Takes) -> None:
        self._intake = intake
        self._offer = offer
        self._takes = takes

    def check(self, request: web.Request) -> _Place:
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
        decoder = cast(_Place, request.checked).decoder
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

    def _admit(self, request: web.Request) -> _Place:
        """Whose samples a request brings, by its head. Raises `BadSamples`.

        Who sends again over a connection mostly does so to the same place, and is known there.
        """
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
        before = request.checked_before
        if type(before) is _Place and before.is_of(request.target, content_type):
            return before
        of = self._intake.incoming(request, grant, content_type)
        target = request.target if grant is None and len(request.target) <= _LONGEST_KEPT else None
        return _Place(target, content_type, self._intake.decoder(of, Transport.REST))

    def _check_taking(self) -> None:
        reason = self._takes()
        if reason is not None:
            raise BadSamples(reason, Refused.NO_QUORUM, status=503, headers=(_AGAIN_SOON,))
