"""The upstream side on aiohttp: a well-kept client behind `runtime/upstream.py`, and the reference that ours is
compared with answer by answer.

Every address is judged twice, because names are not addresses: the resolver hands on only addresses that egress
allows, and the socket factory judges the address it is about to connect to, which also covers literal ones. What was
judged is what is connected, so a name that resolves differently a moment later changes nothing. TLS still verifies
the name, and the Host header carries it. Redirects, cookies, proxies of the environment and automatic decoding are off.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ai_gateway.domain.config import Reach
from ai_gateway.runtime.decompression import decoder_for
from ai_gateway.runtime.upstream import Broken, CannotConnect, EgressRefused, Outgoing, Sink, TooSlow
from support.upstream import NoErrand

MayConnect = Callable[[IPv4Address | IPv6Address], bool]

KEEP_ALIVE_SECONDS: Final = 15.0
UNASKED_HEADERS: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


@final
class AiohttpUpstream:
    """Made inside the running loop. `may_connect` judges addresses for endpoints whose reach is checked."""

    def __init__(self, may_connect: MayConnect, tls: ssl.SSLContext | None = None) -> None:
        context = tls or ssl.create_default_context()
        self._may_connect = may_connect
        self._sessions = {
            Reach.CHECKED: _session(may_connect, context),
            Reach.BUILT_IN: _session(lambda address: address.is_loopback, context),
        }

    async def send(self, request: Outgoing) -> "AiohttpAnswer":
        url = URL(request.url.text + request.path, encoded=True)
        self._refuse_literal(request)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=request.connect_seconds)
        try:
            async with asyncio.timeout(request.head_seconds):
                response = await self._sessions[request.reach].request(
                    request.method,
                    url,
                    headers=request.headers,
                    data=request.body if isinstance(request.body, bytes) else b"".join(request.body),
                    timeout=timeout,
                    allow_redirects=False,
                    skip_auto_headers=UNASKED_HEADERS,
                )
        except aiohttp.ConnectionTimeoutError as error:
            raise TooSlow("connect") from error
        except TimeoutError as error:
            raise TooSlow("first byte") from error
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, _AddressRefused):
                raise EgressRefused(str(error.os_error)) from error
            raise CannotConnect(str(error)) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Broken(_told(error)) from error
        try:
            return AiohttpAnswer(response)
        except Broken:
            response.close()
            raise

    def prepare(self, request: Outgoing) -> NoErrand:
        return NoErrand()

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    def _refuse_literal(self, request: Outgoing) -> None:
        try:
            address = ip_address(request.url.host)
        except ValueError:
            return
        if request.reach is Reach.CHECKED and not self._may_connect(address):
            raise EgressRefused(request.url.host)


@final
class AiohttpAnswer:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._decode = decoder_for(response.headers.get("content-encoding", "")) or (lambda raw: raw)

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> dict[str, str]:
        joined: dict[str, str] = {}
        for name, value in self._response.headers.items():
            low = name.lower()
            joined[low] = f"{joined[low]}, {value}" if low in joined else value
        return joined

    async def head(self, seconds: float) -> None:
        """It is there."""

    def when_whole(self, most: int, seconds: float, tell: Callable[[], None]) -> None:
        raise AssertionError("nothing is sent at once here")

    def take_whole(self) -> bytes | None:
        raise AssertionError("nothing is sent at once here")

    def unhand(self) -> None:
        raise AssertionError("nothing is sent at once here")

    async def read(self, most: int, seconds: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(seconds):
                while part := await self._more():
                    size += len(part)
                    if size > most:
                        raise Broken("the answer is too large")
                    parts.append(part)
        except TimeoutError as error:
            raise TooSlow("between bytes") from error
        return b"".join(parts)

    async def next(self, seconds: float) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                return await self._more()
        except TimeoutError as error:
            raise TooSlow("between bytes") from error

    def pour_into(self, sink: Sink, between_seconds: float, total_seconds: float) -> bool:
        return False

    def pause(self) -> None:
        """The library stops reading by itself while nobody asks for `next`."""

    def resume(self) -> None:
        """See `pause`."""

    def leave(self, seconds: float) -> None:
        self.close()

    def close(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()

    async def _more(self) -> bytes:
        """The next decoded bytes; b'' only at the end, also where a piece decodes to nothing yet."""
        while True:
            try:
                raw = await self._response.content.readany()
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise Broken(_told(error)) from error
            if not raw:
                return self._decode(b"")
            if decoded := self._decode(raw):
                return decoded


def _told(error: Exception) -> str:
    """For logs: the repr of a ClientResponseError shows the request's headers, the provider's key among them."""
    return (
        type(error).__name__ if isinstance(error, aiohttp.ClientResponseError) else f"{type(error).__name__}: {error}"
    )


def _session(may_connect: MayConnect, tls: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=0,
        resolver=_JudgedResolver(may_connect),
        ttl_dns_cache=30,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        socket_factory=partial(_judged_socket, may_connect),
        ssl=tls,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        max_line_size=32 * 1024,
        max_field_size=32 * 1024,
    )


class _AddressRefused(OSError):
    pass


@final
class _JudgedResolver(AbstractResolver):
    def __init__(self, may_connect: MayConnect) -> None:
        self._may_connect = may_connect

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        allowed = [
            ResolveResult(
                hostname=host, host=str(it[4][0]), port=port, family=it[0], proto=it[2], flags=socket.AI_NUMERICHOST
            )
            for it in found
            if _judge(self._may_connect, str(it[4][0]))
        ]
        if not allowed:
            raise _AddressRefused(f"{host} resolves to no address that may be called")
        return allowed

    async def close(self) -> None:
        return None


def _judged_socket(may_connect: MayConnect, info: tuple[Any, ...]) -> socket.socket:
    family, kind, proto, _, address = info
    if not _judge(may_connect, str(address[0])):
        raise _AddressRefused(str(address[0]))
    outward = socket.socket(family, kind, proto)
    outward.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return outward


def _judge(may_connect: MayConnect, text: str) -> bool:
    try:
        return may_connect(ip_address(text))
    except ValueError:
        return False
