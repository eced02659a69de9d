"""What a pool, a route or a config was told about its traffic, as the values of the snapshot.

Options are stored as they were given, without their defaults, so that a default that this version improves reaches
everybody who never chose. What a newer version wrote, and this one does not know, is passed over.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from ai_gateway.domain.config import BreakerSettings, QueueLimits, Timeouts

S = TypeVar("S", bound=msgspec.Struct)
E = TypeVar("E", bound=StrEnum)

Stored = Mapping[str, Any]


def settings_of(kind: type[S], stored: Stored | None) -> S:
    """A Struct whose fields all have defaults, with what is stored over them."""
    return kind(**_known(kind, stored or {}))


def choice_of(default: E, stored: object) -> E:
    """The member of the default's enum that is stored; the default where none or an unknown one is."""
    try:
        return type(default)(stored)
    except ValueError:
        return default


def breaker_of(stored: Stored | None) -> BreakerSettings:
    """An open time that starts above the usual longest one is its own longest one."""
    settings = settings_of(BreakerSettings, stored)
    if settings.longest_open_seconds >= settings.recovery_timeout_seconds:
        return settings
    return msgspec.structs.replace(settings, longest_open_seconds=settings.recovery_timeout_seconds)


def queue_of(stored: Stored | None) -> QueueLimits | None:
    """None where there is no queue: it is off unless somebody gave one."""
    return None if stored is None else settings_of(QueueLimits, stored)


def timeouts_over(own: Timeouts, stored: Stored | None) -> Timeouts:
    """An endpoint's own timeouts with what its pool or route says over them; the same object where that is nothing."""
    said = _known(Timeouts, stored or {})
    return msgspec.structs.replace(own, **said) if said else own


def _known(kind: type[msgspec.Struct], stored: Stored) -> dict[str, Any]:
    return {name: stored[name] for name in kind.__struct_fields__ if name in stored}
