"""About how many tokens a conversation is, for who has to know before a provider counts it: more rather than less.

Nothing is asked of the network, and no tokenizer is used, since each provider has its own and most publish none. So
what is counted is a bound that all of them keep on what people and programs send:

| what | counted as |
|---|---|
| text, calls, results | a token for two ASCII bytes, one for every other byte (English has four a token, code three) |
| a turn, a block | 8 tokens for what the provider writes around it, and 96 for the whole |
| a tool | its words, and 64; the first also 900 for the instructions that come with tools |
| a tool that the provider runs | 3,000: its definition. What it reads while it runs is in no request: not counted |
| a form of the answer | its schema, and 500 |
| an image | the larger of Claude's pixels / 750, OpenAI's tiles of 512 and Google's tiles of 768, up to 4,784 |
| an image whose size is unknown | 4,784: what the dearest one of a current model is |
| a PDF | a token for 20 of its bytes, at least 3,000; 20,000 where it is not in the request |
| a sound | 32 tokens a second, at 16,000 bytes a second of WAV and 1,000 of anything else |
| an encrypted thought | a token for two of its bytes |

Where it is too low all the same: a model that counts an image many times (GPT-4o mini), a provider that puts a prompt
of its own before every request (xAI), dense random text, a PDF that is all text and well compressed, files by address.
"""

from typing import Final

import msgspec

from ai_gateway.domain.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Json,
    Opaque,
    Part,
    Refusal,
    ServerTool,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from ai_gateway.providers.media_size import Pixels, bytes_of, pixels_of

ASCII_PER_TOKEN: Final = 2
AROUND: Final = 8
START: Final = 96
PER_TOOL: Final = 64
WITH_TOOLS: Final = 900
SERVER_TOOL: Final = 3_000
WITH_FORM: Final = 500
MOST_OF_IMAGE: Final = 4_784
MOST_OF_ANY_IMAGE: Final = 48_200
"""GPT-4o mini's: 2,833 tokens and 5,667 for each of at most eight tiles, as OpenAI's guide to vision says."""
LEAST_OF_PDF: Final = 3_000
UNSEEN_DOCUMENT: Final = 20_000
PDF_BYTES_PER_TOKEN: Final = 20
SOUND_TOKENS_PER_SECOND: Final = 32
WAV_BYTES_PER_SECOND: Final = 16_000
SOUND_BYTES_PER_SECOND: Final = 1_000

_OTHERS: Final = bytes(range(128, 256))


def estimate(asked: Conversation) -> int:
    """Tokens of the input, rather too many than too few."""
    tokens = START
    for turn in asked.turns:
        tokens += AROUND + sum([_part(part) for part in turn.parts])
    if asked.tools:
        tokens += WITH_TOOLS + sum([_tool(tool) for tool in asked.tools])
    if asked.format is not None:
        tokens += WITH_FORM + _json(asked.format.schema)
    return tokens


def most_input(asked: Conversation, body_bytes: int) -> int:
    """A bound for admission, where money is held: as many tokens as the body has bytes, but for pictures and sounds,
    whose bytes say little of what they are to a model. A document stays at its bytes: a PDF may be all text."""
    tokens = body_bytes
    for turn in asked.turns:
        for part in turn.parts:
            for one in part.parts if isinstance(part, ToolResult) else (part,):
                if isinstance(one, Image) and one.source.data is not None:
                    tokens += min(0, MOST_OF_ANY_IMAGE - len(one.source.data))
                elif isinstance(one, Audio) and one.source.data is not None:
                    tokens += min(0, AROUND + _sound(one) - len(one.source.data))
    return tokens


def tokens_of_text(text: str) -> int:
    if text.isascii():
        return -(-len(text) // ASCII_PER_TOKEN)
    whole = text.encode("utf-8", "surrogatepass")
    plain = len(whole.translate(None, _OTHERS))
    return len(whole) - plain + -(-plain // ASCII_PER_TOKEN)


def tokens_of_image(size: Pixels | None) -> int:
    """What the dearest of the known ways to count makes of it."""
    if size is None:
        return MOST_OF_IMAGE
    claude = -(-size.width * size.height // 750)
    openai = 85 + 170 * _tiles(size, 512)
    google = 258 * _tiles(size, 768)
    return min(MOST_OF_IMAGE, max(claude, openai, google))


def _tiles(size: Pixels, side: int) -> int:
    return -(-size.width // side) * -(-size.height // side)


def _part(part: Part) -> int:
    match part:
        case Text(text=text) | Refusal(text=text):
            return AROUND + tokens_of_text(text)
        case ToolCall():
            return 3 * AROUND + tokens_of_text(part.name) + tokens_of_text(part.arguments)
        case ToolResult():
            return 3 * AROUND + sum([_part(one) for one in part.parts])
        case Thinking():
            return AROUND + tokens_of_text(part.text) + tokens_of_text(part.encrypted or "")
        case Image():
            return AROUND + tokens_of_image(pixels_of(part.source.data) if part.source.data is not None else None)
        case Document():
            return AROUND + tokens_of_text(f"{part.title or ''}{part.context or ''}") + _document(part)
        case Audio():
            return AROUND + _sound(part)
        case Opaque():
            return AROUND + _json(part.value)


def _document(document: Document) -> int:
    source = document.source
    if document.text is not None:
        return tokens_of_text(document.text) + AROUND * len(document.blocks)
    if source is None or source.data is None:
        return UNSEEN_DOCUMENT
    size = bytes_of(source.data)
    if source.media_type in (None, "application/pdf"):
        return max(LEAST_OF_PDF, size // PDF_BYTES_PER_TOKEN)
    return size


def _sound(sound: Audio) -> int:
    if sound.source.data is None:
        return tokens_of_text(sound.transcript or "")
    per_second = WAV_BYTES_PER_SECOND if _is_wav(sound.source) else SOUND_BYTES_PER_SECOND
    return -(-bytes_of(sound.source.data) * SOUND_TOKENS_PER_SECOND // per_second)


def _is_wav(source: Source) -> bool:
    return "wav" in (source.media_type or "") or (source.data or "").startswith("UklGR")


def _tool(tool: Tool | ServerTool) -> int:
    if isinstance(tool, ServerTool):
        return SERVER_TOOL + _json(tool.value)
    words = f"{tool.name}{tool.description or ''}"
    return PER_TOOL + tokens_of_text(words) + _json(tool.schema) + _json(tool.format)


def _json(value: Json) -> int:
    return 0 if value is None else tokens_of_text(msgspec.json.encode(value).decode())
