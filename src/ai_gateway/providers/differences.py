"""How servers of OpenAI's dialect differ from OpenAI: a row of data each, since a server is no reason for a file.

What a difference means stands where it is used. The line itself needs two of them: the field for the longest answer
(Mistral refuses the one that OpenAI's own models insist on) and whether a stream has to be asked for its usage (Mistral
refuses to be asked, and says it anyway). Requests of the dialect go through as they are, so all else is for who
translates into it, and for the table in the docs: what a server refuses or passes over without a word, and what its
answers have that OpenAI's have not.
"""

from enum import Enum, StrEnum

import msgspec

from ai_gateway.domain.chat import Operation


class OutputField(StrEnum):
    """The member that caps an answer's length, which thinking counts into at all of them."""

    MAX_TOKENS = "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens"


class StreamUsage(Enum):
    """How a stream comes to report its usage."""

    ASKED = "where stream_options.include_usage asks for it"
    GIVEN = "always; stream_options is refused or means nothing"


class Names(Enum):
    """Whose words a provider's models are asked for by."""

    MODELS = "the vendor's, so a name tells what the model can do"
    DEPLOYMENTS = "the customer's, who may have called anything so"


class Lack(StrEnum):
    """What a server is known not to take, beside whole fields. The values are what the docs say."""

    DEVELOPER_ROLE = "developer messages"
    JSON_SCHEMA = "JSON schema"
    STRICT_TOOLS = "strict tool schemas"
    TOOLS = "tools"
    NAMED_TOOL = "a named tool_choice"
    IMAGE_URLS = "images by URL"


class Habit(StrEnum):
    """What a server's answers have that OpenAI's have not; each is recorded traffic or the vendor's own word."""

    NO_DONE = "streams end without [DONE]"
    CRLF = "lines end in CRLF"
    COMMENTS = "comments before the first data"
    OWN_LAST_OBJECT = "the last chunk has an object of its own"
    EMPTY_FIRST_CHUNK = "a first chunk without choices and object"
    USAGE_WITH_CHOICES = "usage on a chunk that has choices"
    USAGE_ASIDE = "usage in a member of its own"
    REASONING_BESIDE_OUTPUT = "reasoning tokens counted beside output"
    CONTENT_LISTS = "content as a list"
    ERROR_UNDER_200 = "errors under status 200"
    ERROR_IN_STREAM = "errors inside a stream"
    ERROR_TEXT = "errors as text, or of another shape"
    OWN_SERVICE_TIERS = "service tiers of its own"
    CITATIONS = "citations"


class Differences(msgspec.Struct, frozen=True):
    """`unsupported`: top-level fields that are refused or passed over; `renamed`: those that it takes by another name,
    and means the same. `most_choices`: of `n`; None: nobody says. `reasoning`: the member of a message that its
    thinking stands in, and is taken back in; None: there is none. `without`: operations that it has not. `responses`:
    whether it also has OpenAI's Responses API, below the same address; callers of it are translated elsewhere."""

    output_field: OutputField = OutputField.MAX_TOKENS
    stream_usage: StreamUsage = StreamUsage.ASKED
    names: Names = Names.MODELS
    unsupported: frozenset[str] = frozenset()
    renamed: tuple[tuple[str, str], ...] = ()
    most_choices: int | None = None
    reasoning: str | None = None
    lacks: frozenset[Lack] = frozenset()
    habits: frozenset[Habit] = frozenset()
    without: frozenset[Operation] = frozenset()
    responses: bool = False


OPENAIS_OWN = Differences(output_field=OutputField.MAX_COMPLETION_TOKENS, responses=True)
UNKNOWN_SERVER = Differences(reasoning="reasoning_content")
"""A server of the dialect that nobody told us more of."""
