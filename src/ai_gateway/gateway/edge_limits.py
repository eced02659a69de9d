"""What the outermost wall needs to know: how much and how slowly a socket may send, and who hears of a refusal."""

from collections.abc import Callable

import msgspec

from ai_gateway.domain.faults import Fault
from ai_gateway.runtime.clock import Clock


class EdgeLimits(msgspec.Struct, frozen=True):
    """`head_seconds` is also the time for a first byte. A body must bring `body_bytes_per_second` in every window of
    `body_seconds`. After a refusal the connection is read for `linger_seconds` more, so that the answer arrives: a
    socket closed over unread bytes is reset, and takes the answer with it."""

    head_bytes: int = 32 << 10
    head_count: int = 256
    head_seconds: float = 10.0
    body_bytes: int = 32 << 20
    body_seconds: float = 10.0
    body_bytes_per_second: int = 1000
    linger_seconds: float = 1.0


def _unnoticed(fault: Fault, request_id: str) -> None:
    """Where nobody counts refusals."""


class EdgeDoors(msgspec.Struct, frozen=True):
    """`refused` hears of every request that was refused here, with the id that its answer carries."""

    clock: Clock
    refused: Callable[[Fault, str], None] = _unnoticed
