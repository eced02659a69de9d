"""What a route of the control plane is: a path, a handler, and the permission it takes.

The nouns declare their routes as values of `Route`, whose permission has no default: a route that forgot it is no
value, and a handler that got into the app some other way is refused when the app is built. The route class does the
same three steps before every handler: admit, read the body strictly, hand over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, cast

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from ai_gateway.admin.access import Permission
from ai_gateway.admin.admission import admit, read_body
from ai_gateway.admin.doors import AdminDoors
from ai_gateway.admin.strict_json import parse_object

PREFIX: Final = "/api/v1/admin"
SMALL_BODY: Final = 1024 * 1024
LARGE_BODY: Final = 32 * 1024 * 1024
_PERMISSION: Final = "x-permission"
_BODY_LIMIT: Final = "x-body-limit-bytes"
_THREAD_FROM: Final = 64 * 1024  # above it, parsing would hold up the data plane's loop for more than a millisecond


class Route(msgspec.Struct, frozen=True):
    """One line of a noun's table. `path` is below /api/v1/admin."""

    method: str
    path: str
    handler: Callable[..., Awaitable[object]]
    permission: Permission
    status: int = 200
    body_limit: int = SMALL_BODY


class ErrorBody(BaseModel):
    """Every refusal: OpenAI's error shape, with the gateway's own words in `error.gateway`."""

    error: dict[str, Any]


class _ParsedRequest(Request):
    """A request whose body was read and parsed before anything else looked at it."""

    def __init__(self, request: Request, raw: bytes, parsed: dict[str, Any]) -> None:
        headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
        scope = {**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}
        super().__init__(scope, request.receive)
        self._raw = raw
        self._parsed = parsed

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> Any:
        return self._parsed


class AdminRoute(APIRoute):
    """Raises ValueError when it is built without a permission."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        declared: dict[str, Any] = options.get("openapi_extra") or {}
        if _PERMISSION not in declared:
            raise ValueError(f"the route {path} declares no permission")
        self.permission = Permission(declared[_PERMISSION])
        self.body_limit = int(declared.get(_BODY_LIMIT, SMALL_BODY))
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def admit_and_handle(request: Request) -> Response:
            doors = cast(AdminDoors, request.app.state.doors)
            request.state.principal = await admit(doors, request.headers.getlist("authorization"), self.permission)
            if self.body_field is None:
                return await handle(request)
            raw = await read_body(request, self.body_limit)
            if not raw.strip() and not self.body_field.field_info.is_required():
                return await handle(_ParsedRequest(request, b"", {}))
            if len(raw) < _THREAD_FROM:
                parsed = parse_object(raw)
            else:
                parsed = await asyncio.to_thread(parse_object, raw)
            return await handle(_ParsedRequest(request, raw, parsed))

        return admit_and_handle


def add_routes(router: APIRouter, tag: str, routes: Sequence[Route]) -> None:
    for route in routes:
        declared: dict[str, Any] = {_PERMISSION: str(route.permission)}
        if route.body_limit != SMALL_BODY:
            declared[_BODY_LIMIT] = route.body_limit
        router.add_api_route(
            PREFIX + route.path,
            route.handler,
            methods=[route.method],
            status_code=route.status,
            tags=[tag],
            response_model=None,
            operation_id=f"{getattr(route.handler, '__name__', tag)}_{route.method.lower()}",
            openapi_extra=declared,
            responses={"default": {"model": ErrorBody, "description": "A refusal"}},
            route_class_override=AdminRoute,
        )


def check_all_declared(app: FastAPI) -> None:
    """Raises ValueError for a route that did not come through a Route, whatever put it there."""
    for route in app.routes:
        if not isinstance(route, AdminRoute):
            raise ValueError(f"the route {getattr(route, 'path', route)} declares no permission")
