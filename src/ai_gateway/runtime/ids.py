"""Ids of requests and attempts: ours always, sorted by time, and nobody outside can predict or choose one."""

import os
from secrets import token_hex
from typing import Final, final

RANDOM_BYTES: Final = 8
BATCH: Final = 512
RESPONSE_BYTES: Final = 24


@final
class Ids:
    """Request ids for the line. The kernel's randomness is fetched for many at once: a system call for each would
    cost more than all else of it."""

    def __init__(self) -> None:
        self._digits = ""
        self._next = 0
        self._ms = -1
        self._prefix = ""

    def request_id(self, wall: float) -> str:
        """'req_' + 12 hex digits of Unix milliseconds + 16 random ones."""
        ms = int(wall * 1000)
        if ms != self._ms:
            self._ms = ms
            self._prefix = f"req_{ms:012x}"
        start = self._next
        if start >= len(self._digits):
            self._digits = os.urandom(RANDOM_BYTES * BATCH).hex()
            start = 0
        self._next = end = start + 2 * RANDOM_BYTES
        return self._prefix + self._digits[start:end]


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
