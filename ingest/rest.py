"""Samples by HTTP POST: one message a request."""

from collections.abc import Callable

import web
from ingest.incoming import PROTOBUF_TYPES, BadSamples
from ingest.intake import Intake
from ingest.statistics import Refused, Transport
from schemas.samples import Samples

PATH = "/rest/samples/{serviceId}/{mediaUnitId}"

CONTENT_TYPES = frozenset({"", "application/json", "application/octet-stream"}) | PROTOBUF_TYPES
"""What is taken; the empty one stands for a request that names none."""

_AGAIN_SOON = ("Retry-After", "1")

Offer = Callable[[Samples, int], bool]
"""Takes samples and the bytes they came in; says whether there was room for them. Never waits."""

Takes = Callable[[], str | None]
"""``None``, or why nothing is taken now: the cluster has no majority, so nothing new could be registered."""


async def answer(intake: Intake, offer: Offer, takes: Takes, request: web.Request) -> web.Response:
    """200 and nothing once the samples are queued, even if none of them is taken; otherwise an error in plain text."""
    refused = intake.statistics.refused
    if not intake.sources.rest.enabled:
        refused[Refused.DISABLED] += 1
        return web.text_response(403, "REST is disabled")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        refused[Refused.CONTENT_TYPE] += 1
        return web.text_response(415, "Taken are application/json, application/protobuf and application/octet-stream")
    try:
        grant = intake.grant(request)
        reason = takes()
        if reason is not None:
            raise BadSamples(reason, Refused.NO_QUORUM, status=503, headers=(_AGAIN_SOON,))
        decoder = intake.decoder(intake.incoming(request, grant, content_type))
        samples = intake.take(request.body, decoder, Transport.REST)
        if not offer(samples, len(request.body)):
            raise BadSamples("Too many samples are waiting", Refused.FULL, status=503, headers=(_AGAIN_SOON,))
    except BadSamples as bad:
        refused[bad.refused] += 1
        return web.text_response(bad.status, bad.reason, *bad.headers)
    return web.Response()
