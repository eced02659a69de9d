import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.config import BaseUrl
from ai_gateway.policy.addresses import parse_base_url


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "path"),
    [
        ("https://api.openai.com/v1", "https", "api.openai.com", 443, "/v1"),
        ("https://api.anthropic.com", "https", "api.anthropic.com", 443, ""),
        ("https://api.anthropic.com/", "https", "api.anthropic.com", 443, ""),
        ("HTTPS://API.Example.COM:8443/v1/", "https", "api.example.com", 8443, "/v1"),
        ("http://127.0.0.1:9100/v1", "http", "127.0.0.1", 9100, "/v1"),
        ("http://localhost:11434/v1", "http", "localhost", 11434, "/v1"),
        ("http://[::1]:8080/v1", "http", "::1", 8080, "/v1"),
        ("http://[2001:DB8:0:0::1]", "http", "2001:db8::1", 80, ""),
        ("https://host.example./v1//", "https", "host.example", 443, "/v1"),
        ("http://vllm_node-1:80/a/b-c.d_e~f", "http", "vllm_node-1", 80, "/a/b-c.d_e~f"),
        ("https://xn--bcher-kva.example/openai/deployments/gpt-4o", "https", "xn--bcher-kva.example", 443,
         "/openai/deployments/gpt-4o"),
    ],
)  # fmt: skip
def test_an_address_is_split_once(text: str, scheme: str, host: str, port: int, path: str) -> None:
    assert parse_base_url(text) == BaseUrl(scheme=scheme, host=host, port=port, path=path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "http:// or https://"),
        ("api.openai.com/v1", "http:// or https://"),
        ("ftp://host/x", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("mock://openai", "http:// or https://"),
        ("http:host", "http:// or https://"),
        ("http:/host", "http:// or https://"),
        ("//host/v1", "http:// or https://"),
        ("http://", "no host"),
        ("http:///v1", "no host"),
        ("http://:80/v1", "no host"),
        ("http://user:pass@host/v1", "user or a password"),
        ("http://user@host", "user or a password"),
        ("http://host@evil.example", "user or a password"),
        ("http://@host", "user or a password"),
        ("http://host/v1?x=1", "query"),
        ("http://host/v1?", "query"),
        ("http://host/#", "fragment"),
        ("http://host#@evil.example/", "fragment"),
        ("http://host:0", "port"),
        ("http://host:", "port"),
        ("http://host:65536", "port"),
        ("http://host:-1", "port"),
        ("http://host:8x", "port"),
        ("http://host\\@evil.example", "character"),
        ("http://ho st/", "character"),
        ("http://host/\n", "character"),
        ("http://host\t/", "character"),
        ("http://\u24d4xample.com", "character"),
        ("http://127。0。0。1", "character"),
        ("http://[::1", "valid host"),
        ("http://[fe80::1%25eth0]/", "IPv6"),
        ("http://[fe80::1%eth0]/", "network interface|IPv6"),
        ("http://[v1.x]/", "IPv6|valid host"),
        ("http://a..b/", "host name"),
        ("http://-a.example/", "host name"),
        ("http://a%2eb/", "host name"),
        ("http://" + "a" * 64 + ".example", "host name"),
        ("http://host/a/../b", "path"),
        ("http://host/./b", "path"),
        ("http://host/a//b", "path"),
        ("http://host/%2e%2e/b", "path"),
        ("http://host/a;b", "path"),
        ("http://host/" + "a" * 2048, "longer"),
    ],
)
def test_what_parsers_could_read_differently_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_base_url(text)


@given(st.text(max_size=40) | st.from_regex(r"https?://[a-z0-9.:\[\]@/\\?#%-]{0,30}", fullmatch=True))
def test_any_text_is_either_refused_or_means_one_address(text: str) -> None:
    try:
        url = parse_base_url(text)
    except ValueError:
        return
    assert parse_base_url(url.text) == url
    assert url.host
    assert 0 < url.port < 65536
    assert not url.path.endswith("/")
