"""The HTTP API. What stands here is all that a domain's `http.py` may use of it."""

from aiohttp.web import StreamResponse, WebSocketResponse

from core import log
from core.errors import CommandRefused
from core.queue.commit.answers import Answer, Ask
from core.web.auth import renewed
from core.web.call import Actor, Call, absent
from core.web.model import Document, Model, Moment, Nothing, Page, Upload
from core.web.reading import decoded
from core.web.refusals import Refused
from core.web.routes import assets, page, protocol, route, service, socket
from core.web.state import Shell
from core.web.visit import Visit

__all__ = [
    "Actor",
    "Answer",
    "Ask",
    "Call",
    "CommandRefused",
    "Document",
    "Model",
    "Moment",
    "Nothing",
    "Page",
    "Refused",
    "Shell",
    "StreamResponse",
    "Upload",
    "Visit",
    "WebSocketResponse",
    "absent",
    "assets",
    "decoded",
    "log",
    "page",
    "protocol",
    "renewed",
    "route",
    "service",
    "socket",
]
