"""The outermost layer of the control plane, as plain ASGI: request ids, development's fences, and the last catch.

Bodies are JSON whatever their content type says, which takes the browser's preflight away; in development mode no
token is needed either. So there the browser's own words are believed instead (Origin, Sec-Fetch-Site), a name that is
not loopback's is refused (DNS rebinding), and so is whatever came through a proxy: it may come from anywhere.
"""

import logging
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ai_gateway.admin.answers import error_response
from ai_gateway.admin.doors import AdminDoors, Mode
from ai_gateway.admin.refusals import forbidden
from ai_gateway.domain.faults import Fault, GatewayFault, InvalidRequest
from ai_gateway.runtime.crashes import place_of
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import new_id

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_PROXY_HEADERS: Final = ("forwarded", "via")
_SAFE_METHODS: Final = ("GET", "HEAD")
_OWN_HEADERS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class AdminEdge:
    def __init__(self, app: ASGIApp, doors: AdminDoors, log: logging.Logger) -> None:
        self._app = app
        self._doors = doors
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id("req", self._doors.now())
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                ours = [(b"x-request-id", request_id.encode()), (b"request-id", request_id.encode()), *_OWN_HEADERS]
                message = {**message, "headers": [*message.get("headers", ()), *ours]}
            await send(message)

        try:
            check_fences(self._doors, scope)
            await self._app(scope, receive, send_with_id)
        except Exception as ending:  # noqa: BLE001 the edge: what nobody expected ends here, without a detail outside
            fault = self._name(ending, request_id)
            if not started:
                await error_response(fault, request_id)(scope, receive, send_with_id)

    def _name(self, ending: Exception, request_id: str) -> Fault:
        if isinstance(ending, Fault):
            return ending
        if isinstance(ending, StoreUnavailable):
            return store_is_away()
        self._log.error("admin request %s failed: %s", request_id, place_of(ending))
        return GatewayFault("The gateway failed on this request; the cause is in its log.", status=500)


def store_is_away() -> GatewayFault:
    return GatewayFault(
        "The gateway's database does not answer at the moment.",
        code="store_unavailable",
        retry_after_seconds=5,
        action="Send the request again in a few seconds; nothing was changed.",
    )


def check_fences(doors: AdminDoors, scope: Scope) -> None:
    """Raises Forbidden (development's fences) and InvalidRequest (a NUL in the address, two hosts)."""
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise InvalidRequest("The address has a NUL character.", code="invalid_path")
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    hosts = headers.get("host", [])
    if len(hosts) > 1:
        raise InvalidRequest("The request has two Host headers.", code="invalid_host", param="Host")
    if doors.mode is Mode.DEVELOPMENT:
        _check_came_directly(headers)
        _check_host(hosts, doors.allowed_hosts)
        if scope["method"] not in _SAFE_METHODS:
            _check_browser(headers, hosts)


def _check_came_directly(names: Iterable[str]) -> None:
    for name in names:
        if name in _PROXY_HEADERS or name.startswith("x-forwarded"):
            raise forbidden(
                "Development mode takes no request that came through a proxy.",
                "Call it directly on this machine, or run 'ai-gateway serve' with an admin token.",
            )


def _check_host(hosts: list[str], more: tuple[str, ...]) -> None:
    name = _host_name(hosts[0]) if hosts else ""
    if name not in _LOOPBACK and name not in more:
        raise forbidden(
            "Development mode answers to localhost, 127.0.0.1 and [::1] only.",
            "Use one of these names in the address, or run 'ai-gateway serve' with an admin token.",
        )


def _host_name(host: str) -> str:
    name, separator, port = host.lower().rpartition(":")
    return name if separator and port.isascii() and port.isdigit() else host.lower()


def _check_browser(headers: dict[str, list[str]], hosts: list[str]) -> None:
    ours = {f"{scheme}://{host.lower()}" for scheme in ("http", "https") for host in hosts}
    strangers = [origin for origin in headers.get("origin", []) if origin.lower() not in ours]
    sites = [site for site in headers.get("sec-fetch-site", []) if site.lower() not in ("same-origin", "none")]
    if strangers or sites:
        raise forbidden(
            "Development mode takes no change from a page of another site.",
            "Send the request from the gateway's own pages or from a command line.",
        )
