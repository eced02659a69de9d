"""What the mock provider says: always the same to the same question, and of use to whoever reads it first.

The answer is about 165 tokens long, counted as four bytes a token, so that at $30 and $60 per million tokens a short
question costs about a cent: someone who sets a limit of $0.10 sees it reached after about ten questions.
"""

import hashlib
from enum import StrEnum

import msgspec

BYTES_PER_TOKEN = 4
LONGEST_ECHO = 40
_PIECE_BYTES = 24

_TEXT = (
    "This answer comes from the gateway's built-in mock provider: no account, no key and no real model were involved. "
    "Your request was authenticated, routed, budgeted, priced and written to the ledger exactly like a real one, so "
    "you can try keys, pools, limits and fallbacks safely. To get real answers, add a provider configuration with your "
    "own key under /api/v1/admin/providers and send its model name. To see failures, ask for the model "
    "mock-status-503, mock-slow-2000, mock-cut-3 or mock-error-in-stream. The token counts of this answer are "
    "estimates of four bytes a token, and its price is the seeded price of the model."
)


class Stop(StrEnum):
    END = "stop"
    LENGTH = "length"
    TOOL = "tool"


class ToolCall(msgspec.Struct, frozen=True):
    """A call of the caller's tool; `arguments` fit the schema's names and types, not its every rule."""

    name: str
    arguments: dict[str, object]


class Answer(msgspec.Struct, frozen=True):
    """What is said, and why it stops; `tool` is set where a tool is called instead."""

    text: str
    stop: Stop
    tool: ToolCall | None = None

    @property
    def output_tokens(self) -> int:
        said = self.text if self.tool is None else msgspec.json.encode(self.tool).decode()
        return count_tokens(said)

    @property
    def pieces(self) -> tuple[str, ...]:
        """The text as a stream brings it: a few words at a time."""
        pieces: list[str] = []
        for word in self.text.split(" "):
            if pieces and len(pieces[-1]) + len(word) < _PIECE_BYTES:
                pieces[-1] += f" {word}"
            else:
                pieces.append(word if not pieces else f" {word}")
        return tuple(pieces)


def count_tokens(text: str) -> int:
    """Four bytes of UTF-8 a token, rounded up."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def say(question: str, max_tokens: int | None, begun: str = "") -> Answer:
    """The usual answer to a question, cut to at most `max_tokens`. Where `begun` is its beginning, the rest of it."""
    asked = " ".join(question.split())
    echo = asked if len(asked) <= LONGEST_ECHO else f"{asked[: LONGEST_ECHO - 3]}..."
    text = f'{_TEXT} You said: "{echo}"' if echo else _TEXT
    text = text.removeprefix(begun)
    if max_tokens is None or count_tokens(text) <= max_tokens:
        return Answer(text, Stop.END)
    cut = text.encode()[: max(0, max_tokens) * BYTES_PER_TOKEN].decode(errors="ignore")
    return Answer(cut, Stop.LENGTH)


def call_tool(name: str, schema: object) -> Answer:
    """A call of this tool with a value for each property that its schema requires (or has, if none is required)."""
    return Answer("", Stop.TOOL, ToolCall(name, _object_of(_members(schema))))


def fill_form(schema: object) -> Answer:
    """A JSON object with a value for each property that the schema requires, as text."""
    return Answer(msgspec.json.encode(_object_of(_members(schema))).decode(), Stop.END)


def embed(text: str, dimensions: int) -> list[float]:
    """A vector of length 1, the same for the same text. Nearness means nothing."""
    numbers: list[float] = []
    block = 0
    while len(numbers) < dimensions:
        digest = hashlib.sha256(f"{block}:{text}".encode()).digest()
        numbers.extend(byte / 127.5 - 1.0 for byte in digest)
        block += 1
    vector = numbers[:dimensions]
    norm = sum(number * number for number in vector) ** 0.5
    return [round(number / norm, 7) for number in vector]


def _object_of(schema: dict[str, object], depth: int = 0) -> dict[str, object]:
    properties = _members(schema.get("properties"))
    required = schema.get("required")
    names = [name for name in properties if isinstance(required, list) and name in required] or list(properties)
    return {name: _value_of(_members(properties[name]), depth + 1) for name in names}


def _value_of(schema: dict[str, object], depth: int) -> object:
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return msgspec.convert(choices, list[object])[0]
    kind = schema.get("type")
    if kind == "object":
        return _object_of(schema, depth) if depth < 8 else {}
    simple: dict[object, object] = {"integer": 1, "number": 1.0, "boolean": True, "array": [], "null": None}
    return simple.get(kind if isinstance(kind, str) else None, "example")


def _members(value: object) -> dict[str, object]:
    return msgspec.convert(value, dict[str, object]) if isinstance(value, dict) else {}
