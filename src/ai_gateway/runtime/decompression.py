"""Decoding what a provider compressed although it was asked not to: as it arrives, and never to more than a fixed
ratio, or a hundred kilobytes of zeros would become a hundred megabytes of ours."""

import zlib
from collections.abc import Callable
from typing import Final

from ai_gateway.runtime.upstream import Broken

RATIO: Final = 100
FREE_BYTES: Final = 1 << 20

Decode = Callable[[bytes], bytes]


def decoder_for(content_encoding: str) -> Decode | None:
    """None where the bytes are as they are; a decoder for gzip and deflate (RFC 9110, 8.4.1) otherwise. It raises
    Broken for a bad stream, for a bomb and, told b'' at the end, for a stream that was cut. Raises Broken for an
    encoding that was not asked for."""
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Broken(f"the answer has an encoding that was not asked for: {encoding[:40]}")
    engine = zlib.decompressobj(zlib.MAX_WBITS | 32)
    came = gone = 0

    def decode(raw: bytes) -> bytes:
        nonlocal came, gone
        if not raw and came and not engine.eof:
            raise Broken("the answer's compression was cut off")
        came += len(raw)
        room = max(FREE_BYTES, came * RATIO) - gone
        try:
            decoded = engine.decompress(raw, room + 1)
        except zlib.error as error:
            raise Broken("the answer's compression is broken") from error
        if engine.unused_data:
            raise Broken("the answer goes on behind the end of its compression")
        gone += len(decoded)
        if len(decoded) > room or engine.unconsumed_tail:
            raise Broken("the answer decompresses to far more than was sent")
        return decoded

    return decode
