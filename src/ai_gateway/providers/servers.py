"""The vendors and programs that serve OpenAI's dialect: where they are, whether they want a key, and how they differ.

What the rows say of Groq, Ollama, Cerebras and Mistral's stream options was looked up in their API references in
November 2026, and what recorded traffic shows of nine servers was put right by it (tests/recorded). The rest is what is
generally known of these servers and was not checked against them; a row that is wrong is put right here.

`check` is a GET that costs nothing and fails with a wrong key, where the vendor has one: a list of models that anybody
may read says nothing of an account.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.config import BaseUrl, ProviderType
from ai_gateway.providers.differences import Differences, Habit, Lack, OutputField, StreamUsage


class Server(msgspec.Struct, frozen=True):
    """`url` is what its users put into OpenAI's SDK."""

    type: ProviderType
    url: BaseUrl
    differences: Differences
    needs_key: bool = True
    check: str = "/models"


def _https(host: str, path: str = "/v1") -> BaseUrl:
    return BaseUrl("https", host, 443, path)


def _here(port: int) -> BaseUrl:
    return BaseUrl("http", "localhost", port, "/v1")


_TEXTS: Final = Operation.COMPLETIONS
_VECTORS: Final = Operation.EMBEDDINGS
_PICTURES: Final = Operation.IMAGES

SERVERS: Final = (
    Server(
        ProviderType.GROQ,
        _https("api.groq.com", "/openai/v1"),
        Differences(
            output_field=OutputField.MAX_COMPLETION_TOKENS,
            unsupported=frozenset({"logprobs", "top_logprobs", "logit_bias"}),
            most_choices=1,
            reasoning="reasoning",
            lacks=frozenset({Lack.DEVELOPER_ROLE}),
            habits=frozenset({Habit.USAGE_ASIDE, Habit.ERROR_IN_STREAM, Habit.OWN_SERVICE_TIERS}),
            without=frozenset({_TEXTS, _VECTORS, _PICTURES}),
        ),
    ),
    Server(
        ProviderType.DEEPSEEK,
        _https("api.deepseek.com"),
        Differences(
            unsupported=frozenset({"n", "seed", "logit_bias", "parallel_tool_calls", "service_tier"}),
            most_choices=1,
            reasoning="reasoning_content",
            lacks=frozenset({Lack.DEVELOPER_ROLE, Lack.JSON_SCHEMA, Lack.STRICT_TOOLS}),
            habits=frozenset({Habit.USAGE_WITH_CHOICES, Habit.COMMENTS}),
            without=frozenset({_VECTORS, _PICTURES}),
        ),
    ),
    Server(
        ProviderType.XAI,
        _https("api.x.ai"),
        Differences(
            output_field=OutputField.MAX_COMPLETION_TOKENS,
            unsupported=frozenset({"logit_bias"}),
            reasoning="reasoning_content",
            habits=frozenset({Habit.REASONING_BESIDE_OUTPUT, Habit.ERROR_TEXT}),
            without=frozenset({_VECTORS}),
            responses=True,
        ),
    ),
    Server(
        ProviderType.TOGETHER,
        _https("api.together.xyz"),
        Differences(reasoning="reasoning", lacks=frozenset({Lack.DEVELOPER_ROLE, Lack.STRICT_TOOLS})),
    ),
    Server(
        ProviderType.FIREWORKS,
        _https("api.fireworks.ai", "/inference/v1"),
        Differences(
            reasoning="reasoning_content",
            lacks=frozenset({Lack.DEVELOPER_ROLE}),
            habits=frozenset({Habit.USAGE_WITH_CHOICES}),
        ),
    ),
    Server(
        ProviderType.OPENROUTER,
        _https("openrouter.ai", "/api/v1"),
        Differences(
            unsupported=frozenset({"n"}),
            most_choices=1,
            reasoning="reasoning",
            habits=frozenset(
                {Habit.COMMENTS, Habit.ERROR_UNDER_200, Habit.ERROR_IN_STREAM, Habit.USAGE_WITH_CHOICES, Habit.NO_DONE}
            ),
            responses=True,
        ),
        check="/key",
    ),
    Server(
        ProviderType.PERPLEXITY,
        _https("api.perplexity.ai", ""),
        Differences(
            stream_usage=StreamUsage.GIVEN,
            unsupported=frozenset(
                {"tools", "tool_choice", "parallel_tool_calls", "n", "seed", "logit_bias", "logprobs", "top_logprobs"}
            ),
            most_choices=1,
            lacks=frozenset({Lack.DEVELOPER_ROLE, Lack.TOOLS, Lack.STRICT_TOOLS, Lack.NAMED_TOOL}),
            habits=frozenset(
                {Habit.NO_DONE, Habit.CRLF, Habit.OWN_LAST_OBJECT, Habit.USAGE_WITH_CHOICES, Habit.CITATIONS}
            ),
            without=frozenset({_TEXTS, _PICTURES}),
        ),
        check="/async/chat/completions",
    ),
    Server(
        ProviderType.CEREBRAS,
        _https("api.cerebras.ai"),
        Differences(
            output_field=OutputField.MAX_COMPLETION_TOKENS,
            unsupported=frozenset({"frequency_penalty", "presence_penalty", "logit_bias", "service_tier"}),
            reasoning="reasoning",
            lacks=frozenset({Lack.DEVELOPER_ROLE}),
            habits=frozenset({Habit.NO_DONE, Habit.USAGE_WITH_CHOICES}),
            without=frozenset({_VECTORS, _PICTURES}),
        ),
    ),
    Server(
        ProviderType.NVIDIA,
        _https("integrate.api.nvidia.com"),
        Differences(reasoning="reasoning_content", lacks=frozenset({Lack.DEVELOPER_ROLE, Lack.STRICT_TOOLS})),
    ),
    Server(
        ProviderType.HUGGINGFACE,
        _https("router.huggingface.co"),
        Differences(
            reasoning="reasoning_content",
            lacks=frozenset({Lack.DEVELOPER_ROLE, Lack.STRICT_TOOLS}),
            habits=frozenset({Habit.ERROR_TEXT}),
        ),
    ),
    Server(
        ProviderType.MISTRAL,
        _https("api.mistral.ai"),
        Differences(
            stream_usage=StreamUsage.GIVEN,
            unsupported=frozenset(
                {
                    "stream_options",
                    "logit_bias",
                    "logprobs",
                    "top_logprobs",
                    "service_tier",
                    "user",
                    "store",
                }
            ),
            renamed=(("max_completion_tokens", "max_tokens"), ("seed", "random_seed")),
            lacks=frozenset({Lack.DEVELOPER_ROLE}),
            habits=frozenset({Habit.CONTENT_LISTS, Habit.USAGE_WITH_CHOICES, Habit.ERROR_TEXT}),
            without=frozenset({_TEXTS, _PICTURES}),
        ),
    ),
    Server(
        ProviderType.OLLAMA,
        _here(11434),
        Differences(
            unsupported=frozenset({"n", "logit_bias", "user", "parallel_tool_calls", "service_tier"}),
            most_choices=1,
            reasoning="reasoning",
            lacks=frozenset({Lack.DEVELOPER_ROLE, Lack.STRICT_TOOLS, Lack.NAMED_TOOL}),
        ),
        needs_key=False,
    ),
    Server(
        ProviderType.VLLM,
        _here(8000),
        Differences(
            unsupported=frozenset({"user", "service_tier"}),
            reasoning="reasoning_content",
            habits=frozenset({Habit.ERROR_IN_STREAM}),
        ),
        needs_key=False,
    ),
    Server(
        ProviderType.LM_STUDIO,
        _here(1234),
        Differences(
            responses=True,
            unsupported=frozenset({"n", "user", "parallel_tool_calls", "service_tier", "logprobs", "top_logprobs"}),
            most_choices=1,
            reasoning="reasoning_content",
            lacks=frozenset({Lack.DEVELOPER_ROLE, Lack.STRICT_TOOLS, Lack.NAMED_TOOL, Lack.IMAGE_URLS}),
        ),
        needs_key=False,
    ),
)
"""One row a type. What is not in the row is as OpenAI has it, or nobody says."""
