"""Signatures, against AWS's published test suite for Signature Version 4 (aws-sig-v4-test-suite), and what stands in
secrets."""

import hashlib
import hmac
import sys
from urllib.parse import quote

import pytest

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.domain.secret import Secret
from ai_gateway.providers import UpstreamRequest
from ai_gateway.runtime.sigv4 import AwsKey, Scope, UnusableKey, read_key, region_of, signed
from ai_gateway.runtime.upstream import Outgoing
from runtime.real_upstreams import REAL, opened
from support.provider import Played, a_provider

WALL = 1_440_938_160.0  # 2015-08-30T12:36:00Z
KEY = AwsKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE = BaseUrl("https", "example.amazonaws.com", 443, "")
FORM = (("content-type", "application/x-www-form-urlencoded"),)
RUNTIME = BaseUrl("https", "bedrock-runtime.us-east-1.amazonaws.com", 443, "")


def headers_of(request: UpstreamRequest, key: AwsKey = KEY, url: BaseUrl = SUITE, wall: float = WALL) -> dict[str, str]:
    service = "service" if url is SUITE else "bedrock"
    return dict(signed(request.headers, request, url=url, scope=Scope(key, "us-east-1", service), wall=wall))


@pytest.mark.parametrize(
    ("request_", "names", "signature"),
    [
        (  # get-vanilla
            UpstreamRequest("GET", "/", ()),
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (  # get-utf8, whose path goes out quoted
            UpstreamRequest("GET", "/\u1234", ()),
            "host;x-amz-date",
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (  # get-vanilla-query-order-key-case
            UpstreamRequest("GET", "/?Param2=value2&Param1=value1", ()),
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (  # post-vanilla
            UpstreamRequest("POST", "/", ()),
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (  # post-x-www-form-urlencoded
            UpstreamRequest("POST", "/", FORM, b"Param1=value1"),
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_signatures_are_those_of_the_published_suite(request_: UpstreamRequest, names: str, signature: str) -> None:
    headers = headers_of(request_)
    assert headers["x-amz-date"] == "20150830T123600Z"
    assert headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_a_body_in_pieces_and_whole_has_one_signature() -> None:
    whole = headers_of(UpstreamRequest("POST", "/", FORM, b"Param1=value1"))
    assert headers_of(UpstreamRequest("POST", "/", FORM, (b"Param1=", memoryview(b"value1")))) == whole
    assert headers_of(UpstreamRequest("POST", "/", FORM, b"Param1=value2")) != whole


def test_other_headers_travel_along_unsigned() -> None:
    plain = UpstreamRequest("POST", "/", FORM, b"x")
    more = UpstreamRequest("POST", "/", (*FORM, ("traceparent", "00-1"), ("accept", "*/*")), b"x")
    assert headers_of(more) == headers_of(plain) | {"traceparent": "00-1", "accept": "*/*"}


def test_a_temporary_keys_token_is_signed_and_sent() -> None:
    temporary = AwsKey(KEY.access_key, KEY.secret_key, "token")
    headers = headers_of(UpstreamRequest("POST", "/", ()), temporary)
    assert headers["x-amz-security-token"] == "token"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in headers["authorization"]


def test_a_quoted_model_id_is_quoted_again_as_aws_does() -> None:
    """AWS signs the path as it goes out, with each of its segments quoted once more: another path than the one with
    a bare colon, although both name one model."""
    quoted = headers_of(UpstreamRequest("POST", "/model/a.b-v1%3A0/converse", ()), url=RUNTIME)
    bare = headers_of(UpstreamRequest("POST", "/model/a.b-v1:0/converse", ()), url=RUNTIME)
    assert quoted["authorization"] != bare["authorization"]
    assert "/20150830/us-east-1/bedrock/aws4_request" in quoted["authorization"]


def test_the_date_is_the_callers_and_another_one_another_signature() -> None:
    later = headers_of(UpstreamRequest("GET", "/", ()), wall=WALL + 86_400)
    assert later["x-amz-date"] == "20150831T123600Z"
    assert "/20150831/" in later["authorization"]


def test_a_secret_is_an_access_key() -> None:
    text = '{"access_key_id": "A", "secret_access_key": "S", "session_token": "T", "note": 1}'
    assert read_key(Secret(text)) == AwsKey("A", "S", "T")
    assert repr(read_key(Secret(text))) == "***"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"access_key_id": "A"}', '{"access_key_id": "", "secret_access_key": "S"}']
)
def test_a_secret_that_is_none_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(UnusableKey) as refused:
        read_key(Secret(text))
    assert "access_key_id" in str(refused.value)


@pytest.mark.parametrize(
    ("host", "configured", "region"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", "eu-west-1", "us-east-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", None, "us-gov-west-1"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", None, "cn-north-1"),
        ("vpce-0ab1-xyz.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", None, "ap-southeast-2"),
        ("bedrock-runtime.eu-central-1.api.aws", None, "eu-central-1"),
        ("proxy.internal", "eu-west-1", "eu-west-1"),
    ],
)
def test_the_region_is_in_the_address_or_configured(host: str, configured: str | None, region: str) -> None:
    assert region_of(host, configured) == region


@pytest.mark.parametrize("configured", [None, "eu", "us-east-1\n", "us-east-1.evil.test"])
def test_without_a_region_nothing_is_signed(configured: str | None) -> None:
    with pytest.raises(UnusableKey):
        region_of("proxy.internal", configured)


def test_a_gateway_without_bedrock_never_imports_botocore() -> None:
    import subprocess

    script = "import sys, ai_gateway.main, ai_gateway.providers.kinds; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


async def test_what_arrives_at_the_socket_is_what_was_signed() -> None:
    """Reckoned by hand, from the bytes that a server reads: line, host and body, and not from what was meant."""
    async with a_provider() as provider, opened(next(iter(REAL))) as upstream:
        provider.will_play(Played())
        question = UpstreamRequest("POST", "/model/us.anthropic.a-v1%3A0/converse", (("content-type", "a/b"),), b"{}")
        scope = Scope(KEY, "us-east-1")
        headers = signed(question.headers, question, url=provider.url, scope=scope, wall=WALL)
        asked = Outgoing("POST", provider.url, question.path, headers, b"{}", Reach.CHECKED, 30.0, 30.0)
        (await upstream.send(asked)).close()
        (arrived,) = provider.requests
    sent = {name.lower(): value for name, value in arrived.headers}
    method, path, _ = arrived.line.split(" ")
    names = ("content-type", "host", "x-amz-date")
    canonical = [method, quote(path, safe="/~"), "", *(f"{name}:{sent[name]}" for name in names), "", ";".join(names)]
    canonical.append(hashlib.sha256(arrived.body).hexdigest())
    place = f"{sent['x-amz-date'][:8]}/us-east-1/bedrock/aws4_request"
    whole = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{sent['x-amz-date']}\n{place}\n{whole}"
    key = f"AWS4{KEY.secret_key}".encode()
    for step in (*place.split("/"), to_sign):
        key = hmac.digest(key, step.encode(), "sha256")
    assert sent["authorization"].endswith(f"Signature={key.hex()}")
