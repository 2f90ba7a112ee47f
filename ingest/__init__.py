"""Samples in: by REST and by WebSocket, from bytes to `schemas.samples.Samples`."""

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
