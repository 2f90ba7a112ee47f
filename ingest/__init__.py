"""Samples in, by REST and by WebSocket, and what becomes samples: from bytes to `schemas.samples.Samples`."""

from ingest.guest_sessions import Began as Began
from ingest.guest_sessions import Dump as Dump
from ingest.guest_settings import Jitsi as Jitsi
from ingest.guest_settings import Rtcstats as Rtcstats
from ingest.guest_statistics import GuestStatistics as GuestStatistics
from ingest.guest_statistics import Kind as Kind
from ingest.guests import Guests as Guests
from ingest.guests import guest_routes as guest_routes
from ingest.incoming import BadSamples as BadSamples
from ingest.routes import routes as routes
from ingest.sources import AccessTokens as AccessTokens
from ingest.sources import Rest as Rest
from ingest.sources import Security as Security
from ingest.sources import Sources as Sources
from ingest.sources import Websocket as Websocket
from ingest.statistics import Refused as Refused
from ingest.statistics import Statistics as Statistics
from ingest.statistics import Transport as Transport
from ingest.token_keys import Algorithm as Algorithm
