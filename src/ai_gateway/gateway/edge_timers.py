"""What has begun on a connection and is not complete has a deadline: a head its seconds, a body its rate. uvicorn waits
for ever.

Timers cost nothing where nothing is slow: a request that arrives whole (nearly all do) never arms one. The protocol
(gateway/protocol.py) says in which phase the connection is, and what a refusal is.
"""

import asyncio
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ai_gateway.domain.faults import Fault, InvalidRequest

if TYPE_CHECKING:
    from ai_gateway.gateway.cycle import Cycle
    from ai_gateway.gateway.edge_limits import EdgeLimits

_AGAIN: Final = "Send the request again; if it fails again, check the network between you and the gateway."


class Phase(Enum):
    """What the connection's next byte belongs to."""

    BETWEEN = auto()
    HEAD = auto()
    BODY = auto()


BETWEEN: Final = Phase.BETWEEN  # a member of an enum is a look-up in Python each time
HEAD: Final = Phase.HEAD
BODY: Final = Phase.BODY


class TimedProtocol(HttpToolsProtocol):
    """`_body_bytes` have come of a body, `_requests` on this connection; `_open` are the requests that have no complete
    answer yet."""

    __slots__ = ()

    limits: "ClassVar[EdgeLimits]"
    _phase: Phase
    _open: "list[Cycle]"
    _body_bytes: int
    _requests: int
    _head_timer: asyncio.TimerHandle | None
    _pace_timer: asyncio.TimerHandle | None

    def _refuse(self, fault: Fault) -> None:
        """The last thing that this connection says."""
        raise fault

    def _watch_the_time(self) -> None:
        """After each read: whatever has begun and is not complete has a deadline."""
        if self._phase is BODY:
            if self._pace_timer is None:
                self._arm_pace_timer()
        elif self._head_timer is None and (self._phase is HEAD or not self._open):
            self._arm_head_timer()

    def _arm_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.head_seconds, self._head_is_late)

    def _arm_pace_timer(self) -> None:
        # A window in which the client had to wait for us, even in part, asks for nothing.
        asked = 0.0 if self._waits_for_us() else self.limits.body_bytes_per_second * self.limits.body_seconds
        late = partial(self._judge_pace, self._body_bytes + asked)
        self._pace_timer = self.loop.call_later(self.limits.body_seconds, late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.flow.read_paused:
            self._arm_head_timer()
        elif self._phase is BETWEEN and self._requests:
            # Blank lines, or the rest of a body that was answered long ago: there is nobody to tell.
            self.transport.close()
        else:
            self._refuse(_too_slow(f"The request's head did not arrive within {self.limits.head_seconds:g} seconds."))

    def _judge_pace(self, expected_bytes: float) -> None:
        self._pace_timer = None
        if self._body_bytes >= expected_bytes or self._waits_for_us():
            self._arm_pace_timer()
        else:
            rate = self.limits.body_bytes_per_second
            self._refuse(_too_slow(f"The request body arrived more slowly than {rate} bytes per second."))

    def _waits_for_us(self) -> bool:
        """Whether the client may not send: we do not read, or have not said yet that it should go on."""
        return self.flow.read_paused or self.cycle.waiting_for_100_continue

    def _restart_timers(self) -> None:
        if self._head_timer is not None:
            self._cancel_head_timer()
            self._arm_head_timer()
        if self._pace_timer is not None:
            self._cancel_pace_timer()
            self._arm_pace_timer()

    def _stop_timers(self) -> None:
        self._cancel_head_timer()
        self._cancel_pace_timer()

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _cancel_pace_timer(self) -> None:
        if self._pace_timer is not None:
            self._pace_timer.cancel()
            self._pace_timer = None


def _too_slow(message: str) -> InvalidRequest:
    return InvalidRequest(message, action=_AGAIN, status=408, code="request_timeout")
