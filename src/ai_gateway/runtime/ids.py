"""Ids of requests and attempts: ours always, sorted by time, and nobody outside can predict or choose one."""

import os
import struct
from secrets import token_hex
from typing import Final, final

INSTANT_BYTES: Final = 6
RANDOM_BYTES: Final = 8
BATCH: Final = 512
RESPONSE_BYTES: Final = 24
_parts: Final = struct.Struct(f"{RANDOM_BYTES}s" * BATCH).unpack


@final
class Ids:
    """Request ids for the line. The kernel's randomness is fetched for many at once: a system call for each would
    cost more than all else of it."""

    def __init__(self) -> None:
        self._chances: list[bytes] = []
        self._millis = -1
        self._instant = b""

    def request_id(self, wall: float) -> str:
        """'req_' + 12 hex digits of Unix milliseconds + 16 random ones."""
        return f"req_{self.raw(wall).hex()}"

    def raw(self, wall: float) -> bytes:
        """What the digits of the next id stand for: 14 bytes."""
        millis = int(wall * 1000)
        if millis != self._millis:
            self._millis = millis
            self._instant = millis.to_bytes(INSTANT_BYTES, "big")
        chances = self._chances
        if not chances:
            chances += _parts(os.urandom(RANDOM_BYTES * BATCH))
        return self._instant + chances.pop()


def request_id(wall: float) -> str:
    """One id of the same form, for who needs one now and then."""
    return f"req_{int(wall * 1000):012x}{token_hex(RANDOM_BYTES)}"


def response_id() -> str:
    """The id of a stored response: whoever has it may read it within its tenant, so all of it is random."""
    return f"resp_{token_hex(RESPONSE_BYTES)}"


def first_request_id(unix_ms: int) -> str:
    """What sorts before the id of every request that was admitted in this millisecond or later."""
    return f"req_{unix_ms:012x}"


def attempt_id(request: str, number: int) -> str:
    """The request's id and the attempt's place in it, from 1: unique because the request's id is."""
    return f"att_{request[4:]}_{number}"
