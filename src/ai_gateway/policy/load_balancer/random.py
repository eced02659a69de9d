"""Dice with the weights painted on: no state at all, so any number of replicas keep the shares without talking."""

from collections.abc import Sequence
from random import Random
from typing import final

from ai_gateway.policy.dice import Dice
from ai_gateway.policy.field import Field


@final
class RandomPick:
    def __init__(self, weights: Sequence[int]) -> None:
        self._dice = Dice(weights)

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        return self._dice.one(rng) if field.is_calm else self._dice.admitted(field, rng)
