import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.gateway.envelope import (
    MAX_INTEGER,
    BodyLimits,
    read_bool,
    read_envelope,
    read_int,
    read_object,
    read_str,
)

LIMITS = BodyLimits()
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
LAYOUTS: tuple[dict[str, Any], ...] = (
    {"separators": (",", ":")},
    {},
    {"indent": 2},
    {"separators": (",", ":"), "ensure_ascii": False},
)


def refusal(body: bytes, limits: BodyLimits = LIMITS) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as raised:
        read_envelope(body, limits)
    assert raised.value.status == 400
    return raised.value


@given(st.dictionaries(st.text(), JSON_VALUES), st.sampled_from(LAYOUTS))
def test_every_object_is_read_as_it_is_in_every_layout(value: dict[str, Any], layout: dict[str, Any]) -> None:
    body = json.dumps(value, **layout).encode("utf-8", "surrogatepass")
    fields = read_envelope(body, LIMITS)
    assert list(fields) == list(value)
    assert {name: json.loads(bytes(raw)) for name, raw in fields.items()} == value


@given(st.dictionaries(st.text(), JSON_VALUES, min_size=1), st.data(), st.sampled_from(LAYOUTS))
def test_no_layout_hides_a_duplicate_key(value: dict[str, Any], data: st.DataObject, layout: dict[str, Any]) -> None:
    twice = data.draw(st.sampled_from(list(value)))
    members = [*value.items(), (twice, data.draw(JSON_VALUES))]
    members = data.draw(st.permutations(members))
    colon = ":" if layout.get("separators") else " : "
    escape = data.draw(st.booleans())
    body = ",".join(f"{json.dumps(key, ensure_ascii=escape)}{colon}{json.dumps(it, **layout)}" for key, it in members)
    assert refusal(f"{{{body}}}".encode()).code == "duplicate_key"


def test_a_key_that_is_escaped_differently_is_still_the_same_key() -> None:
    fault = refusal(rb'{"model":"cheap","mod\u0065l":"dear"}')
    assert (fault.code, fault.param) == ("duplicate_key", "model")
    assert "'model'" in fault.message


def test_values_stay_the_bytes_that_they_were() -> None:
    fields = read_envelope(rb'{"messages": [ {"a" : 1.0e2, "a":2} ,"\u0041\ud800"],"n":1.50}', LIMITS)
    assert bytes(fields["messages"]) == rb'[ {"a" : 1.0e2, "a":2} ,"\u0041\ud800"]'
    assert bytes(fields["n"]) == b"1.50"


@given(
    st.lists(st.sampled_from([r"\ud83d", r"\ude00", r"\\ud800", r"\\", r"\"", "a", r"\u0041"]), max_size=8), st.data()
)
def test_a_lone_surrogate_below_the_top_goes_through(pieces: list[str], data: st.DataObject) -> None:
    values = [f'["{"".join(pieces)}"]', "1 ", '{"\\ud800" :"}"}', ' "\\ud83d\\ude00"', "null"]
    keys = [r"\ud83d\ude00", "b", r"\u0063", r"d\"", ""]
    members = data.draw(st.permutations(list(zip(keys, values, strict=True))))
    body = "{" + ",".join(f' "{key}": {value}' for key, value in members) + " }"
    fields = read_envelope(body.encode(), LIMITS)
    assert list(fields) == [json.loads(f'"{key}"') for key, _ in members]
    assert [bytes(raw).decode() for raw in fields.values()] == [value.strip() for _, value in members]


MALFORMED = {
    b"": "it is empty",
    b" \r\n\t": "it is empty",
    b"{": "ends at byte 1",
    b'{"a":1': "ends at byte 6",
    b'{"a":"b': "ends at byte 7",
    b"nonsense": "invalid character at byte",
    b"@": "invalid character at byte 0",
    b'{"a":1,}': "at byte 7",
    b'{"a":1} x': "trailing characters",
    b'{"a":NaN}': "invalid character at byte 5",
    b'{"a":Infinity}': "invalid character at byte 5",
    b'{"a":-Infinity}': "invalid character at byte 6",
    b'{"a":[{"b":NaN}]}': "invalid character at byte 11",
    b"{'a':1}": "object keys must be strings at byte 1",
    b"{a:1}": "object keys must be strings at byte 1",
    b'{"a":01}': "at byte 6",
    b'{"a":"\n"}': "at byte 6",
    b'{"a":"\\x41"}': "at byte 7",
    b'{"a":1}// x': "trailing characters",
    b'\xef\xbb\xbf{"a":1}': "invalid character at byte 0",
    b'{"a":"\xff"}': "invalid UTF-8 at byte 6",
    b'{"\xff":1}': "invalid UTF-8 at byte 2",
    b'{"a":["\xc3\x28"]}': "invalid UTF-8 at byte 7",
    b'{"a":"\xed\xa0\x80"}': "invalid UTF-8 at byte 6",
    b'{"a":"\xc0\xaf"}': "invalid UTF-8 at byte 6",
    rb'{"\ud800":1}': "the key at byte 1 contains a lone surrogate",
    rb'{"\ud800":1,}': "trailing comma in object at byte 12",
    rb'{"a":"\ud800\\","b":"' b'\0\0"}': "at byte",
    rb'{"\udc00 and much more behind it":1}': "the key at byte 1 contains a lone surrogate",
}


@pytest.mark.parametrize(("body", "why"), MALFORMED.items(), ids=[str(body) for body in MALFORMED])
def test_what_is_not_json_is_refused_with_the_place(body: bytes, why: str) -> None:
    fault = refusal(body)
    assert fault.code == "invalid_json"
    assert why in fault.message


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"text"', b"true", b"[" * 5_000_000])
def test_only_an_object_is_an_envelope(body: bytes) -> None:
    assert refusal(body).message == "The request body must be a JSON object."


@pytest.mark.parametrize(
    "text", [r"\ud800", r"\udfff", r"a\uD83Db and enough behind it", r"\udc00\ud800 reversed", r"\ud800\ud800"]
)
def test_a_lone_surrogate_in_a_value_that_is_read_is_refused(text: str) -> None:
    fault = refusal(b'{"model":"' + text.encode() + b'","stream":true}')
    assert (fault.param, "lone surrogate" in fault.message) == ("model", True)


def test_a_surrogate_with_its_partner_is_a_character() -> None:
    assert read_str(read_envelope(rb'{"user":"\ud83d\ude00"}', LIMITS), "user") == "\U0001f600"


@pytest.mark.parametrize("number", [b"1e999", b"-1E400", b"9" * 400])
def test_a_number_that_becomes_infinite_is_refused(number: bytes) -> None:
    assert refusal(b'{"temperature":' + number + b"}").param == "temperature"


def nested(depth: int, inside: bytes = b"") -> bytes:
    """A body of just this depth; its own braces count."""
    half = (depth - 1) // 2
    lists = depth - 1 - half
    return b'{"a":' + b'{"b":' * half + b"[" * lists + inside + b"]" * lists + b"}" * half + b"}"


@pytest.mark.parametrize("inside", [b"", b'"]]]"', b'"\\"]]]"', b'"\\\\"', b"1,[],{},[[]]"], ids=str)
def test_depth_ends_at_its_limit(inside: bytes) -> None:
    own = 2 if b"[[]]" in inside else 0
    assert read_envelope(nested(128 - own, inside), LIMITS)
    assert refusal(nested(129 - own, inside)).code == "too_deep"


@pytest.mark.parametrize("depth", [500, 5_000, 1_000_000])
def test_no_depth_reaches_the_stack(depth: int) -> None:
    assert refusal(nested(depth)).code == "too_deep"
    assert refusal(b'{"a":' + b"[" * depth).code in ("too_deep", "invalid_json")


def test_brackets_in_text_and_side_by_side_are_not_depth() -> None:
    text = json.dumps({"code": '[{"' * 1000 + "\\" * 7, "rows": [[{}]] * 1000}).encode()
    assert read_envelope(text, LIMITS)


@given(JSON_VALUES)
def test_depth_is_counted_as_a_reader_counts_it(value: Any) -> None:
    def depth(it: Any) -> int:
        inner = list(it.values()) if isinstance(it, dict) else it if isinstance(it, list) else None
        return 0 if inner is None else 1 + max((depth(each) for each in inner), default=0)

    body = json.dumps({"a": value}).encode()
    exact = 1 + depth(value)
    assert read_envelope(body, BodyLimits(depth=exact))
    if exact > 1:
        assert refusal(body, BodyLimits(depth=exact - 1)).code == "too_deep"


def test_the_work_that_a_body_can_make_is_bounded() -> None:
    small = BodyLimits(depth=2, members=3, containers=4)
    assert refusal(b'{"a":1,"b":1,"c":1,"d":1}', small).code == "too_large"
    assert refusal(b'{"a":[[],[],[]],"b":"]]"}', BodyLimits(depth=3, containers=4)).code == "too_large"
    assert read_envelope(b'{"a":[[],[]],"b":"[[[["}', BodyLimits(depth=3, containers=4))


def fields_of(value: bytes) -> dict[str, msgspec.Raw]:
    return {"x": msgspec.Raw(value)}


def test_absent_and_null_are_the_same() -> None:
    for fields in ({}, fields_of(b"null")):
        assert read_str(fields, "x") is None
        assert read_bool(fields, "x") is None
        assert read_int(fields, "x") is None
        assert read_object(fields, "x") is None


def test_typed_readers_read_their_type() -> None:
    assert read_str(fields_of(rb'"\u00e9t\u00e9"'), "x", longest=3) == "été"
    assert read_bool(fields_of(b"true"), "x") is True
    assert read_bool(fields_of(b"false"), "x") is False
    assert read_int(fields_of(b"0"), "x") == 0
    assert read_int(fields_of(str(MAX_INTEGER).encode()), "x") == 2**53
    assert read_object(fields_of(b'{"a":[1]}'), "x") == {"a": msgspec.Raw(b"[1]")}


STRINGS_ONLY = [b"1", b"true", b"[]", b"{}"]
BOOLS_ONLY = [b"1", b"0", b'"true"', b"[]", b"{}"]
INTEGERS_ONLY = [b"true", b'"5"', b"1.5", b"1e999", b"-1", b"9007199254740993", b"9" * 30, b"[]", b"{}"]
OBJECTS_ONLY = [b"1", b'"{}"', b"[]", b"true"]


@pytest.mark.parametrize(
    ("reader", "value"),
    [(read_str, value) for value in STRINGS_ONLY]
    + [(read_bool, value) for value in BOOLS_ONLY]
    + [(read_int, value) for value in INTEGERS_ONLY]
    + [(read_object, value) for value in OBJECTS_ONLY],
)
def test_typed_readers_refuse_every_other_type_and_name_the_field(reader: Any, value: bytes) -> None:
    with pytest.raises(InvalidRequest) as raised:
        reader(fields_of(value), "x")
    assert (raised.value.status, raised.value.param) == (400, "x")
    assert raised.value.message.startswith("'x' must be ")


def test_bounds_are_said_to_the_caller() -> None:
    with pytest.raises(InvalidRequest, match="'x' must be a whole number between 1 and 5"):
        read_int(fields_of(b"6"), "x", least=1, most=5)
    with pytest.raises(InvalidRequest, match="'x' must have at most 2 characters"):
        read_str(fields_of(b'"abc"'), "x", longest=2)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (rb'{"include_usage":true,"includ\u0065_usage":false}', "duplicate_key"),
        (rb'{"a":"\ud800"}', "invalid_value"),
        (b'{"a":1e999}', "invalid_value"),
        (rb'{"\ud800":1}', "invalid_json"),
    ],
)
def test_an_object_inside_is_read_as_strictly_as_the_envelope(value: bytes, code: str) -> None:
    fields = read_envelope(b'{"stream_options":' + value + b"}", LIMITS)
    with pytest.raises(InvalidRequest) as raised:
        read_object(fields, "stream_options")
    assert raised.value.code == code
