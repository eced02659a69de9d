"""The rows of the table of capabilities: one a family of models, as its vendor describes it.

Where the numbers are from: those of the newer Claude, GPT, Gemini and DeepSeek models were looked up in their vendors'
model pages in November 2026; context windows were compared with those of the genai-prices data, and what recordings
show was put right by them (tests/recorded). Those of older and of open-weight families are what is generally known.

Of what makes pictures `output` is for one picture: its tokens at most, or 1 where a picture has a price and no tokens.

OpenAI gives a window for question and answer together; `context` is what is left of it for the question where an answer
of full length is allowed. Anthropic's is for the question alone where it is longer than 200,000 by itself.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec


class Feature(StrEnum):
    """What a request may ask of a model. The values are the headings of the table in the docs."""

    SYSTEM_ROLE = "system messages"
    DEVELOPER_ROLE = "developer messages"
    SAMPLING = "temperature, top_p"
    IMAGES = "images in"
    AUDIO = "audio in"
    DOCUMENTS = "documents in"
    TOOLS = "tools"
    FORCED_TOOLS = "forced tool choice"
    PARALLEL_TOOLS = "parallel tool calls"
    JSON_SCHEMA = "JSON schema"
    PREFILL = "prefill"
    REASONING = "reasoning"
    REASONING_BUDGET = "reasoning budget in tokens"
    REASONING_OFF = "reasoning can be off"


class Family(msgspec.Struct, frozen=True):
    """Models whose names begin alike, as their vendor describes them. `context`: tokens that a request may hold.
    `output`: tokens that one answer has at most; None: the server's own limit, or nobody says."""

    name: str
    vendor: str
    context: int | None
    output: int | None
    features: frozenset[Feature]

    @property
    def is_known(self) -> bool:
        return bool(self.name)

    def has(self, feature: Feature) -> bool:
        return feature in self.features

    def lacks(self, feature: Feature) -> bool:
        """Whether it is known not to have it. Of an unknown model nothing is."""
        return bool(self.name) and feature not in self.features


UNKNOWN: Final = Family(name="", vendor="", context=None, output=None, features=frozenset())

_F = Feature
_TALK: Final = frozenset({_F.SYSTEM_ROLE, _F.SAMPLING})
_OPENAI: Final = frozenset({_F.SYSTEM_ROLE, _F.DEVELOPER_ROLE})
_TOOLS: Final = frozenset({_F.TOOLS, _F.FORCED_TOOLS, _F.PARALLEL_TOOLS})
_ONE_TOOL: Final = frozenset({_F.TOOLS, _F.FORCED_TOOLS})
_FORM: Final = frozenset({_F.JSON_SCHEMA})
_SEES: Final = frozenset({_F.IMAGES, _F.DOCUMENTS})
_HEARS: Final = frozenset({_F.AUDIO})
_THINKS: Final = frozenset({_F.REASONING})
_MAY_THINK: Final = frozenset({_F.REASONING, _F.REASONING_OFF})
_MAY_THINK_SO_MUCH: Final = frozenset({_F.REASONING, _F.REASONING_OFF, _F.REASONING_BUDGET})
_PREFILL: Final = frozenset({_F.PREFILL})
_SYSTEM: Final = frozenset({_F.SYSTEM_ROLE})

_WRITES: Final = frozenset({_F.SAMPLING})
_PAINTS: Final[frozenset[Feature]] = frozenset()

_Row = tuple[str, int | None, int | None, frozenset[Feature]]

_GPT_5: Final = _OPENAI | _TOOLS | _FORM | _SEES | _THINKS
_GPT_5_1: Final = _OPENAI | _TOOLS | _FORM | _SEES | _MAY_THINK
_GPT_4: Final = _OPENAI | _TALK | _TOOLS | _FORM | _SEES
_O: Final = _OPENAI | _ONE_TOOL | _FORM | _SEES | _THINKS
_OPEN_OPENAI: Final = _OPENAI | _TALK | _TOOLS | _FORM | _THINKS

_CLAUDE_2: Final = _TALK | _PREFILL
_CLAUDE_3: Final = _TALK | _PREFILL | _TOOLS | {_F.IMAGES}
_CLAUDE_3_5: Final = _CLAUDE_3 | _SEES
_CLAUDE_3_7: Final = _CLAUDE_3_5 | _MAY_THINK_SO_MUCH
_CLAUDE_4_5: Final = _CLAUDE_3_7 | _FORM
_CLAUDE_4_6: Final = _CLAUDE_4_5 - _PREFILL
_CLAUDE_4_7: Final = _SYSTEM | _TOOLS | _FORM | _SEES | _MAY_THINK
_CLAUDE_5_5: Final = _SYSTEM | {_F.TOOLS, _F.PARALLEL_TOOLS} | _FORM | _SEES | _THINKS

_GEMINI_2: Final = _TALK | _TOOLS | _FORM | _SEES | _HEARS
_GEMINI_2_5: Final = _GEMINI_2 | _THINKS | {_F.REASONING_BUDGET}

_OPEN: Final = _TALK | _TOOLS | _FORM
_OPEN_SEES: Final = _OPEN | {_F.IMAGES}
_OPEN_THINKS: Final = _OPEN | _THINKS

_MODELS: Final[dict[str, tuple[_Row, ...]]] = {
    "openai": (
        ("gpt-6", 922_000, 128_000, _GPT_5_1),
        ("gpt-5", 272_000, 128_000, _GPT_5),
        ("gpt-5-chat", 111_616, 16_384, _GPT_4),
        ("gpt-5.1", 272_000, 128_000, _GPT_5_1),
        ("gpt-5.2", 272_000, 128_000, _GPT_5_1),
        ("gpt-5.3", 272_000, 128_000, _GPT_5_1),
        ("gpt-5.4", 922_000, 128_000, _GPT_5_1),
        ("gpt-5.4-mini", 272_000, 128_000, _GPT_5_1),
        ("gpt-5.4-nano", 272_000, 128_000, _GPT_5_1),
        ("gpt-5.5", 922_000, 128_000, _GPT_5_1),
        ("gpt-5.6", 922_000, 128_000, _GPT_5_1),
        ("gpt-4.1", 1_047_576, 32_768, _GPT_4),
        ("gpt-4.5", 128_000, 16_384, _GPT_4),
        ("gpt-4o", 128_000, 16_384, _GPT_4),
        ("gpt-4o-audio", 128_000, 16_384, _OPENAI | _TALK | _TOOLS | _HEARS),
        ("gpt-4o-mini-audio", 128_000, 16_384, _OPENAI | _TALK | _TOOLS | _HEARS),
        ("gpt-4o-search", 128_000, 16_384, _OPENAI | _FORM),
        ("gpt-4o-mini-search", 128_000, 16_384, _OPENAI | _FORM),
        ("gpt-audio", 128_000, 16_384, _OPENAI | _TALK | _TOOLS | _HEARS),
        ("chatgpt-4o", 128_000, 16_384, _OPENAI | _TALK | {_F.IMAGES}),
        ("gpt-4-turbo", 128_000, 4_096, _OPENAI | _TALK | _TOOLS | {_F.IMAGES}),
        ("gpt-4-vision", 128_000, 4_096, _OPENAI | _TALK | {_F.IMAGES}),
        ("gpt-4-1106", 128_000, 4_096, _OPENAI | _TALK | _TOOLS),
        ("gpt-4-0125", 128_000, 4_096, _OPENAI | _TALK | _TOOLS),
        ("gpt-4-32k", 32_768, 32_768, _OPENAI | _TALK | _TOOLS),
        ("gpt-4", 8_192, 8_192, _OPENAI | _TALK | _TOOLS),
        ("gpt-3.5-turbo", 16_385, 4_096, _OPENAI | _TALK | _TOOLS),
        ("gpt-3.5-turbo-instruct", 4_096, 4_096, _WRITES),
        ("o1", 200_000, 100_000, _O),
        ("o1-mini", 128_000, 65_536, _THINKS),
        ("o1-preview", 128_000, 32_768, _THINKS),
        ("o3", 200_000, 100_000, _O),
        ("o3-mini", 200_000, 100_000, _O - _SEES),
        ("o4-mini", 200_000, 100_000, _O),
        ("codex-mini", 200_000, 100_000, _O),
        ("gpt-image", None, 65_536, _PAINTS),
        ("chatgpt-image", None, 65_536, _PAINTS),
        ("dall-e", None, 1, _PAINTS),
        ("davinci-002", 16_384, 16_384, _WRITES),
        ("babbage-002", 16_384, 16_384, _WRITES),
        ("gpt-oss", 131_072, None, _OPEN_OPENAI),
    ),
    "anthropic": (
        ("claude-", 200_000, None, _CLAUDE_4_7 | _TALK),
        ("claude-opus-", 200_000, 128_000, _CLAUDE_4_7 | _TALK),
        ("claude-sonnet-", 200_000, 128_000, _CLAUDE_4_7 | _TALK),
        ("claude-haiku-", 200_000, 128_000, _CLAUDE_4_7 | _TALK),
        ("claude-fable-", 200_000, 128_000, _CLAUDE_4_7 | _TALK),
        ("claude-mythos-", 200_000, 128_000, _CLAUDE_4_7 | _TALK),
        ("claude-2", 200_000, 4_096, _CLAUDE_2),
        ("claude-2-0", 100_000, 4_096, _CLAUDE_2),
        ("claude-instant", 100_000, 4_096, _CLAUDE_2),
        ("claude-3", 200_000, 4_096, _CLAUDE_3),
        ("claude-3-5", 200_000, 8_192, _CLAUDE_3_5),
        ("claude-3-7", 200_000, 64_000, _CLAUDE_3_7),
        ("claude-sonnet-4", 200_000, 64_000, _CLAUDE_3_7),
        ("claude-opus-4", 200_000, 32_000, _CLAUDE_3_7),
        ("claude-opus-4-1", 200_000, 32_000, _CLAUDE_4_5),
        ("claude-haiku-4-5", 200_000, 64_000, _CLAUDE_4_5),
        ("claude-sonnet-4-5", 200_000, 64_000, _CLAUDE_4_5),
        ("claude-opus-4-5", 200_000, 64_000, _CLAUDE_4_5),
        ("claude-sonnet-4-6", 1_000_000, 128_000, _CLAUDE_4_6),
        ("claude-opus-4-6", 1_000_000, 128_000, _CLAUDE_4_6),
        ("claude-opus-4-7", 1_000_000, 128_000, _CLAUDE_4_7),
        ("claude-opus-4-8", 1_000_000, 128_000, _CLAUDE_4_7),
        ("claude-sonnet-5", 1_000_000, 128_000, _CLAUDE_4_7),
        ("claude-opus-5", 1_000_000, 128_000, _CLAUDE_4_7),
        ("claude-fable-5", 1_000_000, 128_000, _CLAUDE_4_7 - {_F.REASONING_OFF}),
        ("claude-fable-5-1", 1_000_000, 128_000, _CLAUDE_5_5),
        ("claude-fable-5-2", 1_000_000, 128_000, _CLAUDE_5_5),
        ("claude-mythos-5", 1_000_000, 128_000, _CLAUDE_4_7 - {_F.REASONING_OFF}),
        ("claude-opus-5-5", 1_000_000, 128_000, _CLAUDE_5_5),
        ("claude-sonnet-5-5", 1_000_000, 128_000, _CLAUDE_5_5),
        ("claude-haiku-5-5", 1_000_000, 128_000, _CLAUDE_4_7),
    ),
    "google": (
        ("gemini-1.5-flash", 1_048_576, 8_192, _GEMINI_2),
        ("gemini-1.5-pro", 2_097_152, 8_192, _GEMINI_2),
        ("gemini-2.0-flash", 1_048_576, 8_192, _GEMINI_2),
        ("gemini-2.5-flash", 1_048_576, 65_536, _GEMINI_2_5 | {_F.REASONING_OFF}),
        ("gemini-2.5-flash-image", 65_536, 32_768, _TALK | {_F.IMAGES}),
        ("gemini-2.5-pro", 1_048_576, 65_536, _GEMINI_2_5),
        ("gemini-3", 1_048_576, 65_536, _GEMINI_2 | _THINKS),
        ("gemini-4", 1_048_576, None, _GEMINI_2 | _THINKS),
        ("gemini-flash", 1_048_576, 65_536, _GEMINI_2 | _THINKS),
        ("gemini-pro-latest", 1_048_576, 65_536, _GEMINI_2 | _THINKS),
        ("gemma-3", 131_072, None, (_OPEN_SEES | _SEES) - _SYSTEM),
        ("gemma3", 131_072, None, (_OPEN_SEES | _SEES) - _SYSTEM),
        ("gemma-4", 262_144, None, _OPEN_SEES),
        ("gemma2", 8_192, None, _OPEN - _SYSTEM),
    ),
    "black-forest-labs": (("flux", None, 1, _PAINTS),),
    "mistral": (
        ("mistral-large", 131_072, None, _OPEN),
        ("mistral-large-2512", 262_144, None, _OPEN_SEES),
        ("mistral-large-latest", 262_144, None, _OPEN_SEES),
        ("mistral-medium", 131_072, None, _OPEN_SEES),
        ("mistral-medium-3-5", 262_144, None, _OPEN_SEES),
        ("mistral-small", 131_072, None, _OPEN_SEES),
        ("ministral-", 131_072, None, _OPEN_SEES),
        ("magistral-", 131_072, None, _OPEN_THINKS | {_F.IMAGES}),
        ("codestral", 262_144, None, _OPEN),
        ("devstral", 131_072, None, _OPEN),
        ("pixtral-", 131_072, None, _OPEN_SEES),
        ("voxtral-small", 32_768, None, _OPEN | _HEARS),
    ),
    "cohere": (
        ("command-a", 256_000, None, _OPEN_SEES),
        ("command-a-03-2025", 256_000, 8_192, _OPEN),
        ("command-a-reasoning", 256_000, 32_768, _OPEN_THINKS | {_F.REASONING_OFF, _F.REASONING_BUDGET}),
        ("command-a-vision", 128_000, 8_192, _TALK | _FORM | {_F.IMAGES}),
        ("command-r", 128_000, 4_096, _OPEN),
    ),
    "x-ai": (
        ("grok-2", 32_768, None, _OPEN),
        ("grok-2-vision", 32_768, None, _OPEN_SEES),
        ("grok-3", 131_072, None, _OPEN),
        ("grok-3-mini", 131_072, None, _OPEN_THINKS),
        ("grok-4", 256_000, None, _OPEN_THINKS | {_F.IMAGES}),
        ("grok-4-fast", 2_000_000, None, _OPEN_THINKS | {_F.IMAGES}),
        ("grok-4-1-fast", 2_000_000, None, _OPEN_THINKS | {_F.IMAGES}),
        ("grok-4.20", 1_000_000, None, _OPEN_THINKS | {_F.IMAGES}),
        ("grok-4.3", 1_000_000, None, _OPEN_THINKS | {_F.IMAGES}),
        ("grok-4.5", 500_000, None, _OPEN_THINKS | {_F.IMAGES}),
        ("grok-4.6", 500_000, None, _OPEN_THINKS | {_F.IMAGES}),
        ("grok-4.7", 500_000, None, _OPEN_THINKS | {_F.IMAGES}),
        ("grok-2-image", None, 1, _PAINTS),
        ("grok-imagine-image", None, 1, _PAINTS),
        ("grok-code-fast", 256_000, None, _OPEN_THINKS),
    ),
    "deepseek": (
        ("deepseek-flash", 1_000_000, None, _OPEN_THINKS | {_F.IMAGES, _F.REASONING_OFF}),
        ("deepseek-v4", 1_000_000, None, _OPEN_THINKS | {_F.REASONING_OFF}),
        ("deepseek-v3", 131_072, None, _OPEN_THINKS | {_F.REASONING_OFF}),
        ("deepseek-chat", 131_072, None, _OPEN),
        ("deepseek-reasoner", 131_072, None, _OPEN_THINKS),
        ("deepseek-r1", 131_072, None, _OPEN_THINKS),
    ),
    "perplexity": (
        ("sonar", 128_000, None, _TALK | _FORM | {_F.IMAGES}),
        ("sonar-pro", 200_000, None, _TALK | _FORM | {_F.IMAGES}),
        ("sonar-reasoning", 128_000, None, _TALK | _FORM | {_F.IMAGES} | _THINKS),
        ("sonar-deep-research", 128_000, None, _TALK | _FORM | {_F.IMAGES} | _THINKS),
    ),
    "amazon": (
        ("nova-micro", 128_000, 10_000, _TALK | _TOOLS | _PREFILL),
        ("nova-lite", 300_000, 10_000, _TALK | _TOOLS | _PREFILL | _SEES),
        ("nova-pro", 300_000, 10_000, _TALK | _TOOLS | _PREFILL | _SEES),
        ("nova-premier", 1_000_000, 32_000, _TALK | _TOOLS | _PREFILL | _SEES),
        ("nova-2-lite", 1_000_000, 65_536, _TALK | _TOOLS | _SEES | _MAY_THINK),
        ("titan-text", 8_192, 8_192, _WRITES),
    ),
    "meta": (
        ("llama-3.1", 131_072, None, _OPEN),
        ("llama3.1", 131_072, None, _OPEN),
        ("llama3-1", 131_072, None, _OPEN),
        ("llama-3.2", 131_072, None, _OPEN_SEES),
        ("llama3.2", 131_072, None, _OPEN_SEES),
        ("llama3-2", 131_072, None, _OPEN_SEES),
        ("llama-3.3", 131_072, None, _OPEN),
        ("llama3.3", 131_072, None, _OPEN),
        ("llama3-3", 131_072, None, _OPEN),
        ("llama-4-maverick", 1_000_000, None, _OPEN_SEES),
        ("llama4-maverick", 1_000_000, None, _OPEN_SEES),
        ("llama-4-scout", 10_000_000, None, _OPEN_SEES),
        ("llama4-scout", 10_000_000, None, _OPEN_SEES),
    ),
    "moonshotai": (
        ("kimi-k2", 262_144, None, _OPEN_THINKS | {_F.REASONING_OFF, _F.IMAGES}),
        ("kimi-k3", 1_048_576, None, _OPEN_THINKS | {_F.REASONING_OFF, _F.IMAGES}),
    ),
    "zai": (
        ("glm-4.5", 131_072, None, _OPEN_THINKS | {_F.REASONING_OFF, _F.IMAGES}),
        ("glm-4.6", 204_800, None, _OPEN_THINKS | {_F.REASONING_OFF, _F.IMAGES}),
        ("glm-5", 1_000_000, None, _OPEN_THINKS | {_F.REASONING_OFF, _F.IMAGES}),
    ),
    "qwen": (
        ("qwen3", 262_144, None, _OPEN_THINKS | {_F.REASONING_OFF, _F.IMAGES}),
        ("qwen-3", 262_144, None, _OPEN_THINKS | {_F.REASONING_OFF, _F.IMAGES}),
        ("qwq", 131_072, None, _OPEN_THINKS),
    ),
}


def _rows() -> Iterator[Family]:
    for vendor, rows in _MODELS.items():
        for name, context, output, features in rows:
            yield Family(name=name, vendor=vendor, context=context, output=output, features=features)


FAMILIES: Final = tuple(_rows())
