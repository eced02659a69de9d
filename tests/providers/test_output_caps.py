from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.output_caps import capped, default_output
from support.builders import a_call, a_candidate, a_claude_endpoint, a_head, a_shaped, an_endpoint


def shaped(operation: Operation = Operation.CHAT, dialect: Dialect = Dialect.OPENAI, **fields: int) -> Shaped:
    raws = {name: msgspec.Raw(str(value).encode()) for name, value in fields.items()}
    call = a_call(
        a_head(operation=operation, dialect=dialect), fields=raws, max_output=max(fields.values(), default=None)
    )
    return a_shaped(call)


def caps(it: Shaped) -> dict[str, Any]:
    return {name: int(bytes(raw)) for name, raw in it.fields.items()}


OPENAI = a_candidate(an_endpoint(), "ft:mine")
AZURE = a_candidate(an_endpoint(provider=ProviderType.AZURE_OPENAI), "gpt-4o")
MISTRAL = a_candidate(an_endpoint(provider=ProviderType.MISTRAL), "mistral-large-latest")
GROQ = a_candidate(an_endpoint(provider=ProviderType.GROQ), "llama-3.3-70b-versatile")
COMPATIBLE = a_candidate(an_endpoint(provider=ProviderType.OPENAI_COMPATIBLE), "llama-3")


@pytest.mark.parametrize(
    ("candidate", "sent", "most", "expected"),
    [
        (OPENAI, {}, 10, {"max_completion_tokens": 10}),
        (COMPATIBLE, {}, 10, {"max_tokens": 10}),
        (OPENAI, {"max_tokens": 99}, 10, {"max_tokens": 10}),
        (OPENAI, {"max_tokens": 5}, 10, {"max_tokens": 5}),
        (OPENAI, {"max_tokens": 99, "max_completion_tokens": 50}, 10, {"max_tokens": 10, "max_completion_tokens": 10}),
        (OPENAI, {}, None, {"max_completion_tokens": 4096}),
        (OPENAI, {"max_tokens": 99}, None, {"max_tokens": 99}),
        (a_candidate(), {}, None, {}),
        (MISTRAL, {}, 10, {"max_tokens": 10}),
        (GROQ, {}, 10, {"max_completion_tokens": 10}),
        (AZURE, {}, None, {"max_completion_tokens": 16_384}),
        (AZURE, {"max_tokens": 99}, None, {"max_tokens": 99}),
    ],
)
def test_a_cap_goes_where_the_caller_put_it_or_where_the_model_takes_it(
    candidate: Any, sent: dict[str, int], most: int | None, expected: dict[str, int]
) -> None:
    assert caps(capped(shaped(**sent), candidate, most)) == expected


def test_anthropics_dialect_has_one_field_only() -> None:
    asked = shaped(Operation.MESSAGES, Dialect.ANTHROPIC, max_tokens=99)
    assert caps(capped(asked, a_candidate(a_claude_endpoint()), 20)) == {"max_tokens": 20}


def test_a_text_without_a_cap_is_held_to_what_the_dialect_says_that_it_has() -> None:
    """16 tokens are held where nobody said a cap; Ollama would write on for ever."""
    call = a_call(a_head(operation=Operation.COMPLETIONS), fields={}, max_output=16)
    ollama = a_candidate(an_endpoint(provider=ProviderType.OLLAMA), "llama-3")
    assert caps(capped(a_shaped(call), ollama, None)) == {"max_tokens": 16}
    assert caps(capped(shaped(Operation.COMPLETIONS, max_tokens=99), ollama, 20)) == {"max_tokens": 20}
    other = shaped(Operation.COMPLETIONS, max_completion_tokens=99)
    assert caps(capped(other, OPENAI, 20)) == {"max_completion_tokens": 99, "max_tokens": 20}


@pytest.mark.parametrize(
    ("sent", "expected"), [({}, 20), ({"max_output_tokens": 99}, 20), ({"max_output_tokens": 9}, 9)]
)
def test_responses_have_one_field_only(sent: dict[str, int], expected: int) -> None:
    asked = shaped(Operation.RESPONSES, **sent)
    assert caps(capped(asked, OPENAI, 20)) == {"max_output_tokens": expected}


@pytest.mark.parametrize("operation", [Operation.EMBEDDINGS, Operation.COUNT_TOKENS, Operation.IMAGES])
def test_what_has_no_answer_of_a_length_gets_no_cap(operation: Operation) -> None:
    asked = shaped(operation)
    assert capped(asked, OPENAI, 5) is asked


def test_the_default_is_what_the_model_writes_at_most_or_the_endpoints() -> None:
    assert default_output(a_candidate(an_endpoint(default_max_output=7), "gpt-4o-mini")) == 16_384
    assert default_output(a_candidate(an_endpoint(default_max_output=7), "llama-3")) == 7
