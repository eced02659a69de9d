import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.rules import Tally
from ai_gateway.policy.scanning import DETECTORS, ScanSpec, grammar
from ai_gateway.policy.scanning.detecting import DetectorFinder
from ai_gateway.policy.scanning.detectors import ALL
from ai_gateway.policy.scanning.detectors.shape import Shape, Span
from ai_gateway.policy.scanning.engine import AT_START, Alphabet, compile_pattern
from ai_gateway.policy.scanning.lens import LENS
from policy.scanning.running import Steps, most_held, pieces_of, redactor, run

FRAGMENTS = """a@b.co|joe.doe@example.com|@|.|,|4111 1111 1111 1111|4111|1|12|555|-|/| |(|415|) |+49 30 123456|030/12345678
|DE89 3704 0044 0532 0130 00|DE89|078-05-1120|10.0.0.1|2001:db8::1|::|:|sk-proj-abcdefghij1234567890|sk-|sk-dev
|AKIAIOSFODNN7EXAMPLE|x|é|日本|\u200b|\u200b\u200b|password|="|hunter2|"|\\|Bearer |abcdEFGH12345678|MIIE|-----
|-----BEGIN PRIVATE KEY-----|-----END PRIVATE KEY-----|eyJhbGciOiJIUzI1NiIs|.eyJzdWIiOiIx|https://u:|pw@h|４|0
|PASSWORD=|hunter22|ghp_0123456789abcdefghij0123456789abcdef|\ud83d|😀|v1.2.3.4|'|`|_|git@""".replace("\n", "").split(
    "|"
)
TEXTS = st.lists(st.sampled_from([*FRAGMENTS, "\n"]), max_size=14).map("".join)
SHAPES = [(name, shape) for name, detector in ALL.items() for shape in detector.shapes]
COMPILED = [(what, it, compile_pattern(it.pattern, Alphabet.BYTES, 1 << 20)) for what, it in SHAPES]


def said(data: bytes, start: int) -> tuple[int, int, str] | None:
    """The leftmost place at which any shape matches, the longest there: each shape asked at each place."""
    for at in range(start, len(data)):
        best: tuple[int, int, str] | None = None
        for what, shape, program in COMPILED:
            behind = compile_pattern(f"[{shape.not_behind}]" if shape.not_behind else "[^\\x00-\\xff]", Alphabet.BYTES)
            if at and behind.Match(AT_START, data, at - 1, at)[0][0] >= 0:
                continue
            end = program.Match(AT_START, data, at, len(data))[0][1]
            span = None if end < 0 else Span(at, end) if shape.check is None else shape.check(data, at, end)
            if span is not None and (best is None or span.end > best[1]):
                best = (at, span.end, what)
        if best is not None:
            return best
    return None


@given(TEXTS, st.integers(0, 20))
def test_one_pass_finds_what_asking_every_shape_at_every_place_finds(text: str, start: int) -> None:
    picture = LENS.look(text)
    start = min(start, len(picture.data))
    found = DetectorFinder(tuple(ALL.values())).view(text).first(picture.place(start))
    expected = said(picture.data, start)
    if expected is None:
        assert found is None
    else:
        at, end, what = expected
        assert found is not None
        assert (found.start, found.end, found.what) == (picture.place(at), picture.end(end), what)


@pytest.mark.parametrize("name", [*DETECTORS, "all"])
@given(text=TEXTS, data=st.data())
def test_the_pieces_make_no_difference(name: str, text: str, data: st.DataObject) -> None:
    make = redactor(ScanSpec(detect=tuple(DETECTORS) if name == "all" else (name,)))
    whole = run(make, [text])
    assert run(make, data.draw(pieces_of(text))) == whole
    assert run(make, text) == whole


@given(st.text(max_size=60))
def test_no_text_is_too_odd(text: str) -> None:
    make = redactor(ScanSpec(detect=tuple(DETECTORS)))
    assert run(make, text) == run(make, [text])


@pytest.mark.parametrize(("name", "shape"), SHAPES)
def test_no_match_is_longer_than_its_bound(name: str, shape: Shape) -> None:
    longest = grammar.longest(grammar.parse(shape.pattern))
    assert longest is not None and 3 <= longest <= 256, name


PROSE = """In 2024 the company sold 1,204 units at 3.50 EUR each (up 12 % from 2023), and by 10:30 on 2026-11-26 the board
had decided: version 2.1.0 of the gateway, which runs gpt-4o-mini, would ship. "We are ready", said Dr. Ann O'Neill-Smith,
"and we will not wait; see https://example.com/path?x=1#top for more." The hash was 9f86d081884c7d65, the request id
550e8400-e29b-41d4-a716-446655440000. def f(x: int) -> int: return x * 2  # nothing to see here\n"""


def test_usual_prose_flows_at_once() -> None:
    """What waits is the word that is being written."""
    make = redactor(ScanSpec(detect=("email", "card", "api_key")))
    pipe, waited, out = make(Tally()), 0, 0
    for count, char in enumerate(PROSE, 1):
        out += len(pipe.feed(char))
        waited += count - out
    assert waited / len(PROSE) < 4
    assert most_held(make, PROSE) <= 40  # the request id


def test_chinese_prose_flows_at_once() -> None:
    assert most_held(redactor(ScanSpec(detect=tuple(DETECTORS))), "公司在会议上决定推出新版本的网关系统，" * 5) <= 4


@pytest.mark.parametrize("name", DETECTORS)
def test_nothing_waits_longer_than_a_match_can_be(name: str) -> None:
    make = redactor(ScanSpec(detect=(name,)))
    for text in ("a" * 2_000, "1" * 2_000, "1-" * 1_000, "a.b" * 700, "eyJ" + "a" * 2_000, "a@" + "b." * 1_000):
        assert most_held(make, text) <= 256


def test_a_zero_width_character_does_not_make_more_wait_than_twice_that() -> None:
    make = redactor(ScanSpec(detect=tuple(DETECTORS)))
    assert most_held(make, "a\u200b" * 2_000) <= 512
    assert most_held(make, "a" + "\u200b" * 2_000) <= 512


@pytest.mark.parametrize(
    "text",
    ["1" * 9_000, "@" * 9_000, "a" * 9_000, "1-" * 4_500, "1 " * 4_500, "a." * 4_500, "a@" * 4_500, "1." * 4_500]
    + ["eyJ" * 3_000, "+1" * 4_500, "sk-" * 3_000, "abg:" * 3_000, "(" * 9_000, "Bearer " * 1_300, "-" * 9_000],
)
def test_no_text_is_looked_through_more_than_a_few_times(text: str) -> None:
    steps = Steps()
    view = DetectorFinder(tuple(ALL.values()), steps.compiler).view(text)
    assert view.first(0) is None
    view.open_from(0)
    assert steps.calls <= 40
    assert steps.looked_at <= 4 * len(text)


@pytest.mark.parametrize("text", ["4111 " * 2_000, "DE89 " * 2_000, "4111111111111112 " * 600, "078-05-0000 " * 900])
def test_what_fails_its_check_costs_a_step_and_no_search(text: str) -> None:
    steps = Steps()
    assert DetectorFinder(tuple(ALL.values()), steps.compiler).view(text).first(0) is None
    assert steps.calls <= len(text) // 4
    assert steps.looked_at <= 20 * len(text)
