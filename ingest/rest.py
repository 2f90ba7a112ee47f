"""Samples by HTTP POST: one message a request."""

from collections.abc import Callable

import web
from ingest.incoming import PROTOBUF_TYPES, BadSamples, Incoming
from ingest.intake import Intake
from ingest.statistics import Refused, Transport
from schemas.messages import Samples

PATH = "/rest/samples/{serviceId}/{mediaUnitId}"

CONTENT_TYPES = frozenset({"", "application/json", "application/octet-stream"}) | PROTOBUF_TYPES
"""What is taken; the empty one stands for a request that names none."""

_AGAIN_SOON = ("Retry-After", "1")

Offer = Callable[[Samples, int], bool]
"""Takes samples and the bytes they came in; says whether there was room for them. Never waits."""

Takes = Callable[[], str | None]
"""``None``, or why nothing is taken now: the cluster has no majority, so nothing new could be registered."""


def check(intake: Intake, takes: Takes, request: web.Request) -> None:
    """Looks at the head of a request: what it brings that is not taken need not be sent. Raises `web.HttpError`."""
    try:
        _admit(intake, takes, request)
    except BadSamples as bad:
        intake.statistics.refused[bad.refused] += 1
        raise web.HttpError(bad.status, bad.reason, *bad.headers) from None


async def answer(intake: Intake, offer: Offer, takes: Takes, request: web.Request) -> web.Response:
    """200 and nothing once the samples are queued, even if none of them is taken; otherwise an error in plain text."""
    try:
        # Much may have changed while the body came.
        decoder = intake.decoder(_admit(intake, takes, request))
        try:
            samples = intake.take(request.body, decoder, Transport.REST)
        finally:
            decoder.done()
        if not offer(samples, len(request.body)):
            raise BadSamples("Too many samples are waiting", Refused.FULL, status=503, headers=(_AGAIN_SOON,))
    except BadSamples as bad:
        intake.statistics.refused[bad.refused] += 1
        return web.text_response(bad.status, bad.reason, *bad.headers)
    return web.Response()


def _admit(intake: Intake, takes: Takes, request: web.Request) -> Incoming:
    """Whose samples a request brings, by its head. Raises `BadSamples`."""
    if not intake.sources.rest.enabled:
        raise BadSamples("REST is disabled", Refused.DISABLED, status=403)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        told = "Taken are application/json, application/protobuf and application/octet-stream"
        raise BadSamples(told, Refused.CONTENT_TYPE, status=415)
    grant = intake.grant(request)
    reason = takes()
    if reason is not None:
        raise BadSamples(reason, Refused.NO_QUORUM, status=503, headers=(_AGAIN_SOON,))
    return intake.incoming(request, grant, content_type)
