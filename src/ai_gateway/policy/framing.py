"""Where one request ends and the next begins must be read the same way by everybody on the path: whoever can make two
readers disagree can hide a request inside another's body. So every form that has ever been read two ways is refused
(RFC 9112, sections 3.2, 6 and 11.2)."""

import re
from collections.abc import Iterable
from typing import Final

from ai_gateway.domain.faults import InvalidRequest

VERSIONS: Final = frozenset({"1.0", "1.1"})
_JUDGED: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"content-encoding", b"expect"})
_HOST: Final = re.compile(rb"[A-Za-z0-9._:\[\]-]*")
_PLAIN_ENCODINGS: Final = frozenset({b"", b"identity"})


def judge_framing(headers: Iterable[tuple[bytes, bytes]], version: str, most_body_bytes: int) -> bool:
    """Whether the client waits for '100 Continue' before it sends the body. `headers` have lower-case names. Raises
    InvalidRequest: 400, 413 for a length that is announced and too much, 415 for a compressed body."""
    hosts = codings = 0
    waits = False
    for name, value in headers:
        if name not in _JUDGED:
            continue
        if name == b"host":
            hosts += 1
            if not _HOST.fullmatch(value):
                raise malformed("its Host header is not a host")
        elif name == b"transfer-encoding":
            codings += 1
            if value.lower() != b"chunked" or version != "1.1":
                raise malformed("the only transfer encoding is 'chunked', in HTTP/1.1")
        elif name == b"content-encoding":
            if value.lower() not in _PLAIN_ENCODINGS:
                raise InvalidRequest(
                    "The request body is compressed; the gateway reads plain bodies only.",
                    action="Send the body without 'content-encoding'.",
                    status=415,
                    code="unsupported_encoding",
                )
        elif name == b"expect":
            waits = waits or value.lower() == b"100-continue"
        elif int(value) > most_body_bytes:
            raise body_too_large(most_body_bytes)
    if hosts > 1 or codings > 1 or (hosts == 0 and version == "1.1"):
        raise malformed("it needs exactly one Host header and at most one transfer encoding")
    return waits


def judge_start(version: str, method: bytes) -> None:
    """Raises InvalidRequest: 400."""
    if version not in VERSIONS:
        raise malformed(f"HTTP/{version} is not spoken here")
    if method == b"CONNECT":
        raise malformed("this is no proxy for CONNECT")


def head_too_large(limit: int) -> InvalidRequest:
    return InvalidRequest(f"The request's head is larger than {limit} bytes.", status=431, code="headers_too_large")


def body_too_large(limit_bytes: int) -> InvalidRequest:
    return InvalidRequest(f"The request body is larger than {limit_bytes} bytes.", status=413, code="request_too_large")


def malformed(why: str) -> InvalidRequest:
    return InvalidRequest(f"This is not a valid HTTP request: {why}.", code="malformed_request")


def head_without_upgrade(method: bytes, url: bytes, version: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    """A request's head as if nobody had asked for an upgrade. Names are in lower case."""
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode("ascii"))]
    lines += [b"%s: %s" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join((*lines, b"", b""))
