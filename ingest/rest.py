"""Samples by HTTP POST: one message a request."""

from collections.abc import Callable

import web
from ingest.incoming import BadSamples, incoming
from ingest.intake import Intake
from ingest.statistics import Refused, Transport
from schemas.samples import Samples

PATH = "/rest/samples/{serviceId}/{mediaUnitId}"

CONTENT_TYPES = frozenset({"", "application/json", "application/octet-stream"})
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
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in CONTENT_TYPES:
        refused[Refused.CONTENT_TYPE] += 1
        return web.text_response(415, "Taken are application/json and application/octet-stream")
    reason = takes()
    if reason is not None:
        refused[Refused.NO_QUORUM] += 1
        return web.text_response(503, reason, _AGAIN_SOON)
    try:
        of = incoming(request.parameters, request.query, intake.sources.max_id_length)
        samples = intake.take(request.body, of, Transport.REST)
    except BadSamples as bad:
        refused[bad.refused] += 1
        return web.text_response(bad.status, bad.reason)
    if not offer(samples, len(request.body)):
        refused[Refused.FULL] += 1
        return web.text_response(503, "Too many samples are waiting", _AGAIN_SOON)
    return web.Response()
