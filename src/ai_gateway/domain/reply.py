"""What a model answers, in no dialect: whole, and as the events of a stream.

Both say the same, and `providers/translation/folding.py` makes the first of the second: what a stream tells piece by
piece must add up to what the whole answer would have been. Parts of a choice are numbered in the order in which they
begin; pieces of several parts may come mixed, as parallel tool calls do at some providers.
"""

from enum import StrEnum

import msgspec

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.conversation import Citation, Json, Maker, Part, ToolKind


class Stop(StrEnum):
    """Why an answer ended: closed, so that every dialect has a word for each."""

    END = "end"
    LENGTH = "length"
    CONTEXT = "context"
    STOP_SEQUENCE = "stop_sequence"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    PAUSE = "pause"
    MALFORMED_CALL = "malformed_call"
    UNKNOWN = "unknown"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `logprobs` in the form of OpenAI's chat (`{"content": [...]}`). `stop` None: none was told.
    `others`: what only its dialect knows (content filter results, grounding)."""

    index: int = 0
    parts: tuple[Part, ...] = ()
    stop: Stop | None = None
    stop_sequence: str | None = None
    logprobs: Json = None
    others: dict[str, Json] = {}


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. `id` is the provider's, empty where it gave none; `created` Unix seconds. `service_tier`: the
    provider's own word for it. `others`: top-level members that only its dialect knows."""

    id: str = ""
    model: str = ""
    created: int | None = None
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    service_tier: str | None = None
    fingerprint: str | None = None
    others: dict[str, Json] = {}


class Began(msgspec.Struct, frozen=True, gc=False):
    """The first event of a stream; `usage` is what is known of the input by then."""

    id: str = ""
    model: str = ""
    created: int | None = None
    usage: Usage | None = None
    service_tier: str | None = None
    fingerprint: str | None = None


class PartKind(StrEnum):
    TEXT = "text"
    THINKING = "thinking"
    TOOL_CALL = "tool_call"
    REFUSAL = "refusal"


class PartBegan(msgspec.Struct, frozen=True, gc=False):
    """`part` is its number within the choice. A tool call has its id and name here; the text, the thought or the
    arguments come as Pieces. `maker` and `thought_id` are of a thought (and `maker` of a signed call)."""

    choice: int
    part: int
    kind: PartKind
    call_id: str = ""
    call_name: str = ""
    call_kind: ToolKind = ToolKind.FUNCTION
    maker: Maker | None = None
    thought_id: str | None = None


class Piece(msgspec.Struct, frozen=True, gc=False):
    """The next characters of a part: of its text, its thought or its arguments."""

    choice: int
    part: int
    text: str


class Signed(msgspec.Struct, frozen=True, gc=False):
    """The next characters of the signature of a thought or call; if `is_encrypted`, of a thought that is not shown."""

    choice: int
    part: int
    text: str
    is_encrypted: bool = False


class Cited(msgspec.Struct, frozen=True):
    """A citation of a text part."""

    choice: int
    part: int
    citation: Citation


class PartWhole(msgspec.Struct, frozen=True):
    """A part that comes at once: an image, a sound, an opaque block."""

    choice: int
    part: int
    value: Part


class PartEnded(msgspec.Struct, frozen=True, gc=False):
    """Nothing more of this part comes. Providers that do not tell the end of a part leave it out: the end of the
    choice is the end of its parts."""

    choice: int
    part: int


class Weighed(msgspec.Struct, frozen=True):
    """Log probabilities of the pieces since the last time, in the form of OpenAI's chat."""

    choice: int
    logprobs: Json


class Stopped(msgspec.Struct, frozen=True):
    """A choice has ended."""

    choice: int
    stop: Stop
    stop_sequence: str | None = None
    others: dict[str, Json] = {}


class Counted(msgspec.Struct, frozen=True, gc=False):
    """Usage so far; the last one counts."""

    usage: Usage
    service_tier: str | None = None


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The stream ended as its dialect ends: nothing more comes."""


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The provider said within the stream that it failed: nothing more comes."""

    error: ProviderError


class Alive(msgspec.Struct, frozen=True, gc=False):
    """A ping or a comment: somebody is still there."""


Event = (
    Began
    | PartBegan
    | Piece
    | Signed
    | Cited
    | PartWhole
    | PartEnded
    | Weighed
    | Stopped
    | Counted
    | Ended
    | Failed
    | Alive
)
