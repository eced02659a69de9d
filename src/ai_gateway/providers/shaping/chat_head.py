"""What stands before the choices of a chunk (ids, model, fingerprint): the same in every chunk of a stream, so under
other names it is the same again, and is made once.

Streams with noise in them are never alike, but their heads are. Whatever of the names stands behind the choices leaves
a chunk to be looked at member by member.
"""

from typing import Final, final

from ai_gateway.providers.decoding import decode_any
from ai_gateway.providers.shaping.chat_frame import ChatFrame
from ai_gateway.providers.shaping.pieces import encode, is_object

_CHOICES: Final = b'"choices":'
_NONE: Final = b'"choices":[]}'
_NAMES: Final = (b'"model"', b'"id"', b'"system_fingerprint"', b'"provider"', b'"p"')
_START: Final = b"data: {"


@final
class ChunkHead:
    """For rules that change names only."""

    __slots__ = ("_after", "_before", "_frame")

    def __init__(self, frame: ChatFrame) -> None:
        self._frame = frame
        self._before = b"\0"
        self._after = b""

    def rename(self, event: bytes) -> bytes | None:
        """A plain chunk's event under other names; None where that cannot be said of the bytes alone."""
        at = event.find(_CHOICES)
        if at < 0:
            return None
        head, tail = event[:at], event[at:]
        if any(name in tail for name in _NAMES):
            return None
        if head != self._before and not self._learn(head):
            return None
        return self._after + tail

    def _learn(self, head: bytes) -> bool:
        if not head.startswith(_START):
            return False
        said = decode_any(head[6:] + _NONE)
        if not is_object(said) or said.get("choices") != []:
            return False
        self._frame.dress_chunk(said)
        written = encode(said)
        if not written.endswith(_NONE):
            return False
        self._before, self._after = head, b"data: " + written.removesuffix(_NONE)
        return True
