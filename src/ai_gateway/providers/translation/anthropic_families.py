"""What Claude's generations take, which their one API does not tell beforehand: a table by the name of the model.

It follows Anthropic's notes on each generation (platform.claude.com, "Adaptive thinking", "Effort", the migration
guides; read in November 2026). A model that is told something its generation does not take answers 400, so this is
where a foreign caller's wish is turned into the nearest one that is allowed, or refused with a better sentence.

| generation | thoughts | effort | sampling | prefill | system later | schema |
|---|---|---|---|---|---|---|
| 2, 3, 3.5 | none | - | all | yes | no | no |
| 3.7, 4.0 | budget | - | all | yes | no | no |
| 4.1, 4.5 | budget | - (Opus 4.5: to high) | temperature or top_p | yes | no | yes |
| 4.6 | budget, adaptive | to max, no xhigh | temperature or top_p | no | no | yes |
| 4.7 | adaptive | to max | none | no | no | yes |
| 4.8 and 5 | adaptive | to max | none | no | yes | yes |
| Opus 5.5, Fable, Mythos | adaptive, always | to max | none | no | yes | yes |

A name that says Claude and nothing else that is known is taken for the newest; one that does not say Claude (a server
that speaks the dialect) is sent what was asked.
"""

import re
from enum import StrEnum
from typing import Final

import msgspec

from ai_gateway.domain.conversation import ThinkingMode


class SamplingRule(StrEnum):
    FREE = "free"
    ONE = "one"
    NONE = "none"


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """`thinking`: the modes that may be asked for; empty where the model cannot think. `efforts`: empty where none may
    be said. `system_later`: whether system messages may stand within the conversation."""

    thinking: frozenset[ThinkingMode] = frozenset()
    efforts: tuple[str, ...] = ()
    sampling: SamplingRule = SamplingRule.FREE
    prefill: bool = True
    system_later: bool = False
    schemas: bool = False


_OFF, _ON, _ADAPTIVE = ThinkingMode.OFF, ThinkingMode.ON, ThinkingMode.ADAPTIVE
_BUDGET: Final = frozenset({_OFF, _ON})
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")

PLAIN: Final = Family()
ELSEWHERE: Final = Family(thinking=frozenset(ThinkingMode), efforts=_EFFORTS, system_later=True, schemas=True)
_BUDGETED: Final = Family(thinking=_BUDGET)
_FORMED: Final = Family(thinking=_BUDGET, sampling=SamplingRule.ONE, schemas=True)
_FORMED_OPUS: Final = msgspec.structs.replace(_FORMED, efforts=_EFFORTS[:3])
_SIX: Final = Family(
    thinking=frozenset({_OFF, _ON, _ADAPTIVE}),
    efforts=("low", "medium", "high", "max"),
    sampling=SamplingRule.ONE,
    prefill=False,
    schemas=True,
)
_SEVEN: Final = Family(
    thinking=frozenset({_OFF, _ADAPTIVE}), efforts=_EFFORTS, sampling=SamplingRule.NONE, prefill=False, schemas=True
)
NEWEST: Final = msgspec.structs.replace(_SEVEN, system_later=True)
_ALWAYS: Final = msgspec.structs.replace(NEWEST, thinking=frozenset({_ADAPTIVE}))

_BY_NAME: Final = (
    ("fable", _ALWAYS),
    ("mythos", _ALWAYS),
    ("instant", PLAIN),
    ("2", PLAIN),
    ("3-7", _BUDGETED),
    ("3", PLAIN),
    ("opus-5-5", _ALWAYS),
    ("opus-4-8", NEWEST),
    ("opus-4-7", _SEVEN),
    ("opus-4-6", _SIX),
    ("sonnet-4-6", _SIX),
    ("opus-4-5", _FORMED_OPUS),
    ("sonnet-4-5", _FORMED),
    ("haiku-4-5", _FORMED),
    ("opus-4-1", _FORMED),
    ("opus-4", _BUDGETED),
    ("sonnet-4", _BUDGETED),
)
"""By what follows `claude-`, the longer beginnings first."""

_CLAUDE: Final = re.compile(r"(?:^|[./])claude-?")

BUDGETS: Final = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 24_576, "max": 32_000}
"""Tokens that a model of the budgeted generations may think with, for an effort in OpenAI's words."""


def family_of(model: str) -> Family:
    """By any vendor's name of it: `claude-opus-4-6`, `us.anthropic.claude-opus-4-6-v1`, `anthropic/claude-opus-4.6`,
    `claude-sonnet-4-5@20250929`."""
    name = bare_name(model)
    if name is None:
        return ELSEWHERE
    return next((family for start, family in _BY_NAME if name.startswith(start)), NEWEST)


def bare_name(model: str) -> str | None:
    """What follows `claude-`, as Anthropic writes it; None for another model."""
    found = _CLAUDE.search(model)
    return None if found is None else model[found.end() :].replace(".", "-").replace("@", "-")


def effort_for(budget_tokens: int) -> str:
    """The effort that comes nearest to a budget: the least whose budget holds it."""
    return next(
        (effort for effort, tokens in BUDGETS.items() if effort != "minimal" and tokens >= budget_tokens), "max"
    )


def nearest_effort(effort: str, efforts: tuple[str, ...]) -> str:
    """The effort itself, else the strongest known one below it, else the weakest."""
    order = list(BUDGETS)
    if effort in efforts or effort not in order:
        return effort
    weaker = [known for known in efforts if order.index(known) < order.index(effort)]
    return weaker[-1] if weaker else efforts[0]
