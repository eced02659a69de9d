"""The control plane as one app: every noun's routes in one table, every ending in one shape.

FastAPI gives the OpenAPI document and the validation; it gives no page from a foreign host (its docs pages load from
a CDN), no redirect, and no telemetry of its own (its records would hold bodies, and so secrets).
"""

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from ai_gateway import __version__
from ai_gateway.admin import (
    api_keys,
    audit,
    budgets,
    configuration,
    departments,
    description,
    explain,
    leases,
    ledger,
    pools,
    preview,
    price_book,
    prices,
    providers,
    requests,
    rerate,
    router,
    router_breakers,
    router_health,
    routes,
    secrets,
    teams,
    tenants,
    timeline,
    tokens,
    usage,
    usage_audit,
    users,
)
from ai_gateway.admin.answers import error_response
from ai_gateway.admin.doors import AdminDoors
from ai_gateway.admin.edge import AdminEdge, store_is_away
from ai_gateway.admin.refusals import conflict
from ai_gateway.admin.routing import Route, add_routes, check_all_declared
from ai_gateway.admin.wording import explain_validation
from ai_gateway.domain.faults import Fault, InvalidRequest, NotFound
from ai_gateway.store.records import Conflict, StoreUnavailable

NOUNS: Final[tuple[tuple[str, Sequence[Route]], ...]] = (
    ("tenants", tenants.ROUTES),
    ("departments", departments.ROUTES),
    ("teams", teams.ROUTES),
    ("users", users.ROUTES),
    ("api-keys", api_keys.ROUTES),
    ("tokens", tokens.ROUTES),
    ("secrets", secrets.ROUTES),
    ("providers", providers.ROUTES),
    ("providers", timeline.ROUTES),
    ("pools", pools.ROUTES),
    ("router", router.ROUTES),
    ("router", router_breakers.ROUTES),
    ("router", router_health.ROUTES),
    ("routes", routes.ROUTES),
    ("routes", explain.ROUTES),
    ("routes", preview.ROUTES),
    ("requests", requests.ROUTES),
    ("prices", (*price_book.ROUTES, *rerate.ROUTES, *prices.ROUTES)),
    ("budgets", budgets.ROUTES),
    ("ledger", ledger.ROUTES),
    ("leases", leases.ROUTES),
    ("usage", usage.ROUTES),
    ("usage", usage_audit.ROUTES),
    ("audit", audit.ROUTES),
    ("config", configuration.ROUTES),
    ("description", description.ROUTES),
)


def build(doors: AdminDoors) -> FastAPI:
    """Serves absolute paths below /api/v1/admin. Raises ValueError where a route declares no permission."""
    app = FastAPI(
        title="AI Gateway admin API",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.doors = doors
    app.router.routes.extend(_routes())
    check_all_declared(app)
    for kind, handler in _ENDINGS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(AdminEdge, doors=doors, log=logging.getLogger("ai_gateway.admin"))
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Made once, however many apps there are: a route finds the doors in the app of the request, and making all of
    them takes longer than the rest of an app, and than most requests to it."""
    router = APIRouter()
    for tag, table in NOUNS:
        add_routes(router, tag, table)
    return tuple(router.routes)


async def _answer_fault(request: Request, ending: Exception) -> Response:
    assert isinstance(ending, Fault)
    return error_response(ending, request.state.request_id)


async def _answer_invalid(request: Request, ending: Exception) -> Response:
    assert isinstance(ending, RequestValidationError)
    return error_response(explain_validation(ending.errors()), request.state.request_id)


async def _answer_conflict(request: Request, ending: Exception) -> Response:
    assert isinstance(ending, Conflict)
    fault = conflict(f"There is one with this {ending.field} already.", param=ending.field)
    return error_response(fault, request.state.request_id)


async def _answer_unavailable(request: Request, ending: Exception) -> Response:
    return error_response(store_is_away(), request.state.request_id)


async def _answer_http(request: Request, ending: Exception) -> Response:
    assert isinstance(ending, HTTPException)
    fault: Fault
    if ending.status_code == 404:
        fault = NotFound(action="Check the address; GET /api/v1/admin/docs lists every one.")
    elif ending.status_code == 405:
        fault = InvalidRequest(
            "This address does not take this method.",
            status=405,
            code="method_not_allowed",
            action="Use one of the methods in the 'allow' header.",
        )
    else:
        fault = InvalidRequest(status=ending.status_code)
    response = error_response(fault, request.state.request_id)
    if ending.status_code == 405:
        response.headers["allow"] = ", ".join(sorted(_methods_at(request)))
    return response


def _methods_at(request: Request) -> set[str]:
    found: set[str] = set()
    for route in request.app.routes:
        if route.path_regex.match(request.scope["path"]):
            found |= route.methods
    return found


_ENDINGS: Final[dict[type[Exception], Any]] = {
    Fault: _answer_fault,
    RequestValidationError: _answer_invalid,
    Conflict: _answer_conflict,
    StoreUnavailable: _answer_unavailable,
    HTTPException: _answer_http,
}
