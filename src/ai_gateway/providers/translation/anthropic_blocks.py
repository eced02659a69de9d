"""Content blocks of Anthropic's dialect, read into parts and written out of them.

A block is read into a part only if the part can say all of it; a block of another kind, or with a member that has no
place of ours, is kept whole (`Opaque`), so that it comes back as it was. Members that are null say nothing.

Input of a tool that is no JSON object (a custom tool's text, a model's slip) would be refused by every client of the
dialect. It is the one member `gateway:arguments` of an object, and read back to what it was.
"""

from typing import Final

import msgspec

from ai_gateway.domain.conversation import (
    Audio,
    CacheTtl,
    Document,
    Image,
    Json,
    Maker,
    Opaque,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
)
from ai_gateway.providers.decoding import as_list, as_object, decode_any
from ai_gateway.providers.translation.anthropic_citations import read_citation, write_citation
from ai_gateway.providers.translation.anthropic_thoughts import (
    Proof,
    read_proof,
    read_redacted,
    read_thinking,
    write_thought,
)

NAME: Final = "anthropic"
ARGUMENTS: Final = "gateway:arguments"
Block = dict[str, Json]
ResultPart = Text | Image | Document | Audio

_PDF: Final = "application/pdf"
_PLAIN: Final = "text/plain"


def read_part(block: Block) -> Part:
    """Any block that has a type."""
    said = {name: value for name, value in block.items() if value is not None}
    kind = str(said.pop("type", ""))
    reader = _READERS.get(kind)
    part = None if reader is None else reader(said)
    return Opaque(NAME, kind, block) if part is None else part


def read_parts(blocks: list[Block]) -> list[Part]:
    """An empty thought that only signs the call behind it is that call's signature."""
    parts: list[Part] = []
    proof: Proof | None = None
    held: Part | None = None
    for block in blocks:
        part = read_part(block)
        if held is not None:
            if isinstance(part, ToolCall) and proof is not None:
                part = msgspec.structs.replace(part, signature=proof.signature, maker=proof.maker)
            else:
                parts.append(held)
        proof = proof_of_call(block)
        held = part if proof is not None else None
        if held is None:
            parts.append(part)
    return parts if held is None else [*parts, held]


def proof_of_call(block: Block) -> Proof | None:
    """What an empty thought says of the call behind it; None for any other block."""
    if block.get("type") != "thinking" or block.get("thinking") != "":
        return None
    proof = read_proof(str(block.get("signature") or ""))
    is_calls = proof.is_plain and proof.signature is not None and proof.maker is not Maker.ANTHROPIC
    return proof if is_calls else None


def read_cache(mark: object) -> CacheTtl | None:
    """A mark without a lifetime is one of five minutes."""
    if as_object(mark).get("type") != "ephemeral":
        return None
    return CacheTtl.HOUR if as_object(mark).get("ttl") == CacheTtl.HOUR.value else CacheTtl.FIVE_MINUTES


def write_cache(ttl: CacheTtl) -> Block:
    return {"type": "ephemeral"} if ttl is CacheTtl.FIVE_MINUTES else {"type": "ephemeral", "ttl": ttl.value}


def marked(block: Block, ttl: CacheTtl | None) -> Block:
    return block if ttl is None else {**block, "cache_control": write_cache(ttl)}


def arguments_of(tool_input: object) -> str:
    """The text of a call's input, decoded or as it came."""
    if isinstance(tool_input, msgspec.Raw):
        came = bytes(tool_input).decode()
        if ARGUMENTS not in came:
            return came
        tool_input = decode_any(tool_input)
    said = as_object(tool_input)
    text = said.get(ARGUMENTS)
    return text if len(said) == 1 and isinstance(text, str) else msgspec.json.encode(tool_input).decode()


def input_of(call: ToolCall) -> Json:
    """The input of a call: an object whatever the model wrote, in its own words if it wrote one."""
    text = call.arguments
    if call.kind is ToolKind.CUSTOM:
        return {ARGUMENTS: text}
    if not text.strip():
        return {}
    return msgspec.Raw(text.encode()) if isinstance(decode_any(text.encode()), dict) else {ARGUMENTS: text}


def write_text(text: Text) -> Block:
    block: Block = {"type": "text", "text": text.text}
    if text.citations:
        block["citations"] = [write_citation(citation) for citation in text.citations]
    return marked(block, text.cache)


def write_call(call: ToolCall) -> Block:
    block: Block = {"type": "tool_use", "id": call.id, "name": call.name, "input": input_of(call)}
    return marked(block, call.cache)


def write_image(image: Image) -> Block | None:
    """None: its bytes are of no kind that can be told."""
    source = write_source(image.source)
    return None if source is None else marked({"type": "image", "source": source}, image.cache)


def write_source(source: Source) -> Block | None:
    if source.file_id is not None:
        return {"type": "file", "file_id": source.file_id}
    if source.url is not None:
        return {"type": "url", "url": source.url}
    media_type = source.media_type or media_type_of(source.data or "")
    return None if media_type is None else {"type": "base64", "media_type": media_type, "data": source.data or ""}


def media_type_of(base64: str) -> str | None:
    """By the first bytes of it, where nobody said."""
    return next((kind for start, kind in _STARTS if base64.startswith(start)), None)


def write_document(document: Document) -> Block | None:
    """None: bytes that are no PDF and no text."""
    if document.origin is not None:
        texts = document.blocks or (document.text or "",)
        found: Block = {
            "type": "search_result",
            "source": document.origin,
            "title": document.title or "",
            "content": [{"type": "text", "text": text} for text in texts],
        }
        return marked(found | ({"citations": {"enabled": True}} if document.cites else {}), document.cache)
    source = _document_source(document)
    if source is None:
        return None
    block: Block = {"type": "document", "source": source}
    if document.title is not None:
        block["title"] = document.title
    if document.context is not None:
        block["context"] = document.context
    if document.cites:
        block["citations"] = {"enabled": True}
    return marked(block, document.cache)


def write_part(part: Part) -> Block | None:
    """The block of a part of an answer, in any maker's name; None where the dialect has none for it."""
    match part:
        case Text():
            return write_text(part)
        case Refusal():
            return {"type": "text", "text": part.text}
        case Thinking():
            return write_thought(part)
        case ToolCall():
            return write_call(part)
        case Image():
            return write_image(part)
        case Document():
            return write_document(part)
        case Audio():
            return None if part.transcript is None else {"type": "text", "text": part.transcript}
        case Opaque():
            return part.value if part.dialect == NAME else None
        case ToolResult():
            return None


_STARTS: Final = (
    ("iVBORw0KGgo", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
    ("JVBERi", _PDF),
)


def _document_source(document: Document) -> Block | None:
    if document.blocks:
        return {"type": "content", "content": [{"type": "text", "text": text} for text in document.blocks]}
    if document.text is not None:
        return {"type": "text", "media_type": _PLAIN, "data": document.text}
    source = None if document.source is None else write_source(document.source)
    return source if source is None or source.get("media_type", _PDF) == _PDF else None


def _takes(said: Block, *names: str) -> bool:
    return said.keys() <= {*names}


def _cache_in(said: Block) -> CacheTtl | None:
    return read_cache(said.get("cache_control"))


def _text(said: Block) -> Text | None:
    text = said.get("text")
    if not isinstance(text, str) or not _takes(said, "text", "cache_control", "citations"):
        return None
    citations = [read_citation(one) for one in as_list(said.get("citations"))]
    if None in citations:
        return None
    return Text(text, _cache_in(said), tuple(one for one in citations if one is not None))


def _image(said: Block) -> Image | None:
    source = _source(said.get("source"))
    if source is None or not _takes(said, "source", "cache_control"):
        return None
    return Image(source, cache=_cache_in(said))


def _source(told: object) -> Source | None:
    source: Block = as_object(told)
    match source:
        case {"type": "url", "url": str(url)} if len(source) == 2:
            return Source(url=url)
        case {"type": "file", "file_id": str(file_id)} if len(source) == 2:
            return Source(file_id=file_id)
        case {"type": "base64", "media_type": str(media_type), "data": str(data)} if len(source) == 3:
            return Source(data=data, media_type=media_type)
        case _:
            return None


def _document(said: Block) -> Document | None:
    if not _takes(said, "source", "title", "context", "citations", "cache_control"):
        return None
    title, context = said.get("title"), said.get("context")
    if not isinstance(title, str | None) or not isinstance(context, str | None):
        return None
    told: Block = as_object(said.get("source"))
    text, blocks, source = None, (), _source(told)
    match told:
        case {"type": "text", "data": str(text)} if told.get("media_type", _PLAIN) == _PLAIN:
            pass
        case {"type": "content", "content": content}:
            blocks = _plain_texts(content)
            text = "\n".join(blocks) if blocks else None
        case _:
            pass
    if source is None and text is None:
        return None
    cites = as_object(said.get("citations")).get("enabled") is True
    return Document(source, text, title, context, cites, _cache_in(said), blocks)


def _plain_texts(content: object) -> tuple[str, ...]:
    """Empty unless all of them are texts and nothing else."""
    if isinstance(content, str):
        return (content,)
    texts: list[str] = []
    for block in as_list(content):
        match as_object(block):
            case {"type": "text", "text": str(text)} if len(as_object(block)) == 2:
                texts.append(text)
            case _:
                return ()
    return tuple(texts)


def _search_result(said: Block) -> Document | None:
    blocks = _plain_texts(said.get("content"))
    source, title = said.get("source"), said.get("title")
    is_known = _takes(said, "content", "source", "title", "citations", "cache_control")
    if not blocks or not is_known or not isinstance(source, str) or not isinstance(title, str):
        return None
    cites = as_object(said.get("citations")).get("enabled") is True
    return Document(
        text="\n".join(blocks), title=title, cites=cites, cache=_cache_in(said), blocks=blocks, origin=source
    )


def _thinking(said: Block) -> Thinking | None:
    text, signature = said.get("thinking", ""), said.get("signature", "")
    if not isinstance(text, str) or not isinstance(signature, str) or not _takes(said, "thinking", "signature"):
        return None
    return read_thinking(text, signature)


def _redacted(said: Block) -> Thinking | None:
    data = said.get("data")
    return read_redacted(data) if isinstance(data, str) and len(said) == 1 else None


def _call(said: Block) -> ToolCall | None:
    """A call that the model makes directly, as it does unless code of its own called."""
    match said:
        case {"id": str(id_), "name": str(name), "input": dict() | msgspec.Raw()}:
            tool_input: Json = said["input"]
            is_direct = said.get("caller", _DIRECT) == _DIRECT
            if is_direct and _takes(said, "id", "name", "input", "caller", "cache_control"):
                return ToolCall(id_, name, arguments_of(tool_input), cache=_cache_in(said))
        case _:
            pass
    return None


def _result(said: Block) -> ToolResult | None:
    call_id, is_error = said.get("tool_use_id"), said.get("is_error", False)
    if not isinstance(call_id, str) or not isinstance(is_error, bool):
        return None
    if not _takes(said, "tool_use_id", "content", "is_error", "cache_control"):
        return None
    content = said.get("content", [])
    if isinstance(content, str):
        parts: list[ResultPart] = [Text(content)]
    else:
        parts = []
        for block in as_list(content):
            part = read_part(as_object(block))
            if not isinstance(part, Text | Image | Document):
                return None
            parts.append(part)
    return ToolResult(call_id, tuple(parts), is_error, cache=_cache_in(said))


_DIRECT: Final = {"type": "direct"}
_READERS: Final = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _call,
    "tool_result": _result,
}
