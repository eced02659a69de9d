"""Opens connections to addresses that were judged. A name is resolved, every address it has is judged, and the one
that is connected to is one of those that passed: what the name resolves to a moment later changes nothing. TLS still
verifies the name and sends it (SNI). Behind a proxy the judged address, not the name, is what CONNECT asks for; what
is on loopback is never behind one, because the proxy's loopback is not ours.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, final

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.http1 import Http1Connection
from ai_gateway.runtime.upstream import CannotConnect, EgressRefused, TooSlow

Address = IPv4Address | IPv6Address
MayConnect = Callable[[Address], bool]
Resolve = Callable[[str, int], Awaitable[list[str]]]

NAMES_KEPT_SECONDS: Final = 30.0
MOST_NAMES: Final = 10_000
PROXY_ANSWER_BYTES: Final = 16 << 10


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """What a provider's certificate is verified against: the system's authorities, and those of a PEM file. Raises
    ValueError where the file is none."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f"{ca_file} is not a PEM file of certificates: {error}") from error
    return context


async def ask_system(host: str, port: int) -> list[str]:
    """The addresses of a name, best first as the system sorts them. Raises OSError, UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(it[4][0]) for it in found]


@final
class Dialer:
    """`may_connect` judges addresses of endpoints whose reach is checked; the built-in mock is on loopback. `proxy` is
    an HTTP proxy that everything goes through which is not on loopback (None: none). `resolve` gives the addresses of
    a name, as text, and raises OSError."""

    def __init__(
        self,
        may_connect: MayConnect,
        tls: ssl.SSLContext,
        proxy: BaseUrl | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._may_connect = may_connect
        self._tls = tls
        self._proxy = proxy
        self._resolve_name = resolve or ask_system
        self._names: dict[tuple[str, int], tuple[float, list[Address]]] = {}

    async def dial(
        self, url: BaseUrl, reach: Reach, make: Callable[[], Http1Connection], seconds: float
    ) -> Http1Connection:
        """A connection that is ready to be asked. Raises CannotConnect, EgressRefused, TooSlow('connect')."""
        try:
            async with asyncio.timeout(seconds):
                return await self._dial(url, reach, make)
        except TimeoutError as error:
            raise TooSlow("connect") from error

    async def _dial(self, url: BaseUrl, reach: Reach, make: Callable[[], Http1Connection]) -> Http1Connection:
        problem: Exception | None = None
        for address in await self._judged_addresses(url, reach):
            try:
                raw = await self._connect(address, url)
                return await self._wrap(raw, url, make)
            except (OSError, ValueError) as error:  # ValueError: a name that TLS cannot ask for
                problem = error
        raise CannotConnect(f"{url.host}:{url.port}: {problem}") from problem

    async def _judged_addresses(self, url: BaseUrl, reach: Reach) -> list[Address]:
        found = await self._resolve(url.host, url.port)
        allowed = [it for it in found if (it.is_loopback if reach is Reach.BUILT_IN else self._may_connect(it))]
        if not allowed:
            raise EgressRefused(f"{url.host} has no address that may be called")
        return allowed

    async def _resolve(self, host: str, port: int) -> list[Address]:
        try:
            return [ip_address(host)]
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        known = self._names.get((host, port))
        if known is not None and loop.time() - known[0] < NAMES_KEPT_SECONDS:
            return known[1]
        try:
            answers = await self._resolve_name(host, port)
        except (OSError, UnicodeError) as error:
            raise CannotConnect(f"{host} cannot be resolved: {error}") from error
        addresses = [address for it in answers if (address := _address(it)) is not None]
        if len(self._names) >= MOST_NAMES:
            self._names.clear()
        self._names[(host, port)] = (loop.time(), addresses)
        return addresses

    async def _connect(self, address: Address, url: BaseUrl) -> socket.socket:
        """A connected socket, to the address itself or through the proxy to it."""
        loop = asyncio.get_running_loop()
        proxy = self._proxy
        if proxy is None or address.is_loopback:
            return await _open(loop, str(address), url.port)
        nearest, *_ = await self._resolve_name(proxy.host, proxy.port)
        raw = await _open(loop, nearest, proxy.port)
        try:
            await _tunnel(loop, raw, f"[{address}]" if address.version == 6 else str(address), url.port)
        except BaseException:
            raw.close()
            raise
        return raw

    async def _wrap(self, raw: socket.socket, url: BaseUrl, make: Callable[[], Http1Connection]) -> Http1Connection:
        loop = asyncio.get_running_loop()
        secure = url.scheme == "https"
        try:
            _, connection = await loop.create_connection(
                make, sock=raw, ssl=self._tls if secure else None, server_hostname=url.host if secure else None
            )
        except BaseException:
            raw.close()
            raise
        connection.watch_socket(raw)
        return connection


async def _open(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    raw = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(raw, (host, port))
    except BaseException:
        raw.close()
        raise
    return raw


async def _tunnel(loop: asyncio.AbstractEventLoop, raw: socket.socket, host: str, port: int) -> None:
    """CONNECT (RFC 9110, 9.3.6); whatever is not a 2xx is a refusal."""
    await loop.sock_sendall(raw, f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode("ascii"))
    said = b""
    while b"\r\n\r\n" not in said:
        part = await loop.sock_recv(raw, 4096 if not said else 1)
        said += part
        if not part or len(said) > PROXY_ANSWER_BYTES:
            raise ConnectionError("the proxy closed the connection")
    words = said.split(b"\r\n", 1)[0].split(b" ")
    if len(words) < 2 or not words[1].startswith(b"2"):
        raise ConnectionError(f"the proxy refused: {words[1:2]!r}")


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
