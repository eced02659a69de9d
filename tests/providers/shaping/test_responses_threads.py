"""Texts that are told in pieces and then whole."""

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.responses_items import ARGUMENTS, TEXT
from ai_gateway.providers.shaping.responses_threads import FirstWords, Threads, hashed
from providers.shaping.pipes import Arguments, literal

CALL = "response.function_call_arguments"


def threads() -> Threads:
    return Threads(Chains(AnswerRules(pipes=(literal("ab", "x"),), arguments=Arguments)))


def test_a_text_that_was_told_in_pieces_is_what_the_pieces_became() -> None:
    told = threads()
    thread = told.of((TEXT, 0, 0, ""), {"delta": "", "logprobs": [1]})
    assert [thread.take("1a"), thread.take("b2a")] == ["1", "x2"]
    assert told.of((TEXT, 0, 0, ""), {}) is thread
    assert told.end(frozenset({TEXT}), 0, 0) == [{"delta": "a", "logprobs": []}]
    assert told.threaded(TEXT, 0, "1ab2a") == "1x2a"
    assert told.end_all() == []


def test_only_the_threads_that_are_meant_are_ended() -> None:
    told = threads()
    for key in ((TEXT, 0, 0, ""), (TEXT, 0, 1, ""), (TEXT, 1, 0, ""), (CALL, 0, None, "")):
        told.of(key, {"delta": key}).take("a")
    assert told.end(frozenset({TEXT}), 0, 1) == [{"delta": "a"}]
    assert told.end(None, 1) == [{"delta": "a"}]
    assert len(told.end(ARGUMENTS, 0)) == 1
    assert told.end_all() == [{"delta": "a"}]


def test_pieces_of_an_object_are_told_as_one() -> None:
    told = threads()
    told.of(("response.shell", 0, None, "stdout"), {"delta": {"stdout": "a"}}).take("a")
    assert told.end_all() == [{"delta": {"stdout": "a"}}]


def test_arguments_are_no_text() -> None:
    told = threads()
    assert told.threaded(CALL, 0, '{"a":"\\u0061b"}') == '{"a":"x"}'
    assert told.whole('{"a":"\\u0061b"}') == '{"a":"\\u0061b"}'
    assert told.threaded(CALL, 0, {"a": "ab"}) == {"a": "x"}
    assert told.whole("") == ""


def test_first_words_begin_the_thread_of_the_deltas() -> None:
    told = threads()
    first = FirstWords(told, {"output_index": 2, "item": {"id": "m"}})
    assert first.threaded(TEXT, 1, "a") == ""
    assert first.threaded(CALL, 0, "") == ""
    assert first.threaded(CALL, 0, ["ab"]) == ["x"]
    assert told.of((TEXT, 2, 1, ""), {}).take("b") == "x"
    assert told.end_all() == []
    placed = FirstWords(told, {"output_index": 2, "content_index": 5, "item_id": "m"})
    placed.threaded(TEXT, 0, "a")
    at = {"item_id": "m", "output_index": 2, "content_index": 5}
    assert told.end_all() == [{"type": f"{TEXT}.delta", **at, "delta": "a"}]


def test_an_index_is_a_number() -> None:
    assert [hashed(it) for it in (3, None, "3", [3], {})] == [3, None, None, None, None]
