import base64

import pytest

from providers.mock.asking import ask, events_of, json_of


def test_a_text_is_completed() -> None:
    body = json_of(ask("/v1/completions", {"model": "m", "prompt": "Once", "max_tokens": 1000}))
    assert (body["object"], body["choices"][0]["finish_reason"]) == ("text_completion", "stop")
    assert 'You said: "Once"' in body["choices"][0]["text"]
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


def test_without_a_cap_it_is_sixteen_tokens_as_the_dialect_has_it() -> None:
    body = json_of(ask("/v1/completions", {"model": "m", "prompt": "Once"}))
    assert (body["choices"][0]["finish_reason"], body["usage"]["completion_tokens"]) == ("length", 16)


@pytest.mark.parametrize(("prompt", "many"), [("a", 2), (["a", "b"], 4), ([1, 2, 3], 2), ([[1], [2], [3]], 6)], ids=str)
def test_each_prompt_has_its_texts(prompt: object, many: int) -> None:
    body = json_of(ask("/v1/completions", {"model": "m", "prompt": prompt, "n": 2}))
    assert [choice["index"] for choice in body["choices"]] == list(range(many))


def test_a_stream_says_what_the_whole_text_says() -> None:
    asked = {"model": "m", "prompt": ["a", "b"], "max_tokens": 40}
    whole = json_of(ask("/v1/completions", asked))
    options = {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = events_of(ask("/v1/completions", asked | options))
    for choice in whole["choices"]:
        mine = [it["choices"][0] for it in chunks if it["choices"][0]["index"] == choice["index"]]
        assert "".join(it["text"] for it in mine) == choice["text"]
        assert [it["finish_reason"] for it in mine if it["finish_reason"]] == ["length"]
    assert (last["choices"], last["usage"]) == ([], whole["usage"])
    assert len(events_of(ask("/v1/completions", asked | {"stream": True}))) == len(chunks)


def test_pictures_are_made_and_billed_each() -> None:
    body = json_of(ask("/v1/images/generations", {"model": "m", "prompt": "a red square", "n": 3}))
    assert len(body["data"]) == 3
    assert base64.b64decode(body["data"][0]["b64_json"]).startswith(b"\x89PNG")
    assert body["usage"]["output_tokens"] == 3 * 272


def test_a_picture_of_nothing_is_refused() -> None:
    reply = ask("/v1/images/generations", {"model": "m"})
    assert (reply.status, json_of(reply)["error"]["param"]) == (400, "prompt")


@pytest.mark.parametrize("where", ["/openai/deployments/mine", "/openai/v1", "/v1/openai/deployments/mine"])
def test_azures_addresses_lead_to_the_same(where: str) -> None:
    reply = ask(f"{where}/completions?api-version=2024-10-21", {"model": "m", "prompt": "a"})
    assert reply.status == 200
