"""What tokens cost, as the data plane has it: whole pico-dollars, everything worked out when rows are loaded.

A price is a schedule of rates for the usual service and one for each other service that a provider sells ("priority",
"flex", "batch"). Every schedule and every step in it stands for itself and names each lane, so that pricing a request
is to choose one set of rates and multiply: what a lane costs where nobody said so is decided once, in `rates_of`.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.domain.model_match import Clause

DAY_SECONDS = 86_400


class Rates(msgspec.Struct, frozen=True, gc=False):
    """Pico-dollars a token ($1 per million tokens = 1,000,000); `request` is pico-dollars a request."""

    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    reasoning: int
    audio_input: int
    audio_output: int
    image_input: int
    request: int = 0


def rates_of(
    *,
    input: int,
    output: int,
    cache_read: int | None = None,
    cache_write: int | None = None,
    cache_write_1h: int | None = None,
    reasoning: int | None = None,
    audio_input: int | None = None,
    audio_output: int | None = None,
    image_input: int | None = None,
    request: int | None = None,
) -> Rates:
    """A lane that is None costs what the whole costs that it is a part of: input or output; an hour's cache write what
    a five-minute one does."""
    written = input if cache_write is None else cache_write
    return Rates(
        input=input,
        output=output,
        cache_read=input if cache_read is None else cache_read,
        cache_write_5m=written,
        cache_write_1h=written if cache_write_1h is None else cache_write_1h,
        reasoning=output if reasoning is None else reasoning,
        audio_input=input if audio_input is None else audio_input,
        audio_output=output if audio_output is None else audio_output,
        image_input=input if image_input is None else image_input,
        request=request or 0,
    )


class Step(msgspec.Struct, frozen=True):
    """The rates of every token of a request whose whole input is more than `above_input_tokens`."""

    above_input_tokens: int
    rates: Rates


class Schedule(msgspec.Struct, frozen=True):
    """`steps` rise. A step holds for the whole request, not only for what is above it: so all vendors bill."""

    rates: Rates
    steps: tuple[Step, ...] = ()

    def rates_for(self, input_tokens: int) -> Rates:
        rates = self.rates
        for step in self.steps:
            if input_tokens <= step.above_input_tokens:
                break
            rates = step.rates
        return rates


class Hours(msgspec.Struct, frozen=True):
    """A part of each UTC day, in seconds after midnight; `until` before `start` reaches over midnight."""

    start: int
    until: int

    def has(self, at: float) -> bool:
        second = int(at) % DAY_SECONDS
        if self.start <= self.until:
            return self.start <= second < self.until
        return second >= self.start or second < self.until

    def turn_after(self, at: float) -> float:
        """The first instant (Unix seconds) after `at` at which they begin or end."""
        midnight = int(at) // DAY_SECONDS * DAY_SECONDS
        turns = (midnight + self.start, midnight + self.until)
        return min([turn if turn > at else turn + DAY_SECONDS for turn in turns])


_NO_SERVICES: Mapping[ServiceTier, Schedule] = MappingProxyType({})


class Price(msgspec.Struct, frozen=True):
    """`version` is the id of the price row, or says which ceiling it is; ledger rows carry it.

    `provider` names who is paid: a provider type or a vendor ("groq"); None: anybody. `effective_from` is Unix seconds.
    `match` says which names of models mean this one; None: `model` itself. `edition` is the published book that it came
    with; None: somebody set it here.
    """

    version: str
    model: str
    provider: str | None
    standard: Schedule
    effective_from: float
    services: Mapping[ServiceTier, Schedule] = _NO_SERVICES
    hours: Hours | None = None
    match: Clause | None = None
    edition: str | None = None

    def holds(self, at: float) -> bool:
        return self.effective_from <= at and (self.hours is None or self.hours.has(at))

    def rates_for(self, usage: Usage) -> Rates:
        """A service that the price does not know costs what the usual one does."""
        schedule = self.standard
        if self.services and usage.service_tier is not ServiceTier.STANDARD:
            schedule = self.services.get(usage.service_tier, schedule)
        return schedule.rates_for(usage.input_tokens) if schedule.steps else schedule.rates
