"""What only a socket shows: which bytes leave, which addresses are connected to, which connections are kept."""

import asyncio
import gzip
import os
import socket
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.upstream import Broken, CannotConnect, EgressRefused, Outgoing, Upstream
from runtime.real_upstreams import REAL, opened
from support.provider import Ending, Played, Provider, a_provider

LONG = 30.0
CANARY = "sk-canary-0123456789"


@pytest.fixture(params=REAL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def upstream(name: str) -> AsyncIterator[Upstream]:
    async with opened(name) as upstream:
        yield upstream


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as provider:
        yield provider


def outgoing(url: BaseUrl, reach: Reach = Reach.CHECKED, **changes: object) -> Outgoing:
    headers = (("content-type", "application/json"), ("authorization", f"Bearer {CANARY}"))
    whole = Outgoing("POST", url, "/chat/completions?beta=true", headers, b'{"a":1}', reach, LONG, LONG)
    return msgspec.structs.replace(whole, **changes)


async def exchange(upstream: Upstream, request: Outgoing, most: int = 1 << 20) -> bytes:
    answer = await upstream.send(request)
    try:
        return await answer.read(most, LONG)
    finally:
        answer.close()


async def test_what_leaves_is_what_was_said_and_nothing_of_the_clients_own(
    upstream: Upstream, provider: Provider
) -> None:
    provider.will_play(Played())

    await exchange(upstream, outgoing(provider.url))

    (request,) = provider.requests
    assert request.line == "POST /v1/chat/completions?beta=true HTTP/1.1"
    assert request.body == b'{"a":1}'
    sent = {name.lower(): value for name, value in request.headers}
    assert sent == {
        "host": f"127.0.0.1:{provider.port}",
        "content-type": "application/json",
        "authorization": f"Bearer {CANARY}",
        "content-length": "7",
    }
    assert len(request.headers) == len(sent)


async def test_a_get_has_no_body(upstream: Upstream, provider: Provider) -> None:
    provider.will_play(Played())

    await exchange(upstream, outgoing(provider.url, method="GET", path="/models", body=b"", headers=()))

    assert provider.requests[0].line == "GET /v1/models HTTP/1.1"
    assert provider.requests[0].header("content-type") is None


async def test_a_redirect_is_an_answer_and_not_followed(upstream: Upstream, provider: Provider) -> None:
    provider.will_play(Played(307, headers=(("Location", "http://127.0.0.1:1/elsewhere"),)))

    answer = await upstream.send(outgoing(provider.url))

    assert answer.status == 307
    answer.close()
    assert len(provider.requests) == 1


async def test_cookies_are_not_kept(upstream: Upstream, provider: Provider) -> None:
    provider.will_play(Played(headers=(("Set-Cookie", "session=1; Path=/"),)), Played())

    await exchange(upstream, outgoing(provider.url))
    await exchange(upstream, outgoing(provider.url))

    assert [it.header("cookie") for it in provider.requests] == [None, None]


async def test_a_connection_is_used_again_once_its_answer_was_read(upstream: Upstream, provider: Provider) -> None:
    provider.will_play(Played(body=(b"one",)), Played(body=(b"two",), length=True), Played())

    for _ in range(3):
        await exchange(upstream, outgoing(provider.url))

    assert provider.connections == 1


async def test_an_answer_that_was_not_read_is_closed_at_the_provider(upstream: Upstream, provider: Provider) -> None:
    provider.will_play(Played(body=(b"one",), ending=Ending.SILENT))
    answer = await upstream.send(outgoing(provider.url))

    answer.close()

    await provider.client_left()


async def test_giving_up_on_a_head_closes_the_connection(upstream: Upstream, provider: Provider) -> None:
    provider.will_play(Played(headers=None))
    asking = asyncio.ensure_future(upstream.send(outgoing(provider.url)))
    await provider.asked.wait()

    asking.cancel()

    await provider.client_left()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "GZIP"])
@pytest.mark.parametrize("pieces", [1, 7])
async def test_what_was_compressed_unasked_is_decoded(
    upstream: Upstream, provider: Provider, encoding: str, pieces: int
) -> None:
    text = b'{"answer": "hello"}' * 1_000
    packed = zlib.compress(text) if encoding == "deflate" else gzip.compress(text)
    size = -(-len(packed) // pieces)
    body = [packed[at : at + size] for at in range(0, len(packed), size)]
    provider.will_play(Played(headers=(("Content-Encoding", encoding),), body=body))

    assert await exchange(upstream, outgoing(provider.url)) == text


async def test_a_bomb_is_broken(upstream: Upstream, provider: Provider) -> None:
    # 64 MiB of zeros in 64 KiB: a thousandfold
    provider.will_play(Played(headers=(("Content-Encoding", "gzip"),), body=(gzip.compress(bytes(64 << 20)),)))

    with pytest.raises(Broken):
        await exchange(upstream, outgoing(provider.url), most=1 << 30)


@pytest.mark.parametrize("body", [b"not gzip at all", gzip.compress(b"hello" * 100)[:-12]], ids=["no gzip", "cut"])
async def test_broken_compression_is_broken(upstream: Upstream, provider: Provider, body: bytes) -> None:
    provider.will_play(Played(headers=(("Content-Encoding", "gzip"),), body=(body,)))

    with pytest.raises(Broken):
        await exchange(upstream, outgoing(provider.url))


async def test_an_encoding_that_was_not_asked_for_is_broken_and_closed(upstream: Upstream, provider: Provider) -> None:
    provider.will_play(Played(headers=(("Content-Encoding", "br"),), body=(b"x",), ending=Ending.SILENT))

    with pytest.raises(Broken):
        await upstream.send(outgoing(provider.url))

    await provider.client_left()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_loopback_is_refused_by_number_and_by_name(name: str, provider: Provider, host: str) -> None:
    asked: list[str] = []

    def no_loopback(address: object) -> bool:
        asked.append(str(address))
        return not ip_address(str(address)).is_loopback

    async with opened(name, no_loopback) as upstream:
        with pytest.raises(EgressRefused):
            await upstream.send(outgoing(BaseUrl("http", host, provider.port, "/v1")))

    assert provider.connections == 0
    assert asked


async def test_a_name_keeps_its_name_in_the_host_header(upstream: Upstream, provider: Provider) -> None:
    provider.will_play(Played())

    await exchange(upstream, outgoing(BaseUrl("http", "localhost", provider.port, "")))

    assert provider.requests[0].header("host") == f"localhost:{provider.port}"


async def test_the_built_in_mock_is_reached_whatever_egress_says_and_nothing_else_is(
    name: str, provider: Provider
) -> None:
    provider.will_play(Played(body=(b"mock",)))
    async with opened(name, lambda _: False) as upstream:
        assert await exchange(upstream, outgoing(provider.url, Reach.BUILT_IN)) == b"mock"


async def test_a_name_that_does_not_exist_cannot_be_connected(upstream: Upstream) -> None:
    with pytest.raises(CannotConnect):
        await upstream.send(outgoing(BaseUrl("http", "no-such-host.invalid", 80, "")))


async def test_small_writes_are_not_held_back(upstream: Upstream, provider: Provider) -> None:
    provider.will_play(Played(body=(b"one",), ending=Ending.SILENT))
    answer = await upstream.send(outgoing(provider.url))

    with _our_end_of(provider.port) as ours:
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    answer.close()


def _our_end_of(port: int) -> socket.socket:
    """The socket of this process that is connected to the port, whoever holds it."""
    for fd in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found = socket.socket(fileno=os.dup(int(fd)))
            if found.family == socket.AF_INET and found.getpeername()[1] == port:
                return found
            found.close()
    raise AssertionError("nobody is connected")


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"",
    ],
    ids=["garbage", "length", "header", "nothing"],
)
async def test_what_is_told_about_a_broken_answer_has_no_key_in_it(
    upstream: Upstream, provider: Provider, raw: bytes
) -> None:
    provider.will_play(Played(raw=raw))

    with pytest.raises(Broken) as broken:
        await upstream.send(outgoing(provider.url))

    assert CANARY not in str(broken.value)


async def test_a_certificate_that_nobody_signed_cannot_be_connected(upstream: Upstream, tmp_path: Path) -> None:
    async with a_provider(_server_tls(tmp_path, "localhost")) as provider:
        with pytest.raises(CannotConnect):
            await upstream.send(outgoing(BaseUrl("https", "localhost", provider.port, "")))
        assert provider.requests == []


async def test_tls_verifies_the_name(name: str, tmp_path: Path) -> None:
    async with a_provider(_server_tls(tmp_path, "api.test")) as provider:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        async with opened(name, tls=trusting) as upstream:
            with pytest.raises(CannotConnect):
                await upstream.send(outgoing(BaseUrl("https", "localhost", provider.port, "")))


async def test_tls_that_verifies_is_spoken(name: str, tmp_path: Path) -> None:
    async with a_provider(_server_tls(tmp_path, "localhost")) as provider:
        provider.will_play(Played(body=(b"secret",)))
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        async with opened(name, tls=trusting) as upstream:
            assert await exchange(upstream, outgoing(BaseUrl("https", "localhost", provider.port, ""))) == b"secret"


def _server_tls(folder: Path, host: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
