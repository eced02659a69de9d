"""The running gateway's admin API, as a command line calls it: one blocking request at a time, standard library only.

No redirect is followed, because a redirect would carry the admin token to whoever sent it; and no proxy of the
environment is used for a loopback address. A gateway that cannot be reached and one that refuses are two endings,
since an operator's next step is not the same.
"""

import ipaddress
import json
from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from ai_gateway.cli.screen import ENCODER
from ai_gateway.domain.secret import Secret

TIMEOUT_SECONDS: Final = 30
PAGE_ROWS: Final = 200


class Unreachable(Exception):
    """No gateway answered; the text is for people and says what to do."""


class Refused(Exception):
    """The gateway answered with an error. `status` is its HTTP status, the text is its own message and advice."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status

    @property
    def is_about_the_document(self) -> bool:
        """Whether what was sent is at fault, rather than who sent it or how the gateway fares."""
        return self.status in {400, 409, 413, 422}


@final
class AdminApi:
    """`url` is the gateway's address without a path; `tenant_id` is sent as X-Tenant-Id, as platform admins need."""

    def __init__(self, url: str, token: Secret | None, tenant_id: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Unreachable(f"AI_GATEWAY_URL is {url!r}. Use an address such as http://127.0.0.1:8000.")
        self._url = url.rstrip("/")
        self._headers = {"accept": "application/json"}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token.reveal()}"
        if tenant_id is not None:
            self._headers["x-tenant-id"] = tenant_id
        self._opener = _opener(parts.hostname)

    def get(self, *path: str, query: Mapping[str, str | int] | None = None) -> Any:
        return self._call("GET", path, query or {}, None)

    def text(self, *path: str, query: Mapping[str, str | int]) -> str:
        """What is not JSON, as it comes."""
        return self._fetch("GET", path, query, None).decode()

    def post(self, *path: str, body: Mapping[str, Any]) -> Any:
        return self._call("POST", path, {}, body)

    def list_all(self, *path: str) -> list[dict[str, Any]]:
        """Every row of a list, page by page."""
        rows: list[dict[str, Any]] = []
        query: dict[str, str | int] = {"limit": PAGE_ROWS}
        while True:
            page = self.get(*path, query=query)
            rows += page["data"]
            if not page["has_more"]:
                return rows
            query["cursor"] = page["next_cursor"]

    def readiness(self) -> tuple[int, str]:
        """Status and text of /readyz; raises Unreachable."""
        try:
            return HTTPStatus.OK, self._send(Request(f"{self._url}/readyz", headers=self._headers)).decode()  # noqa: S310
        except HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def _call(
        self, method: str, path: tuple[str, ...], query: Mapping[str, str | int], body: Mapping[str, Any] | None
    ) -> Any:
        answer = self._fetch(method, path, query, body)
        try:
            return json.loads(answer, parse_float=Decimal) if answer else None
        except ValueError:
            raise Unreachable(f"What answers at {self._url} is not an AI Gateway. Set AI_GATEWAY_URL.") from None

    def _fetch(
        self, method: str, path: tuple[str, ...], query: Mapping[str, str | int], body: Mapping[str, Any] | None
    ) -> bytes:
        url = f"{self._url}/api/v1/admin/" + "/".join(quote(part, safe="") for part in path)
        request = Request(url + (f"?{urlencode(query)}" if query else ""), headers=self._headers, method=method)  # noqa: S310
        if body is not None:
            request.data = ENCODER.encode(body)
            request.add_header("content-type", "application/json")
        try:
            return self._send(request)
        except HTTPError as error:
            raise _refusal(error.code, error.read()) from None

    def _send(self, request: Request) -> bytes:
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as reply:
                return reply.read()
        except HTTPError:
            raise
        except (URLError, OSError) as error:
            cause = error.reason if isinstance(error, URLError) else error
            raise Unreachable(
                f"No gateway answers at {self._url} ({cause}). Start one with `make run` or `ai-gateway serve`, "
                "or set AI_GATEWAY_URL."
            ) from None


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_request: Any, **_more: Any) -> None:
        return None


def _opener(host: str) -> OpenerDirector:
    return build_opener(_NoRedirect(), ProxyHandler({})) if _is_loopback(host) else build_opener(_NoRedirect())


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(status: int, body: bytes) -> Refused:
    try:
        error = json.loads(body)["error"]
        message = str(error["message"])
        advice = str(error.get("gateway", {}).get("suggested_action") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Refused(status, f"The gateway answered {status} {_phrase(status)}.")
    place = f" ({error['param']})" if error.get("param") else ""
    return Refused(status, f"{message}{place} {advice}".strip())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
