"""The routes of the port that takes samples in."""

from collections.abc import Callable, Sequence

import web
from ingest import rest, sessions
from ingest.intake import Intake, Obscure
from ingest.sources import Sources
from ingest.statistics import Statistics


def routes(
    sources: Sources,
    *,
    offer: rest.Offer,
    put: sessions.Put,
    admits: sessions.Admits,
    takes: rest.Takes,
    departed: sessions.Departed,
    now: Callable[[], int],
    statistics: Statistics,
    obscure: Obscure | None = None,
    guests: Sequence[web.WebSocketRoute] = (),
    guest_pages: Sequence[web.Route] = (),
) -> web.Routes:
    """What is answered on the port for samples: ``/``, REST, WebSocket, and the routes of guests behind
    these.

    Samples from REST are offered while they are taken, those of WebSockets that were admitted are put if there is no
    room for them when they are offered. `now` is the time in ms since the epoch. `obscure` is told of all samples that
    are taken, before anybody else is. Raises `ValueError` for keys of access tokens that cannot serve.
    """
    intake = Intake(sources, now, statistics, obscure)
    posts = rest.Posts(intake, offer, takes)
    serve = sessions.Sessions(intake, offer, put, admits, departed).serve
    limits = web.SessionLimits(
        sources.websocket.max_message_size,
        sources.websocket.ping_interval_in_s,
        sources.websocket.ping_timeout_in_s,
        sources.websocket.idle_timeout_in_s,
    )
    failure = web.Refusal(sessions.INTERNAL_ERROR, "Internal error")
    return web.Routes(
        http=(
            web.Route("GET", "/", _nothing),
            web.Route(
                "POST",
                rest.PATH,
                posts.answer,
                sources.rest.max_body_size,
                posts.check,
            ),
            *guest_pages,
        ),
        websockets=(web.WebSocketRoute(sessions.PATH, serve, limits, failure), *guests),
        cors=web.Cors(tuple(sources.rest.cors_allowed_origins), max_age_in_s=sources.rest.cors_max_age_in_s),
    )


def _nothing(request: web.Request) -> web.Response:
    return web.Response()
