"""Where words are in blocks of Anthropic's dialect, and in deltas of them.

A block's text, its thought and the input of its tool each go through one chain, whether they come at once or in
deltas. Signatures, redacted thoughts, ids and data are no words; all other strings of a block are, also of one that
nobody knows: results of searches and of code are shown to people too.
"""

from typing import Final, final

from ai_gateway.domain.rules import TextPipe
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.pieces import Body, is_text

_WORDS: Final = frozenset({"text", "thinking"})
_JSON: Final = "partial_json"
_DELTAS: Final = {"text": "text_delta", "thinking": "thinking_delta", _JSON: "input_json_delta"}


def pipe_block(block: Body, chains: Chains) -> None:
    """A whole one."""
    for name, value in list(block.items()):
        if name in _WORDS:
            block[name] = chains.misplaced(value)
        elif name == "input":
            block[name] = chains.value(value)
        elif not isinstance(value, str) or is_text(name):
            block[name] = chains.any(value)


@final
class BlockWords:
    """The texts of a block that comes in deltas. `waiting`: events that stand behind its text (its signature)."""

    __slots__ = ("_chains", "_kinds", "_pipes", "waiting")

    def __init__(self, chains: Chains) -> None:
        self._chains = chains
        self._pipes: dict[str, TextPipe] = {}
        self._kinds: dict[str, str] = {}
        self.waiting: list[bytes] = []

    @property
    def has_text(self) -> bool:
        return bool(self._pipes)

    def pipe(self, member: str) -> TextPipe:
        found = self._pipes.get(member)
        if found is None:
            found = self._pipes[member] = self._chains.arguments() if member == _JSON else self._chains.text()
        return found

    def begin(self, block: Body) -> None:
        """What the block begins with."""
        rest = {name: value for name, value in block.items() if name not in _WORDS}
        pipe_block(rest, self._chains)
        for name, value in list(block.items()):
            if name not in _WORDS:
                block[name] = rest[name]
            elif isinstance(value, str) and value:
                block[name] = self.pipe(name).feed(value)
            else:
                block[name] = self._chains.misplaced(value)

    def take(self, delta: Body) -> bool:
        """Whether anything is left of it that could be told now."""
        heard = False
        left = False
        for name, value in list(delta.items()):
            if name == "type" or (isinstance(value, str) and not (name == _JSON or is_text(name))):
                left |= name != "type"
            elif isinstance(value, str):
                delta[name] = self.pipe(name).feed(value) if value else value
                self._kinds[name] = str(delta.get("type"))
                heard |= bool(value)
                left |= bool(delta[name])
            else:
                delta[name] = self._chains.misplaced(value) if name in _DELTAS else self._chains.any(value)
                left |= value is not None
        return left or not heard

    def end(self) -> list[Body]:
        """What was held back, as deltas."""
        deltas: list[Body] = []
        for member, pipe in self._pipes.items():
            if text := pipe.end():
                kind = _DELTAS.get(member) or self._kinds.get(member, "text_delta")
                deltas.append({"type": kind, member: text})
        self._pipes.clear()
        return deltas
