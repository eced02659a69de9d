"""What a target cannot express: refused by name, or left out where the route says so, and never silently.

Leaving a parameter out changes what a caller gets; only the owner of the route may find that right for all its callers
(`drop_unsupported`). A hint changes no answer, so a target that has no place for one is always forgiven. Whatever was
left out is told: in a header of the answer and in the decision record.
"""

import re
from typing import Final, final

from ai_gateway.domain.faults import Untranslatable

MOST_TOLD: Final = 16
_LONGEST: Final = 100
_UNUSUAL: Final = re.compile(r"[^A-Za-z0-9_.\[\]-]")


@final
class Losses:
    """`target` is how the caller is told who cannot ("Anthropic's messages"). `drops`: the route's `drop_unsupported`.
    `dropped` lists what was left out, in order, each name once."""

    def __init__(self, target: str, *, drops: bool) -> None:
        self._target = target
        self._drops = drops
        self._dropped: dict[str, None] = {}

    @property
    def dropped(self) -> tuple[str, ...]:
        """Callers choose the names of members, and these go into a header: other characters become `?`."""
        return tuple(_UNUSUAL.sub("?", name[:_LONGEST]) for name in tuple(self._dropped)[:MOST_TOLD])

    def unsupported(self, field: str, why: str = "") -> None:
        """`field` as the caller wrote it ("logprobs", "messages[3].content[1]"). Raises Untranslatable unless the
        route drops; whoever calls this leaves the thing out if it returns. `why`: half a sentence, for people."""
        if not self._drops:
            raise Untranslatable(
                f"'{field}' cannot be sent to {self._target}{': ' + why if why else ''}.",
                action="Leave it out, use a model whose provider has it, or ask your gateway administrator to set "
                "drop_unsupported on the route.",
                param=field,
            )
        self._dropped[field] = None

    def forgiven(self, field: str) -> None:
        """A hint, or something that means nothing to this target: left out, and told."""
        self._dropped[field] = None
