from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.policy.paths import canonical_path

READABLE = {
    b"/": "/",
    b"/v1/models": "/v1/models",
    b"/v1/models/": "/v1/models/",
    b"/v1/requests/req_0123": "/v1/requests/req_0123",
    b"/api/v1/admin/keys/~a-b.c,d=e:f@g!$&'()*+": "/api/v1/admin/keys/~a-b.c,d=e:f@g!$&'()*+",
    b"/.well-known/x": "/.well-known/x",
    b"/...": "/...",
    b"/a..b/.c.": "/a..b/.c.",
    b"/v1/%61dmin": "/v1/admin",
    b"/v1/a%20b": "/v1/a b",
    b"/v1/100%25": "/v1/100%",
    b"/v1/%7Euser": "/v1/~user",
}

REFUSED = {
    "empty": b"",
    "no slash": b"v1/models",
    "absolute": b"http://evil/v1/models",
    "other host": b"@evil/v1/models",
    "asterisk": b"*",
    "network path": b"//evil/v1",
    "empty segment": b"/v1//models",
    "two slashes at the end": b"/v1/models//",
    "dot": b"/v1/./models",
    "dot at the end": b"/v1/.",
    "dots": b"/v1/../admin",
    "dots at the end": b"/v1/..",
    "encoded dots": b"/v1/%2e%2e/admin",
    "half encoded dots": b"/v1/.%2E/admin",
    "encoded dot": b"/v1/%2e/admin",
    "encoded slash": b"/v1%2fadmin",
    "encoded slash in capitals": b"/v1%2Fadmin",
    "encoded backslash": b"/v1%5cadmin",
    "backslash": b"/v1\\admin",
    "encoded NUL": b"/v1/a%00",
    "NUL": b"/v1/a\x00",
    "control": b"/v1/\x1f",
    "encoded newline": b"/v1/%0d%0aX:1",
    "DEL": b"/v1/%7f",
    "semicolon": b"/v1/models;a=b",
    "encoded semicolon": b"/v1/models%3ba=b",
    "half an escape": b"/v1/%2",
    "no digits": b"/v1/%zz",
    "percent alone": b"/v1/%",
    "overlong UTF-8 slash": b"/v1/%c0%af",
    "encoded UTF-8": b"/v1/%c3%a9",
    "UTF-8": "/v1/é".encode(),
    "fullwidth slash": b"/v1/%ef%bc%8f",
    "encoded twice": b"/v1/%252e%252e/admin",
    "fragment": b"/v1/models#x",
    "query": b"/v1/models?x",
    "blank": b"/v1/a b",
    "too long": b"/" + b"a" * 2048,
}


@pytest.mark.parametrize(("raw", "path"), READABLE.items())
def test_a_path_with_one_reading_is_decoded(raw: bytes, path: str) -> None:
    assert canonical_path(raw) == path


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_a_path_with_two_readings_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest) as raised:
        canonical_path(raw)
    assert (raised.value.status, raised.value.code) == (400, "invalid_path")


def test_a_path_of_2_kib_is_the_longest() -> None:
    assert len(canonical_path(b"/" + b"a" * 2047)) == 2048


@given(st.binary(max_size=40) | st.text("/.%2eEfF5cC;ab\\", max_size=20).map(str.encode))
def test_whatever_passes_has_no_second_reading(raw: bytes) -> None:
    try:
        path = canonical_path(raw)
    except InvalidRequest:
        return
    segments = path.split("/")
    assert segments[0] == ""
    assert "" not in segments[1:-1]
    assert not {".", ".."} & set(segments)
    assert not set(path) & set("\\;?#")
    assert path.isascii()
    assert path.isprintable()
    assert unquote(path) == path
    assert canonical_path(quote(path, safe="/~!$&'()*+,=:@").encode()) == path
