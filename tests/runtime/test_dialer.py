"""Which address is connected to, and who is believed to be at the other end. Refusals by number and by name are in
test_real_upstreams.py, which runs on every upstream; here is what only this dialer has: TLS of an own authority, a name
that is asked for once, and a proxy in between. Names resolve as the test says, and 192.0.2.0/24 is nobody's."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.dialer import trust
from ai_gateway.runtime.http1_upstream import Http1Upstream
from ai_gateway.runtime.upstream import CannotConnect, EgressRefused, Outgoing, TooSlow
from support.authority import Authority
from support.provider import Ending, Played, Provider, a_closed_port, a_provider

LONG = 30.0
KEY = "sk-canary-0123456789"
NOBODY = "192.0.2.7"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Names:
    """A resolver by hand: says `addresses` for every name and remembers the questions; a number is itself."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        if host == "127.0.0.1":
            return [host]
        self.asked.append(host)
        if not self.addresses:
            raise OSError("no such host")
        return self.addresses


class Proxy:
    """Answers every CONNECT with `says` and, where that is a 2xx, tunnels to the provider, whatever was asked for."""

    def __init__(self, provider: Provider, says: bytes) -> None:
        self.heads: list[bytes] = []
        self.seen: list[bytes] = []
        self.url = BaseUrl("http", "127.0.0.1", 0, "")
        self._provider = provider
        self._says = says

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self._says)
        if b" 200 " in self._says:
            inner, outer = await asyncio.open_connection("127.0.0.1", self._provider.port)
            await asyncio.gather(self._pass_on(reader, outer), self._pass_on(inner, writer))
        writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            self.seen.append(data)
            writer.write(data)
        writer.close()


@asynccontextmanager
async def a_proxy(provider: Provider, says: bytes = ESTABLISHED) -> AsyncIterator[Proxy]:
    proxy = Proxy(provider, says)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = BaseUrl("http", "127.0.0.1", server.sockets[0].getsockname()[1], "")
    try:
        yield proxy
    finally:
        server.close()


@asynccontextmanager
async def an_upstream(
    tls: ssl.SSLContext | None = None, proxy: BaseUrl | None = None, names: Names | None = None
) -> AsyncIterator[Http1Upstream]:
    upstream = Http1Upstream(lambda _: True, tls, proxy=proxy, resolve=names)
    try:
        yield upstream
    finally:
        await upstream.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def outgoing(url: BaseUrl, reach: Reach = Reach.CHECKED, connect_seconds: float = LONG) -> Outgoing:
    return Outgoing("GET", url, "/models", (("authorization", f"Bearer {KEY}"),), b"", reach, connect_seconds, LONG)


async def exchange(upstream: Http1Upstream, url: BaseUrl, reach: Reach = Reach.CHECKED) -> bytes:
    answer = await upstream.send(outgoing(url, reach))
    try:
        return await answer.read(1_000, LONG)
    finally:
        answer.close()


# TLS


async def test_an_own_authority_is_believed_and_the_name_is_sent(authority: Authority) -> None:
    server = authority.server("api.test")
    sent: list[str | None] = []
    server.sni_callback = lambda _, name, __: sent.append(name)  # type: ignore[assignment]
    async with a_provider(server) as provider, an_upstream(trust(authority.ca_file), names=Names("127.0.0.1")) as it:
        provider.will_play(Played(body=(b"secret",)))
        assert await exchange(it, BaseUrl("https", "api.test", provider.port, "")) == b"secret"
        assert provider.requests[0].header("host") == f"api.test:{provider.port}"
    assert sent == ["api.test"]


@pytest.mark.parametrize("vouched", ["other.test", "127.0.0.1"])
async def test_another_name_is_refused_although_the_authority_is_believed(authority: Authority, vouched: str) -> None:
    names = Names("127.0.0.1")
    async with (
        a_provider(authority.server(vouched)) as provider,
        an_upstream(trust(authority.ca_file), names=names) as it,
    ):
        with pytest.raises(CannotConnect):
            await exchange(it, BaseUrl("https", "api.test", provider.port, ""))
        assert provider.requests == []
        assert it.open_connections == 0


async def test_an_unknown_authority_is_refused(authority: Authority) -> None:
    async with a_provider(authority.server("api.test")) as provider, an_upstream(names=Names("127.0.0.1")) as it:
        with pytest.raises(CannotConnect):
            await exchange(it, BaseUrl("https", "api.test", provider.port, ""))
        assert provider.requests == []
        assert it.open_connections == 0


async def test_a_server_that_speaks_no_tls_is_no_connection(authority: Authority) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 This Port Is Plain\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with an_upstream(trust(authority.ca_file)) as it:
        with pytest.raises(CannotConnect):
            await exchange(it, BaseUrl("https", "localhost", server.sockets[0].getsockname()[1], ""))
        assert it.open_connections == 0
    server.close()


def test_the_systems_authorities_are_kept_beside_an_own_one(authority: Authority) -> None:
    own = {it["serialNumber"] for it in trust(authority.ca_file).get_ca_certs()}
    system = {it["serialNumber"] for it in trust(None).get_ca_certs()}
    assert len(own - system) == 1
    assert system < own
    assert trust(authority.ca_file).verify_mode is ssl.CERT_REQUIRED


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(ValueError, match=r"empty\.pem"):
        trust(tmp_path / "empty.pem")


# Addresses


async def test_a_name_is_asked_for_once_and_what_it_becomes_later_is_not_called() -> None:
    names = Names("127.0.0.1")
    async with a_provider() as provider, an_upstream(names=names) as it:
        plays = (Played(headers=(("Connection", "close"),), body=(b"one",)), Played(body=(b"two",)))
        provider.will_play(*plays)
        url = BaseUrl("http", "api.test", provider.port, "")
        assert await exchange(it, url) == b"one"
        names.addresses = [NOBODY]
        assert await exchange(it, url) == b"two"
    assert names.asked == ["api.test"]


async def test_only_addresses_that_may_be_called_are_tried() -> None:
    async with a_provider() as provider:
        provider.will_play(Played(body=(b"ok",)))
        upstream = Http1Upstream(lambda it: it.is_loopback, resolve=Names(NOBODY, "127.0.0.1"))
        assert await exchange(upstream, BaseUrl("http", "api.test", provider.port, "")) == b"ok"
        await upstream.close()


async def test_an_address_that_does_not_answer_leaves_it_to_the_next() -> None:
    async with a_provider() as provider, an_upstream(names=Names("127.0.0.9", "127.0.0.1")) as it:
        provider.will_play(Played(body=(b"ok",)))
        assert await exchange(it, BaseUrl("http", "api.test", provider.port, "")) == b"ok"


@pytest.mark.parametrize("host", ["no-such.test", "a" * 64 + ".test", "a..test", ".test"])
async def test_a_name_without_an_address_cannot_be_connected(host: str) -> None:
    async with an_upstream(names=Names() if host == "no-such.test" else None) as it:
        with pytest.raises(CannotConnect):
            await exchange(it, BaseUrl("https", host, 443, ""))
        assert it.open_connections == 0


async def test_a_handshake_that_does_not_come_is_too_slow_to_connect(authority: Authority) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    url = BaseUrl("https", "localhost", server.sockets[0].getsockname()[1], "")
    async with an_upstream(trust(authority.ca_file), names=Names("127.0.0.1")) as it:
        with pytest.raises(TooSlow) as slow:
            await it.send(outgoing(url, connect_seconds=0.05))
        assert slow.value.stage == "connect"
        assert it.open_connections == 0
    server.close()


# A proxy


async def test_a_proxy_is_asked_for_the_judged_address_and_not_for_the_name() -> None:
    async with a_provider() as provider, a_proxy(provider) as proxy:
        provider.will_play(Played(body=(b"ok",)))
        async with an_upstream(None, proxy.url, Names(NOBODY)) as it:
            assert await exchange(it, BaseUrl("http", "api.test", 8080, "")) == b"ok"
        assert proxy.heads == [f"CONNECT {NOBODY}:8080 HTTP/1.1\r\nHost: {NOBODY}:8080\r\n\r\n".encode()]
        assert provider.requests[0].header("host") == "api.test:8080"


async def test_behind_a_proxy_tls_is_with_the_provider_and_the_proxy_sees_no_key(authority: Authority) -> None:
    tls = trust(authority.ca_file)
    async with a_provider(authority.server("api.test")) as provider, a_proxy(provider) as proxy:
        async with an_upstream(tls, proxy.url, Names(NOBODY)) as it:
            provider.will_play(Played(body=(b"secret",)), Played(body=(b"again",)))
            url = BaseUrl("https", "api.test", 443, "")
            assert [await exchange(it, url), await exchange(it, url)] == [b"secret", b"again"]
        assert len(proxy.heads) == 1
        assert provider.requests[0].header("authorization") == f"Bearer {KEY}"
        seen = b"".join((*proxy.heads, *proxy.seen))
        assert KEY.encode() not in seen
        assert b"/models" not in seen


async def test_behind_a_proxy_a_wrong_name_is_refused_too(authority: Authority) -> None:
    tls = trust(authority.ca_file)
    async with (
        a_provider(authority.server("other.test")) as provider,
        a_proxy(provider) as proxy,
        an_upstream(tls, proxy.url, Names(NOBODY)) as it,
    ):
        with pytest.raises(CannotConnect):
            await exchange(it, BaseUrl("https", "api.test", 443, ""))
        assert provider.requests == []


async def test_an_ipv6_address_is_asked_for_in_brackets() -> None:
    async with a_provider() as provider, a_proxy(provider) as proxy, an_upstream(proxy=proxy.url) as it:
        provider.will_play(Played(body=(b"ok",)))
        assert await exchange(it, BaseUrl("http", "2001:db8::7", 8080, "")) == b"ok"
        assert proxy.heads[0].startswith(b"CONNECT [2001:db8::7]:8080 HTTP/1.1\r\n")


async def test_what_may_not_be_called_is_not_asked_of_a_proxy_either() -> None:
    async with a_provider() as provider, a_proxy(provider) as proxy:
        upstream = Http1Upstream(lambda _: False, proxy=proxy.url)
        with pytest.raises(EgressRefused):
            await exchange(upstream, BaseUrl("http", NOBODY, 80, ""))
        assert proxy.heads == []
        await upstream.close()


@pytest.mark.parametrize(
    "says",
    [
        b"HTTP/1.1 407 No\r\n\r\n",
        b"HTTP/1.1 302 Elsewhere\r\n\r\n",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200",
        b"",
        b"x" * 99_999,
    ],
    ids=["refused", "redirect", "garbage", "cut", "nothing", "endless"],
)
async def test_a_proxy_that_refuses_is_no_connection(says: bytes) -> None:
    async with a_provider() as provider, a_proxy(provider, says) as proxy:
        async with an_upstream(proxy=proxy.url) as it:
            with pytest.raises(CannotConnect):
                await exchange(it, BaseUrl("http", NOBODY, 80, ""))
            assert it.open_connections == 0
        assert provider.connections == 0


async def test_a_proxy_that_is_not_there_is_no_connection() -> None:
    async with an_upstream(proxy=BaseUrl("http", "127.0.0.1", a_closed_port(), "")) as it:
        with pytest.raises(CannotConnect):
            await exchange(it, BaseUrl("http", NOBODY, 80, ""))


@pytest.mark.parametrize("reach", Reach)
async def test_what_is_on_loopback_is_never_behind_the_proxy(reach: Reach) -> None:
    nowhere = BaseUrl("http", "127.0.0.1", a_closed_port(), "")
    async with a_provider() as provider, an_upstream(proxy=nowhere) as it:
        provider.will_play(Played(body=(b"mock",), ending=Ending.PROPER))
        assert await exchange(it, provider.url, reach) == b"mock"
