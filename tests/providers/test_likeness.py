import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.likeness import Likeness


def an_event(text: str, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return f"data: {json.dumps({'id': 'c', 'choices': [choice], **more}, separators=(',', ':'))}\n\n".encode()


def test_nothing_is_covered_before_something_was_learned() -> None:
    assert not Likeness().covers(an_event("a"))
    assert not Likeness().covers(b"")
    assert not Likeness().covers(b"\0")
    assert not Likeness().covers(b"\0\0")


@given(st.text(), st.text())
def test_what_is_covered_is_the_learned_event_with_other_text(learned: str, text: str) -> None:
    likeness = Likeness()
    likeness.learn(an_event(learned))
    event = an_event(text)
    if likeness.covers(event):
        said = json.loads(event.removeprefix(b"data: "))
        assert said == {**json.loads(an_event("").removeprefix(b"data: ")), "choices": said["choices"]}
    plain = json.dumps(learned) == f'"{learned}"' and json.dumps(text) == f'"{text}"'
    assert likeness.covers(event) or not plain


@given(st.binary(max_size=20))
def test_covered_bytes_are_one_event_that_a_parser_reads(middle: bytes) -> None:
    likeness = Likeness()
    likeness.learn(an_event("x"))
    before, _, after = an_event("x").partition(b"x")
    event = before + middle + after
    if likeness.covers(event):
        assert event.count(b"\n") == 2
        assert len(json.loads(event.removeprefix(b"data: ").decode("utf-8", "replace"))["choices"]) == 1


@given(st.binary(max_size=20) | st.text(alphabet='ab"\\\n\x1f\x7f\u00e4', max_size=9).map(str.encode))
def test_the_text_is_what_stands_between_and_never_ends_its_string(middle: bytes) -> None:
    likeness = Likeness()
    likeness.learn(an_event("some"))
    event = likeness.before + middle + likeness.after
    is_text = not any(byte < 0x20 or byte in b'"\\' for byte in middle)
    assert likeness.text_in(event) == (middle if is_text else None)
    assert likeness.covers(event) is is_text


NOISE = st.text(alphabet='abcdef"\\\n', max_size=4)


@given(NOISE, NOISE, NOISE, NOISE, st.sampled_from([{}, {"object": "chunk"}]), st.sampled_from(["obfuscation", "p"]))
def test_noise_behind_the_text_may_be_any_and_is_left_out(
    learned: str, learned_noise: str, text: str, noise: str, more: dict[str, str], name: str
) -> None:
    likeness = Likeness()
    likeness.learn(an_event(learned, **{name: learned_noise}, **more))
    event = an_event(text, **{name: noise}, **more)
    plain = [json.dumps(it) == f'"{it}"' for it in (learned, learned_noise, text, noise)]
    if likeness.covers(event):
        assert likeness.text_in(event) == text.encode()
        assert plain[3] or noise == learned_noise
        told = likeness.before + text.encode() + likeness.after
        assert told in [an_event(text, **{name: it}, **more) for it in ("", learned_noise)]
        assert likeness.events == 1
    assert likeness.covers(event) or not all(plain)
    assert not likeness.covers(an_event(text, other=noise, **more))


@pytest.mark.parametrize(
    ("text", "noise", "covered"),
    [
        ("a", "x", True),
        ("", "", True),
        ("a", 'x"y', False),
        ("a", "x\\", False),
        ("a", "x\n", False),
        ('a"', "x", False),
    ],
)
def test_neither_string_ends_within_itself(text: str, noise: str, covered: object) -> None:
    likeness = Likeness()
    likeness.learn(an_event("some", obfuscation="gL6ps"))
    assert likeness.covers(an_event(text, obfuscation=noise)) is covered
    raw = likeness.before + text.encode() + likeness.middle + noise.encode() + likeness.end
    assert likeness.text_in(raw) == (text.encode() if covered else None)


def test_events_that_come_together_are_counted_and_letters_are_no_events() -> None:
    likeness = Likeness()
    likeness.learn(an_event("data: data:"))
    assert likeness.events == 1
    likeness.learn(an_event("a") + an_event("b"))
    assert likeness.events == 2
    assert likeness.text_in(an_event("data:") + an_event("b")) == b"data:"


@pytest.mark.parametrize(
    "other",
    [
        an_event("a", id="d"),
        an_event("a", usage={"x": 1}),
        an_event("a")[:-1],
        an_event('say "a"'),
        an_event("a\\"),
        an_event("a") + an_event("b"),
        an_event("a")[:20],
        b"",
    ],
)
def test_anything_else_is_not_covered(other: bytes) -> None:
    likeness = Likeness()
    likeness.learn(an_event("some"))
    assert likeness.covers(an_event("other"))
    assert not likeness.covers(other)


def test_an_event_shorter_than_what_surrounds_the_text_is_not_covered() -> None:
    likeness = Likeness()
    likeness.learn(b'data: {"text":""text":"x"text":""}\n\n')
    likeness.learn(b'"text":"""text":"')
    assert not likeness.covers(b'"text":"')


def test_events_that_are_never_alike_are_given_up_on() -> None:
    likeness = Likeness()
    for noise in range(20):
        likeness.learn(an_event("a", number=noise))
    assert not likeness.covers(an_event("a", number=19))
    assert likeness.covers(an_event("b", number=8))
