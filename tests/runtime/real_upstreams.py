"""The implementations of Upstream that own sockets. Another one is one more line here."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address
from ssl import SSLContext
from typing import Final

from ai_gateway.runtime.http1_upstream import Http1Upstream
from ai_gateway.runtime.upstream import Upstream
from support.aiohttp_upstream import AiohttpUpstream

MayConnect = Callable[[IPv4Address | IPv6Address], bool]

REAL: Final[dict[str, Callable[[MayConnect, SSLContext | None], Upstream]]] = {
    "aiohttp": AiohttpUpstream,
    "http1": Http1Upstream,
}


@asynccontextmanager
async def opened(
    name: str, may_connect: MayConnect = lambda _: True, tls: SSLContext | None = None
) -> AsyncIterator[Upstream]:
    upstream = REAL[name](may_connect, tls)
    try:
        yield upstream
    finally:
        await upstream.close()
