"""Where words are in items, and what is done to what stands around them."""

from typing import Any

import pytest

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.responses_items import (
    Surroundings,
    append,
    appended_item,
    begun_item,
    rewrite_item,
    rewrite_member,
    waits_for_tools,
)
from providers.shaping.responding import a_call, a_message, a_response, a_thought, said


class Heard:
    """Words that are noted, with their thread where they have one."""

    def __init__(self) -> None:
        self.threads: list[tuple[str, int, Any]] = []
        self.texts: list[str] = []

    def threaded(self, stem: str, part: int, text: Any) -> Any:
        self.threads.append((stem.removeprefix("response."), part, text))
        return text

    def whole(self, text: str) -> str:
        self.texts.append(text)
        return text


@pytest.mark.parametrize(
    ("item", "threads", "texts"),
    [
        (
            a_message(said("a", {"title": "b", "file_id": "c"}), {"type": "refusal", "refusal": "d"}),
            [("output_text", 0, "a"), ("refusal", 1, "d")],
            ["b"],
        ),
        (a_thought("a", "b"), [("reasoning_summary_text", 0, "a"), ("reasoning_text", 0, "b")], []),
        (a_call("{}"), [("function_call_arguments", 0, "{}")], []),
        ({"type": "program", "code": "x"}, [("program_code", 0, "x")], []),
        ({"type": "mcp_list_tools", "tools": [{"name": "a", "description": "b"}]}, [], ["b"]),
        ({"type": "image_generation_call", "id": "x", "result": "aGk="}, [], []),
        ({"type": "computer_call_output", "output": {"image_url": "data:image/png;base64,aGk="}}, [], []),
        ("a", [], ["a"]),
        (5, [], []),
    ],
)
def test_words_are_found(item: Any, threads: list[tuple[str, int, str]], texts: list[str]) -> None:
    heard = Heard()
    rewrite_item(item, heard)
    assert (heard.threads, heard.texts) == (threads, texts)


@pytest.mark.parametrize(("name", "is_word"), [("text", True), ("id", False), ("item_id", False), ("some_b64", False)])
def test_members_are_words_by_their_names(name: str, is_word: bool) -> None:
    heard = Heard()
    assert rewrite_member(name, "x", heard) == "x"
    assert heard.texts == ["x"] * is_word


@pytest.mark.parametrize(
    ("output", "waits"),
    [
        ([], False),
        ([a_message()], False),
        ([a_message(), a_call("{}")], True),
        ([{"type": "web_search_call"}], False),
        (None, False),
        ([5], False),
    ],
)
def test_who_waits_for_a_tool_has_not_said_the_last_word(output: Any, waits: bool) -> None:
    assert waits_for_tools(output) is waits


def test_what_is_appended_is_announced_without_its_words() -> None:
    answer = AnswerRules(request_id="req_7", appended="Bye.")
    assert begun_item(answer) == {**appended_item(answer), "status": "in_progress", "content": []}
    response = a_response()
    append(response, answer)
    assert response["output"] == [appended_item(answer)]
    nothing: dict[str, Any] = {}
    append(nothing, answer)
    assert nothing == {}


def test_pieces_are_changed_by_the_paths_that_lead_into_them() -> None:
    answer = AnswerRules(
        drop=(("output", "content", "annotations", "url"), ("output", "status"), ("model",)),
        put=((("output", "summary", "by"), "us"),),
    )
    surroundings = Surroundings(answer)
    assert surroundings.changes_pieces
    item, part, annotation = (
        {"status": 1, "content": [{"annotations": [{"url": 1}]}], "summary": [{}]},
        {"text": "a"},
        {"url": 1, "title": 2},
    )
    surroundings.dress_item(item)
    surroundings.dress_part("summary", part)
    surroundings.dress_annotation(annotation)
    assert item == {"content": [{"annotations": [{}]}], "summary": [{"by": "us"}]}
    assert (part, annotation) == ({"text": "a", "by": "us"}, {"title": 2})
    assert surroundings.leaves_out(("model", "name"))
    assert not surroundings.leaves_out(("output",))
    assert not Surroundings(AnswerRules(drop=(("model",),))).changes_pieces
