"""The API's description of itself, as JSON: the OpenAPI document and a short list of the routes.

No page is served here, because the usual ones load their scripts from a foreign host."""

import asyncio
from typing import Final

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.error_schemas import error_responses, error_schemas, refer_to_errors
from ai_gateway.admin.routing import PREFIX, AdminRoute, Route
from ai_gateway.admin.rules import rule_schemas
from ai_gateway.policy.wording import ENGLISH


async def read_openapi(request: Request) -> Answer:
    """The OpenAPI 3.1 document of this API."""
    app: FastAPI = request.app
    if app.openapi_schema is None:  # half a second's work, which no loop that serves has
        app.openapi_schema = await asyncio.to_thread(describe_app, app)
    return app.openapi_schema


async def list_operations(request: Request) -> Answer:
    """Every operation with the permission it takes."""
    data = [
        {"method": method, "path": route.path, "permission": str(route.permission), "summary": route.summary}
        for route in request.app.routes
        if isinstance(route, AdminRoute)
        for method in sorted(route.methods or ())
    ]
    return {"openapi": f"{PREFIX}/openapi.json", "data": data, "has_more": False, "next_cursor": None}


def describe_app(app: FastAPI) -> Answer:
    """Built from the app itself, so that it cannot say what the app does not do."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary="Tenants, keys, provider configs, pools, routes, prices and the ledger.",
        routes=[route for route in app.routes if isinstance(route, AdminRoute)],
    )
    codes = app.state.doors.languages[ENGLISH].texts.codes
    document["components"]["schemas"].pop("ErrorBody")
    document["components"]["schemas"] |= error_schemas(codes)
    document["components"]["responses"] = error_responses()
    refer_to_errors(document["paths"])
    document["components"]["schemas"].update(rule_schemas())
    document["components"]["securitySchemes"] = {"admin_token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"admin_token": []}]
    return document


ROUTES: Final = (
    Route("GET", "/openapi.json", read_openapi, Permission.READ),
    Route("GET", "/docs", list_operations, Permission.READ),
)
