"""The routes of this process. `@route`, `@socket`, `page` and `assets` are the only ways in; a domain calls them in its
`http.py`. Described here, served by core/web/serving.py, told by core/web/openapi.py."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from aiohttp import web

from core.errors import RowmillError
from core.people.tokens import Scope
from core.web.model import Model, Nothing

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Kind = Literal["json", "file", "socket"]
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])
PARAMETER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One way in. `asked` holds the path parameters and the query, `body` what is sent, `answer` what comes back."""

    method: Method
    path: str
    scope: Scope
    handler: Callable[..., Awaitable[Any]]
    asked: type[Model]
    body: type[Model]
    answer: Any
    kind: Kind
    status: int
    refuses: tuple[int, ...]
    body_bytes: int | None
    time_limit_s: float | None
    media: str  # of a file
    upload: bool  # the body is multipart: a part `file`, and the model as JSON in a part `parameters`
    package: str  # whose queries.sql `call.read` and `call.apply` use

    @property
    def in_path(self) -> frozenset[str]:
        return frozenset(PARAMETER.findall(self.path))

    @property
    def takes_body(self) -> bool:
        return self.body is not Nothing

    @property
    def summary(self) -> str:
        return inspect.cleandoc(self.handler.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


@dataclass(frozen=True, slots=True)
class Files:
    """Files for the browser: one page, or a folder of assets below a path."""

    path: str
    place: Path
    package: str


@dataclass(frozen=True, slots=True)
class Service:
    """Something that lives as long as the server, for example one listener for all sockets."""

    start: Callable[[Any], AbstractAsyncContextManager[Any]]
    package: str


@dataclass(frozen=True, slots=True)
class Protocol:
    """An address where a foreign protocol is spoken: its handler lets people in and answers in its own words."""

    path: str
    methods: tuple[str, ...]
    handler: Callable[[Any], Awaitable[web.StreamResponse]]
    package: str


_protocols: dict[str, Protocol] = {}
_routes: dict[tuple[str, str], Route] = {}
_files: dict[str, Files] = {}
_services: dict[Callable[..., Any], Service] = {}


def route(  # noqa: PLR0913 - what a route is made of, by name
    method: Method,
    path: str,
    *,
    scope: Scope,
    status: int = 200,
    refuses: Sequence[int] = (),
    body_bytes: int | None = None,
    time_limit_s: float | None = None,
    media: str = "application/octet-stream",
    upload: bool = False,
) -> Callable[[Handler], Handler]:
    """Registers `async def handler(call: Call[Asked, Body]) -> Answer`; the models are read from its annotations.

    A field of Asked that stands in the path as `{name}` is a path parameter, the others are the query. `refuses` are
    the statuses it may answer beside those of every route. With `upload` a file comes with the body, and is
    `call.upload`. An answer that is a `web.StreamResponse` is sent as it is.
    """

    def register(handler: Handler) -> Handler:
        asked, body, answer = _models(handler)
        is_file = isinstance(answer, type) and issubclass(answer, web.StreamResponse)
        _add(
            Route(
                method=method,
                path=path,
                scope=scope,
                handler=handler,
                asked=asked,
                body=body,
                answer=answer,
                kind="file" if is_file else "json",
                status=status,
                refuses=tuple(refuses),
                body_bytes=body_bytes,
                time_limit_s=time_limit_s,
                media=media,
                upload=upload,
                package=_package(handler),
            )
        )
        return handler

    return register


def socket(path: str, *, scope: Scope) -> Callable[[Handler], Handler]:
    """Registers `async def handler(call: Call[Asked, Nothing], socket: web.WebSocketResponse) -> None`.

    The shell has let the client in and opened the socket. It pings, closes with 1001 when the server stops, and counts.
    """

    def register(handler: Handler) -> Handler:
        asked, body, _ = _models(handler)
        package = _package(handler)
        _add(Route("GET", path, scope, handler, asked, body, None, "socket", 101, (), None, None, "", False, package))
        return handler

    return register


def protocol(path: str, *methods: str) -> Callable[[Handler], Handler]:
    """Registers `async def handler(visit: Visit) -> web.StreamResponse` for a protocol that is not ours to shape: its
    own errors, headers and preflight requests. Nobody is let in but by `visit.let_in(scope)`."""

    def register(handler: Handler) -> Handler:
        _protocols[path] = Protocol(path, methods, handler, _package(handler))
        return handler

    return register


def page(path: str, file: Path) -> None:
    """An HTML file; whoever has not logged in gets the login form in its place."""
    _files[path] = Files(path, file, _caller())


def assets(path: str, folder: Path) -> None:
    """The files of a folder, below `path`."""
    _files[path] = Files(path, folder, _caller())


Started = TypeVar("Started")


def service(
    start: Callable[[Any], AbstractAsyncContextManager[Started]],
) -> Callable[[Any], AbstractAsyncContextManager[Started]]:
    """Registers `@asynccontextmanager async def start(shell: Shell)`: entered before the first request, left after the
    last. What it yields, a handler gets by `call.service(start)`."""
    _services[start] = Service(start, _package(start))
    return start


def _models(handler: Callable[..., Any]) -> tuple[type[Model], type[Model], Any]:
    hints = typing.get_type_hints(handler)
    first = next(iter(inspect.signature(handler).parameters), "")
    models = typing.get_args(hints.get(first))
    if len(models) != 2:  # noqa: PLR2004 - Asked and Body
        raise RowmillError(f"{handler.__qualname__} must take `call: Call[Asked, Body]`")
    return models[0], models[1], hints.get("return")


def _package(handler: Callable[..., Any]) -> str:
    """`workers.turns` of `workers.turns.http` and of `workers.turns.http.cells`."""
    module = handler.__module__
    return module.split(".http")[0] if ".http" in module else module.rpartition(".")[0]


def _caller() -> str:
    frame = inspect.stack()[2].frame
    module = str(frame.f_globals["__name__"])
    return module.split(".http", maxsplit=1)[0]


def _add(made: Route) -> None:
    before = _routes.get((made.method, made.path))
    if before is not None and before.handler.__qualname__ != made.handler.__qualname__:
        raise RowmillError(f"two handlers claim {made.method} {made.path}; rename one of them")
    missing = made.in_path - set(made.asked.model_fields)
    if missing:
        raise RowmillError(f"{made.path} has {', '.join(sorted(missing))}, which {made.asked.__name__} lacks")
    _routes[made.method, made.path] = made


def routes(packages: Sequence[str]) -> list[Route]:
    """The engine's own and those of these domains, by path."""
    own = [each for each in _routes.values() if each.package in {"core.web", *packages}]
    return sorted(own, key=lambda each: (each.path, each.method))


def protocols(packages: Sequence[str]) -> list[Protocol]:
    return [each for each in _protocols.values() if each.package in packages]


def files(packages: Sequence[str]) -> list[Files]:
    return [each for each in _files.values() if each.package in packages]


def services(packages: Sequence[str]) -> list[Service]:
    return [each for each in _services.values() if each.package in packages]
