"""What a strategy may see of the members it chooses among: a few numbers by place, asked for one at a time.

Questions instead of a list of facts, because most picks need none or two of them: `is_calm` lets the ordinary request
skip every check, and a strategy that looks at two of a thousand members pays for two.
"""

from typing import Protocol, final


class Field(Protocol):
    """The members of one tier as one request meets them. A place is an index into the weights of the picker."""

    @property
    def is_calm(self) -> bool:
        """Every member admits and ramps at 1.0. Never True by mistake; False is always safe, and slower."""
        ...

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def admits(self, place: int) -> bool:
        """Healthy, let through by its breaker and its limits, and not excluded by this request."""
        ...

    def ramp(self, place: int) -> float:
        """The part of its share that a member may have: 0.1 when it has just come back, 1.0 ordinarily."""
        ...

    def active(self, place: int) -> int:
        """Requests that it is carrying."""
        ...

    def first_token_ms(self, place: int) -> float | None:
        """Moving average of the time to the first token (unary: to the answer). None: it has answered nothing yet."""
        ...

    def peak_first_token_ms(self, place: int) -> float | None:
        """The same, but a slow answer counts at once and is forgotten slowly. `policy/latency.py` keeps both."""
        ...


@final
class Calm:
    """A field where all is well and nothing was measured."""

    __slots__ = ()

    is_calm = True
    now = 0.0

    def admits(self, place: int) -> bool:
        return True

    def ramp(self, place: int) -> float:
        return 1.0

    def active(self, place: int) -> int:
        return 0

    def first_token_ms(self, place: int) -> float | None:
        return None

    def peak_first_token_ms(self, place: int) -> float | None:
        return None
