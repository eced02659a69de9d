"""Two halves of a chat stream become one completion, or it is said that they do not fit."""

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.providers.continuation_openai import ChatPast, may_be_continued
from providers.halves import TEXT, a_call, a_past, chat_event, chat_stream, read, so_far, spliced

CALL = a_call(Dialect.OPENAI)
WHOLE = chat_stream(TEXT)
AGAIN = chat_stream(TEXT, "2")
CUT = 40
TOOL = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "look", "arguments": "{}"}}]}


@pytest.mark.parametrize("at", range(1, len(WHOLE) - 1))
def test_the_same_answer_again_is_the_rest_wherever_the_first_was_cut(at: int) -> None:
    given, failed = spliced(a_past(CALL, *WHOLE[:at]), AGAIN)
    assert not failed
    assert read(Dialect.OPENAI, b"".join(WHOLE[:at]) + given) == (TEXT, "proper", ())


@pytest.mark.parametrize("at", range(4, len(WHOLE) - 1))
def test_what_a_prefilled_model_says_is_the_rest_wherever_the_first_was_cut(at: int) -> None:
    past = a_past(CALL, *WHOLE[:at])
    rest = chat_stream(TEXT[len(past.text.rstrip()) :], "2")
    given, failed = spliced(past, rest, prefill=True)
    assert not failed
    assert read(Dialect.OPENAI, b"".join(WHOLE[:at]) + given) == (TEXT, "proper", ())


def test_a_model_that_ignores_the_prefill_does_not_repeat_itself_to_the_caller() -> None:
    given, failed = spliced(a_past(CALL, *WHOLE[:CUT]), AGAIN, prefill=True)
    assert not failed
    assert read(Dialect.OPENAI, b"".join(WHOLE[:CUT]) + given).text == TEXT


@pytest.mark.parametrize("other", ["", "other words", TEXT[:100], TEXT[:100] + "#" + TEXT[101:]])
def test_another_answer_gives_the_caller_nothing(other: str) -> None:
    assert spliced(a_past(CALL, *WHOLE[:CUT]), chat_stream(other, "2")) == (b"", True)


def test_the_text_is_what_the_caller_has() -> None:
    past = a_past(CALL, *WHOLE[:CUT])
    assert past.text == TEXT[: (CUT - 1) * 7]


@pytest.mark.parametrize(
    "strange",
    [
        chat_event(TOOL),
        chat_event({"function_call": {"name": "f"}}),
        chat_event({"reasoning_content": "hm"}),
        chat_event({"refusal": "no"}),
        chat_event({"content": [{"type": "text", "text": "x"}]}),
        chat_event({"content": "x"}, "stop"),
        chat_event({"content": "x"}, logprobs={"content": []}),
        chat_event({"content": "x"}, index=1),
        chat_event({"content": "x"}).replace(b'"x"', b'"\\ud83d"'),
        b"data: {not json}\n\n",
    ],
)
def test_what_is_more_than_plain_text_cannot_be_continued(strange: bytes) -> None:
    assert so_far(CALL, WHOLE[0], WHOLE[1]) is not None
    assert so_far(CALL, WHOLE[0], WHOLE[1], strange, WHOLE[2]) is None


@pytest.mark.parametrize("quiet", [b": ping\n\n", chat_event({"content": None, "tool_calls": [], "refusal": None})])
def test_what_says_nothing_changes_nothing(quiet: bytes) -> None:
    assert a_past(CALL, WHOLE[0], quiet, WHOLE[1], quiet).text == TEXT[:7]


def test_a_call_of_a_tool_may_follow_the_text() -> None:
    past = a_past(CALL, *WHOLE[:3])
    events = [chat_event({"role": "assistant", "content": ""}, serial="2")]
    tail = [chat_event(TOOL, serial="2"), chat_event({}, "tool_calls", "2"), b"data: [DONE]\n\n"]
    for before, prefill in (([chat_event({"content": past.text}, serial="2")], False), ([], True)):
        given, failed = spliced(past, [*events, *before, *tail], prefill=prefill)
        assert not failed
        assert read(Dialect.OPENAI, b"".join(WHOLE[:3]) + given) == (past.text, "proper", ("look",))


@pytest.mark.parametrize("more", [TOOL, {"reasoning_content": "hm"}])
def test_a_second_half_that_says_something_else_first_fails(more: dict[str, object]) -> None:
    assert spliced(a_past(CALL, *WHOLE[:CUT]), [chat_event(more, serial="2")]) == (b"", True)


def test_thoughts_before_a_continuation_fail_because_they_hide_whether_it_is_one() -> None:
    events = [chat_event({"reasoning_content": "hm"}, serial="2")]
    assert spliced(a_past(CALL, *WHOLE[:CUT]), events, prefill=True) == (b"", True)


def test_usage_comes_once_the_halves_have_met_and_comments_too() -> None:
    usage = b'data: {"id":"chat-2","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":60}}\n\n'
    given, failed = spliced(
        a_past(CALL, *WHOLE[:CUT]), [usage, b": hi\n\n", *AGAIN[:-1], usage, b": hi\n\n", AGAIN[-1]]
    )
    assert not failed
    assert given.count(b'"usage"') == given.count(b": hi") == 1
    assert b"chat-2" not in given
    assert given.endswith(b": hi\n\ndata: [DONE]\n\n")


def test_what_was_held_back_comes_out_before_an_end_that_no_reason_announced() -> None:
    past = a_past(CALL, *WHOLE[:CUT])
    given, failed = spliced(past, [chat_event({"content": TEXT[:4]}, serial="2"), b"data: [DONE]\n\n"], prefill=True)
    assert not failed
    assert given.startswith(b'data: {"id":"chat-1"')
    assert msgspec.json.decode(given.split(b"\n\n")[0][6:])["choices"][0]["delta"] == {"content": TEXT[:4]}


def test_an_end_before_the_halves_have_met_is_none() -> None:
    assert spliced(a_past(CALL, *WHOLE[:CUT]), [AGAIN[0], AGAIN[1], b"data: [DONE]\n\n"]) == (b"", True)


@pytest.mark.parametrize("members", [{"logprobs": True}, {"modalities": ["text", "audio"]}, {"audio": {"voice": "v"}}])
def test_a_call_whose_answer_is_more_than_text_is_not_remembered(members: dict[str, object]) -> None:
    assert may_be_continued(CALL)
    assert not may_be_continued(a_call(Dialect.OPENAI, **members))


def test_several_choices_are_not_remembered() -> None:
    call = a_call(Dialect.OPENAI, n=2)
    several = msgspec.structs.replace(call, call=msgspec.structs.replace(call.call, choices=2))
    assert not may_be_continued(several)


def test_the_request_for_the_rest_has_the_text_and_less_room() -> None:
    past = a_past(a_call(Dialect.OPENAI), *WHOLE[:11])  # the role and 10 pieces of 7 characters: 70 // 4 = 17 tokens
    asked = past.prefill(a_call(Dialect.OPENAI, max_tokens=100, max_completion_tokens=50))
    assert asked is not None
    assert msgspec.json.decode(asked.fields["messages"])[-1] == {"role": "assistant", "content": TEXT[:70].rstrip()}
    assert (bytes(asked.fields["max_tokens"]), bytes(asked.fields["max_completion_tokens"])) == (b"83", b"33")


@pytest.mark.parametrize("form", [{"response_format": {"type": "json_object"}}, {"functions": [{"name": "f"}]}])
def test_an_answer_in_a_form_is_not_asked_for_from_its_middle(form: dict[str, object]) -> None:
    assert a_past(CALL, *WHOLE[:11]).prefill(a_call(Dialect.OPENAI, **form)) is None


def test_nothing_is_read_after_what_is_lost() -> None:
    past = ChatPast()
    for event in (WHOLE[0], chat_event(TOOL), WHOLE[1]):
        past.take(event)
    assert past.is_lost
    assert past.so_far().text == ""
