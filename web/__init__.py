"""HTTP/1.1 and WebSocket on one port, on trio, within stated limits. It knows nothing of what it carries.

``Server(Routes(http=[Route(...)], websockets=[WebSocketRoute(...)]), Limits())`` serves. A `Route` answers a `Request`
with a `Response`, a `WebSocketRoute` serves a `WebSocket`; one ends in an `HttpError`, the other in a `Refusal`.
"""

from web.cors import Cors as Cors
from web.limits import Limits as Limits
from web.limits import SessionLimits as SessionLimits
from web.requests import HttpError as HttpError
from web.requests import Request as Request
from web.requests import Response as Response
from web.requests import text_response as text_response
from web.routing import Route as Route
from web.routing import Routes as Routes
from web.routing import WebSocketRoute as WebSocketRoute
from web.server import Server as Server
from web.statistics import Ended as Ended
from web.statistics import Statistics as Statistics
from web.websocket import Disconnected as Disconnected
from web.websocket import Refusal as Refusal
from web.websocket import Stopped as Stopped
from web.websocket import WebSocket as WebSocket
