"""What operators and their probes ask: is it alive, is it ready, what are its numbers. None of it reads a body, and
only readiness asks somebody else."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, final

import msgspec

from ai_gateway.gateway.answers import JSON
from ai_gateway.gateway.client import Headers, Receive, Send

PATHS: Final = frozenset({"/", "/healthz", "/readyz", "/metrics"})
PLAIN: Final = ("content-type", "text/plain; charset=utf-8")
PROMETHEUS: Final = ("content-type", "text/plain; version=1.0.0; charset=utf-8")


class OpsDoors(msgspec.Struct, frozen=True):
    """`readiness` gives what is not ready yet, by name, empty when all is well. `may_scrape` judges the value of an
    Authorization header (None: anybody may)."""

    readiness: Callable[[], Awaitable[dict[str, str]]]
    metrics: Callable[[], bytes]
    may_scrape: Callable[[bytes], bool] | None
    version: str


@final
class Ops:
    def __init__(self, doors: OpsDoors) -> None:
        self._doors = doors

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        status, headers, body = await self._answer(scope)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in headers]
                + [(b"content-length", str(len(body)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: dict[str, Any]) -> tuple[int, Headers, bytes]:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, (PLAIN, ("allow", "GET, HEAD")), b"This address takes GET.\n"
        path = scope["path"]
        if path == "/healthz":
            return 200, (PLAIN,), b"ok\n"
        if path == "/readyz":
            missing = await self._doors.readiness()
            state = {"status": "not ready" if missing else "ready", "missing": missing}
            return 503 if missing else 200, (JSON,), msgspec.json.encode(state)
        if path == "/metrics":
            return self._metrics(scope)
        about = {"name": "AI Gateway", "version": self._doors.version, "openai": "/v1", "anthropic": "/"}
        return 200, (JSON,), msgspec.json.encode(about)

    def _metrics(self, scope: dict[str, Any]) -> tuple[int, Headers, bytes]:
        if self._doors.may_scrape is not None:
            offered = [value for name, value in scope["headers"] if name == b"authorization"]
            if not (offered and self._doors.may_scrape(offered[0])):
                return 401, (PLAIN, ("www-authenticate", "Bearer")), b"/metrics needs the admin token.\n"
        return 200, (PROMETHEUS,), self._doors.metrics()
