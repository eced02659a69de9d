"""What is kept of a stream, and which way on there is."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.continuation import MOST_BYTES, PACK_BYTES, Way, continue_by, delivered_for
from ai_gateway.providers.likeness import Likeness
from providers.calls import a_shaped
from providers.halves import TEXT, a_call, a_past, a_stream, chat_event, delivered, text_delta

DIALECTS = [Dialect.OPENAI, Dialect.ANTHROPIC]
HAIKU = "claude-haiku-4-5"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_was_delivered_is_the_text_of_its_events_whatever_they_came_in(dialect: Dialect) -> None:
    events = a_stream(dialect)[:40]
    one, all_at_once = delivered(a_call(dialect)), delivered(a_call(dialect))
    for event in events:
        one.keep(event)
        past = one.so_far()
        assert past is not None
        assert TEXT.startswith(past.text)
    all_at_once.keep(b"".join(events))
    first, second = one.so_far(), all_at_once.so_far()
    assert first is not None
    assert second is not None
    assert first == second
    assert 200 < len(first.text) < len(TEXT)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_long_answer_keeps_its_text_in_little_room(dialect: Dialect) -> None:
    events = a_stream(dialect, TEXT * 50)
    assert sum(map(len, events)) > 3 * PACK_BYTES
    kept = delivered(a_call(dialect))
    for event in events[: -2 if dialect is Dialect.OPENAI else -3]:
        kept.keep(event)
        assert kept.kept_bytes < 2 * PACK_BYTES
    past = kept.so_far()
    assert past is not None
    assert past.text == TEXT * 50


def test_an_answer_that_is_too_long_is_not_continued_and_not_kept() -> None:
    kept = delivered(a_call(Dialect.OPENAI))
    kept.keep(chat_event({"role": "assistant"}) + chat_event({"content": "x" * (MOST_BYTES - 1_000)}))
    assert kept.so_far() is not None
    kept.keep(chat_event({"content": "x" * 1_000}))
    assert kept.so_far() is None
    kept.keep(chat_event({"content": "x" * PACK_BYTES}))
    assert kept.kept_bytes == 0


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"])
def test_what_came_with_other_line_ends_is_understood(dialect: Dialect, line_end: bytes) -> None:
    kept = delivered(a_call(dialect))
    for event in a_stream(dialect)[:40]:
        kept.keep(event.replace(b"\n", line_end))
    assert kept.so_far() == a_past(a_call(dialect), *a_stream(dialect)[:40])


def test_what_cannot_be_continued_never_can_again() -> None:
    kept = delivered(a_call(Dialect.OPENAI))
    kept.keep(chat_event({"reasoning_content": "hm"}))
    assert kept.so_far() is None
    kept.keep(chat_event({"content": "x"}) * 400)
    assert kept.so_far() is None


@pytest.mark.parametrize(
    "shaped",
    [
        a_shaped(Operation.EMBEDDINGS, '{"model":"m"}'),
        a_shaped(Operation.CHAT, '{"model":"m"}'),
        a_shaped(Operation.COUNT_TOKENS, '{"model":"m","stream":true}'),
        a_call(Dialect.OPENAI, logprobs=True),
        a_call(Dialect.ANTHROPIC, thinking={"type": "enabled"}),
    ],
)
def test_nothing_is_kept_where_it_would_be_of_no_use(shaped: object) -> None:
    assert delivered_for(shaped) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_restart_is_the_same_request_for_anyone(dialect: Dialect) -> None:
    call = a_call(dialect)
    past = a_past(call, *a_stream(dialect)[:40])
    continuation = continue_by(Way.RESTART, past, call, ProviderType.OPENAI_COMPATIBLE, "anything")
    assert continuation is not None
    assert continuation.shaped is call


@pytest.mark.parametrize(
    ("provider", "model", "possible"),
    [
        (ProviderType.ANTHROPIC, HAIKU, True),
        (ProviderType.ANTHROPIC, "claude-opus-4-6", False),
        (ProviderType.OPENAI_COMPATIBLE, HAIKU, False),
    ],
)
def test_only_a_model_that_continues_is_given_the_text(provider: ProviderType, model: str, possible: bool) -> None:
    call = a_call(Dialect.ANTHROPIC)
    past = a_past(call, *a_stream(Dialect.ANTHROPIC)[:40])
    continuation = continue_by(Way.PREFILL, past, call, provider, model)
    assert (continuation is not None) is possible
    if continuation is not None:
        turns = msgspec.json.decode(continuation.shaped.fields["messages"])
        assert turns[-1] == {"role": "assistant", "content": past.text.rstrip()}


def test_nothing_delivered_is_no_prefill() -> None:
    call = a_call(Dialect.ANTHROPIC)
    past = a_past(call, *a_stream(Dialect.ANTHROPIC)[:2])
    assert continue_by(Way.PREFILL, past, call, ProviderType.ANTHROPIC, HAIKU) is None


def test_white_space_alone_is_no_prefill() -> None:
    call = a_call(Dialect.ANTHROPIC)
    past = a_past(call, *a_stream(Dialect.ANTHROPIC)[:2], text_delta(" \n"))
    assert past.text == " \n"
    assert continue_by(Way.PREFILL, past, call, ProviderType.ANTHROPIC, HAIKU) is None


def test_events_that_are_alike_cost_their_letters_and_are_read_as_if_they_were_kept_whole() -> None:
    events = [
        chat_event({"role": "assistant", "content": ""}),
        *(chat_event({"content": f"w{n} "}) for n in range(300)),
    ]
    events.insert(150, chat_event({"content": 'a "quoted" one '}))
    call, likeness = a_call(Dialect.OPENAI), Likeness()
    whole, alike = delivered(call), delivered(call)
    for event in events:
        whole.keep(event)
        text = likeness.text_in(event)
        if text is not None:
            alike.keep_alike([text], likeness)
        else:
            likeness.learn(event)
            alike.keep(event)
    assert alike.kept_bytes < whole.kept_bytes / 4
    one, other = whole.so_far(), alike.so_far()
    assert one is not None
    assert other is not None
    assert one.text == other.text


def test_an_answer_of_events_that_are_alike_is_too_long_where_its_events_are() -> None:
    """By the bytes that the caller had, not by those that are kept."""
    likeness = Likeness()
    event = chat_event({"content": "word"})
    likeness.learn(event)
    enough = MOST_BYTES // len(event)
    kept = {count: delivered(a_call(Dialect.OPENAI)) for count in (enough, enough + 1)}
    for count, it in kept.items():
        for _ in range(count):
            it.keep_alike([b"word"], likeness)
    assert {count: it.so_far() is None for count, it in kept.items()} == {enough: False, enough + 1: True}


@given(st.lists(st.text(alphabet='ab\u00e4 "\\\n', max_size=4), min_size=1, max_size=40))
def test_what_was_kept_alike_is_what_was_delivered(texts: list[str]) -> None:
    kept, likeness = delivered(a_call(Dialect.OPENAI)), Likeness()
    waiting: list[bytes] = []
    for text in texts:
        event = chat_event({"content": text})
        said = likeness.text_in(event)
        if said is not None:
            waiting.append(said)
            continue
        if waiting:
            kept.keep_alike(waiting, likeness)
            waiting.clear()
        likeness.learn(event)
        kept.keep(event)
    if waiting:
        kept.keep_alike(waiting, likeness)
    so_far = kept.so_far()
    assert so_far is not None
    assert so_far.text == "".join(texts)
