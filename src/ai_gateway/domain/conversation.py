"""What a caller asks a model, in no dialect: the middle of every translation.

With n dialects there are n squared ways between two, and each would lose something else. So every dialect is read into
these values and written out of them, and a thing that must survive (a signature, a cache mark, an error in a tool's
result) has its place here once. What only one dialect can say rides along under its name (`Opaque`, `others`) and is
given back to that dialect, or refused by name: nothing is left out silently.

Text of people and models is never changed. Arguments of tool calls stay the JSON text that the model wrote; schemas and
other JSON values are plain decoded values.
"""

from enum import StrEnum
from typing import Any

import msgspec

Json = Any
"""A decoded JSON value that the gateway does not look into."""


class Maker(StrEnum):
    """Whose models wrote a thought: signatures and encrypted thoughts are of use to those only."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    GOOGLE = "google"
    XAI = "xai"
    COHERE = "cohere"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """Who speaks. Results of tools are parts of a user's turn."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"


class CacheTtl(StrEnum):
    """How long a provider is asked to keep the conversation up to a mark."""

    FIVE_MINUTES = "5m"
    HOUR = "1h"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes of an image, a document or a sound are: exactly one of an address, base64 text, or the id of a
    file that the provider has. `media_type` is known wherever the dialect tells it ("image/png")."""

    url: str | None = None
    data: str | None = None
    file_id: str | None = None
    media_type: str | None = None


class CitedUnit(StrEnum):
    """What `source_start` and `source_end` of a citation count."""

    CHARACTERS = "characters"
    PAGES = "pages"
    BLOCKS = "blocks"


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a piece of an answer is from. `document` is the number of the document or search result among those of the
    request; `answer_start` and `answer_end` are characters of the text part that cites. `extra`: what its dialect needs
    to have back (encrypted indexes and the like)."""

    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    document: int | None = None
    unit: CitedUnit | None = None
    source_start: int | None = None
    source_end: int | None = None
    answer_start: int | None = None
    answer_end: int | None = None
    extra: dict[str, Json] = {}


class Text(msgspec.Struct, frozen=True, tag=True):
    text: str
    cache: CacheTtl | None = None
    citations: tuple[Citation, ...] = ()


class Image(msgspec.Struct, frozen=True, tag=True):
    """`detail`: how closely to look at it, in OpenAI's words (low, high, auto)."""

    source: Source
    detail: str | None = None
    cache: CacheTtl | None = None


class Document(msgspec.Struct, frozen=True, tag=True):
    """`text`: a document that is plain text itself, and has no source then. `cites`: answers shall cite it. `blocks`:
    the pieces in which such a text may be cited, which `text` has one a line. `origin`: where a result of somebody's
    search is from."""

    source: Source | None = None
    text: str | None = None
    title: str | None = None
    context: str | None = None
    cites: bool = False
    cache: CacheTtl | None = None
    blocks: tuple[str, ...] = ()
    origin: str | None = None


class Audio(msgspec.Struct, frozen=True, tag=True):
    """A sound, or an earlier spoken answer by its id. `transcript`: what was said, where it is known."""

    source: Source
    transcript: str | None = None


class ToolKind(StrEnum):
    """A function takes a JSON object; a custom tool takes plain text."""

    FUNCTION = "function"
    CUSTOM = "custom"


class ToolCall(msgspec.Struct, frozen=True, tag=True):
    """`arguments`: the text that the model wrote; for a function usually, but not surely, a JSON object. `signature`:
    the thought behind this very call, which its maker wants back with it (Gemini)."""

    id: str
    name: str
    arguments: str
    kind: ToolKind = ToolKind.FUNCTION
    signature: str | None = None
    maker: Maker | None = None
    cache: CacheTtl | None = None


class ToolResult(msgspec.Struct, frozen=True, tag=True):
    """`name`: the tool that was called, where the dialect says it or it was found by the call's id."""

    call_id: str
    parts: tuple["Text | Image | Document | Audio", ...] = ()
    is_error: bool = False
    name: str | None = None
    kind: ToolKind = ToolKind.FUNCTION
    cache: CacheTtl | None = None


class Thinking(msgspec.Struct, frozen=True, tag=True):
    """A thought. `signature` proves it to its maker; a redacted one has only `encrypted`. `text` is a summary where
    the maker shows no more; `id` is how its dialect calls it."""

    text: str = ""
    signature: str | None = None
    encrypted: str | None = None
    maker: Maker = Maker.UNKNOWN
    id: str | None = None


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """The words with which a model refuses, where the dialect tells them from an answer."""

    text: str


class Opaque(msgspec.Struct, frozen=True, tag=True):
    """A block that only this dialect knows (`web_search_call`, `server_tool_use`). `dialect` is the front's or back's
    own name of it ("anthropic", "responses", "google"); `value` the whole block."""

    dialect: str
    kind: str
    value: dict[str, Json]


Part = Text | Image | Document | Audio | ToolCall | ToolResult | Thinking | Refusal | Opaque


class Turn(msgspec.Struct, frozen=True):
    """`name`: how the speaker is called, where a dialect has that. `phase` and the like ride along in `others`."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    others: dict[str, Json] = {}


class Tool(msgspec.Struct, frozen=True):
    """`schema` None: a function without parameters. `format`: the grammar of a custom tool."""

    name: str
    description: str | None = None
    schema: dict[str, Json] | None = None
    strict: bool | None = None
    kind: ToolKind = ToolKind.FUNCTION
    format: Json = None
    cache: CacheTtl | None = None


class ServerTool(msgspec.Struct, frozen=True):
    """A tool that the provider runs itself (web search, code execution), which only `dialect` knows."""

    dialect: str
    kind: str
    value: dict[str, Json]


class ChoiceMode(StrEnum):
    """Whether the model has to call a tool."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    NAMED = "named"


class ToolChoice(msgspec.Struct, frozen=True):
    mode: ChoiceMode
    name: str | None = None
    kind: ToolKind = ToolKind.FUNCTION


class JsonSchema(msgspec.Struct, frozen=True):
    """The form of an answer. `schema` None: any JSON object."""

    schema: dict[str, Json] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class ThinkingMode(StrEnum):
    OFF = "off"
    ON = "on"
    ADAPTIVE = "adaptive"


class Reasoning(msgspec.Struct, frozen=True):
    """How much the model shall think: an effort in OpenAI's words (none, minimal, low, medium, high, xhigh, max), or a
    budget of tokens. `summary`: how much of it is shown (auto, concise, detailed; "omitted": nothing). `effort_only`:
    the effort is of the whole answer, and nobody asked for thoughts (Anthropic tells the two apart)."""

    mode: ThinkingMode | None = None
    effort: str | None = None
    budget_tokens: int | None = None
    summary: str | None = None
    effort_only: bool = False


class Sampling(msgspec.Struct, frozen=True):
    """None: the provider's default."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Tokens: `max_output`. `choices`: how many answers. `service_tier` and `end_user` as their dialect
    says them. `hints` are fields that change no answer (`store`, `metadata`, `prompt_cache_key`): a target without them
    may leave them out, and says so. `others` are fields that may change it: a target that cannot say one refuses it by
    its name. Both have the dialect's own names and decoded values. `dialect`: which front read it, whose `others`
    they are, and those of its turns; "" where nobody said."""

    turns: tuple[Turn, ...]
    stream: bool = False
    max_output: int | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1
    sampling: Sampling = Sampling()
    tools: tuple[Tool | ServerTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    format: JsonSchema | None = None
    reasoning: Reasoning | None = None
    service_tier: str | None = None
    end_user: str | None = None
    cache: CacheTtl | None = None
    hints: dict[str, Json] = {}
    others: dict[str, Json] = {}
    dialect: str = ""
