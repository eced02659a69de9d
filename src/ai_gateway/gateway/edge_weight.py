"""What a caller's connection weighs. Ten thousand of them are open at once, each for a stream that says a word now and
then, so what is the same for many is there once, and what a connection is has no dictionary around it.

uvicorn's protocol has some 27 attributes and ours 20 more. Instances share the names of theirs up to 30 (CPython 3.11);
above that each has a dictionary of its own, of 1.6 kB. A subclass may have slots for what its base sets: then the
dictionary is never made. An attribute that is missing here works all the same, and costs 100 bytes.
"""

from functools import lru_cache
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

_OF_UVICORN: Final = (
    "access_log",
    "access_logger",
    "app",
    "app_state",
    "asgi_version",
    "client",
    "config",
    "connections",
    "cycle",
    "expect_100_continue",
    "flow",
    "headers",
    "limit_concurrency",
    "logger",
    "loop",
    "parser",
    "pipeline",
    "root_path",
    "scheme",
    "scope",
    "server",
    "server_state",
    "tasks",
    "timeout_keep_alive",
    "timeout_keep_alive_task",
    "transport",
    "url",
    "ws_protocol_class",
)
_OURS: Final = (
    "_begun",
    "_body_bytes",
    "_head_bytes",
    "_head_timer",
    "_idle_since",
    "_known",
    "_latest",
    "_linger_timer",
    "_memory",
    "_open",
    "_pace_timer",
    "_phase",
    "_plain_head",
    "_refused",
    "_remembered",
    "_requests",
    "_wire_bytes",
    "answer_lines",
    "default_headers",
    "default_lines",
    "gathered",
)
ATTRIBUTES: Final = (*_OF_UVICORN, *_OURS)


@lru_cache(8)
def asgi_of(version: str) -> dict[str, str]:
    """The scope's `asgi`."""
    return {"version": version, "spec_version": "2.3"}


@lru_cache(64)
def same_place(server: tuple[str, int | None] | None) -> tuple[str, int | None] | None:
    """The address that connections came in at, once for all of them."""
    return server


@lru_cache(2)
def default_lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The server's own header lines: uvicorn makes new headers each second, for the date in them, and every connection
    takes the same."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


@lru_cache(2)
def answer_lines(own: bytes) -> str:
    """How every whole answer with 200 begins, with the server's own lines."""
    return (STATUS_LINE[200] + own).decode("latin-1")
