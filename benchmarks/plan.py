"""What the generator is told to do and what it says that happened: the two values that cross its process's border."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

STALL_FACTOR: Final = 10  # a gap of this many paces is a stall


class Target(msgspec.Struct, frozen=True):
    """Where to send and with which headers. `model` goes into the body."""

    port: int
    headers: dict[str, str]
    model: str = "gpt-4o-mini"
    path: str = "/v1/chat/completions"
    host: str = "127.0.0.1"


class Ask(msgspec.Struct, frozen=True):
    """One kind of request, and what a right answer to it says. `size` counts words, or frames of a stream."""

    streamed: bool = False
    prompt_bytes: int = 60
    size: int = 31
    pace_seconds: float = 0.0


class Closed(msgspec.Struct, frozen=True, tag="closed"):
    """Each connection asks again as soon as it is answered, until `seconds` are over. For CPU per request, where who
    waits for whom does not matter; not for latency."""

    connections: int
    seconds: float


class Open(msgspec.Struct, frozen=True, tag="open"):
    """`rate` requests a second whatever the answers do. Latency counts from the intended instant, so a stall of one
    second is felt by every request that should have been sent in it (no coordinated omission)."""

    rate: float
    seconds: float
    schedule: Literal["fixed", "poisson"] = "poisson"
    connections: int = 32
    most_connections: int = 2000
    seed: int = 1


class Streams(msgspec.Struct, frozen=True, tag="streams"):
    """`count` streams, opened evenly over `ramp_seconds`, each on its own connection, each asked once."""

    count: int
    ramp_seconds: float


class Flood(msgspec.Struct, frozen=True, tag="flood"):
    """`count` requests at once, each on its own connection that was opened before."""

    count: int


class Plan(msgspec.Struct, frozen=True):
    target: Target
    ask: Ask
    shape: Closed | Open | Streams | Flood
    patience_seconds: float = 30.0


class Spread(msgspec.Struct, frozen=True):
    """Microseconds. `count` samples; all zero where there was none."""

    count: int = 0
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    most: float = 0.0


class Result(msgspec.Struct, frozen=True):
    """`frames_by_tenth` counts stream frames per tenth of a second of time.monotonic(), so that a CPU window can be
    laid over them. `late` is how late the generator itself was with sending."""

    started_at: float
    ended_at: float
    requests: int
    right: int
    complaints: list[str]
    prompt_tokens: int
    completion_tokens: int
    latency: Spread
    first: Spread
    gaps: Spread
    late: Spread
    stalled_streams: int
    frames: int
    frames_by_tenth: dict[int, int]
    cpu_seconds: float


def spread(seconds: Sequence[float]) -> Spread:
    """Nearest rank, in microseconds."""
    if not seconds:
        return Spread()
    ranked = sorted(seconds)
    size = len(ranked)

    def at(share: float) -> float:
        return round(ranked[min(size - 1, int(share * size))] * 1e6, 1)

    return Spread(size, at(0.5), at(0.9), at(0.99), at(0.999), round(ranked[-1] * 1e6, 1))
