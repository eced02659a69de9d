"""The one gate of the data plane. Every handler takes an Admitted, only `admit` makes one, and the route table calls
it before any handler: an endpoint that does not pass the gate cannot be written down."""

from typing import final

import msgspec

from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.traffic import Caller, Head
from ai_gateway.gateway.doors import Doors
from ai_gateway.policy import access

_GATE = object()


@final
class Admitted:
    """A request whose caller is known, and the Snapshot it is pinned to."""

    __slots__ = ("caller", "head", "snapshot")

    def __init__(self, gate: object, head: Head, snapshot: Snapshot, caller: Caller) -> None:
        if gate is not _GATE:
            raise TypeError("only admission.admit makes an Admitted")
        self.head = head
        self.snapshot = snapshot
        self.caller = caller


def without_idempotency_key(admitted: Admitted) -> Admitted:
    """The same request, whose key has been seen to."""
    head = msgspec.structs.replace(admitted.head, idempotency_key=None)
    return Admitted(_GATE, head, admitted.snapshot, admitted.caller)


def admitted_like(admitted: Admitted, head: Head) -> Admitted:
    """One more request of a caller who was let in by the same key in the same configuration."""
    return Admitted(_GATE, head, admitted.snapshot, admitted.caller)


def admit(doors: Doors, head: Head) -> Admitted:
    """Raises Unauthenticated; GatewayFault while nothing can be booked."""
    snapshot = doors.snapshots.current()
    caller = access.identify(snapshot, head.credentials, doors.digest_key, head.received_wall, doors.snapshots.callers)
    doors.journal.admit()
    return Admitted(_GATE, head, snapshot, caller)


def admit_again(doors: Doors, head: Head, caller: Caller) -> Admitted:
    """As `admit`, for who offers the very credentials by which he was `caller` in the configuration in force: nobody is
    looked up twice in one."""
    if caller.key.expires_at is not None:
        return admit(doors, head)
    doors.journal.admit()
    return Admitted(_GATE, head, doors.snapshots.current(), caller)
