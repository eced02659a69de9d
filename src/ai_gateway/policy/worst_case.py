"""What a request may cost at worst: the upper bound that is held before anything is sent.

The rates are the dearest that any endpoint of the course, any service that it may be given and any lane that a token
may fall into can have; which of them it will be is only known afterwards. Only the steps for long inputs are kept
apart, because a request says how long it is: a short one must not be held at the price of a long one.
"""

from collections.abc import Iterator, Sequence
from math import inf
from typing import Final

import msgspec

from ai_gateway.domain.config import Candidate, PriceBook
from ai_gateway.domain.price_book import Chain
from ai_gateway.domain.prices import Price, Rates, Schedule
from ai_gateway.policy.pricing import PICO_PER_NANO, find_price
from ai_gateway.providers.output_caps import default_output

LONGEST_SECONDS: Final = 3_600
"""After its admission nothing of a request begins later than this."""


class WorstStep(msgspec.Struct, frozen=True):
    """What may come on top for inputs of more than `above_input_tokens`; never less than the step before."""

    above_input_tokens: int
    input_pico: int
    output_pico: int
    request_pico: int


class Worst(msgspec.Struct, frozen=True):
    """The dearest rates of several candidates, in force until `until` (Unix seconds). An upper bound: the dearest
    input and the dearest output may be two different candidates'. `unpriced` counts the candidates that nobody priced,
    neither with a price nor with a ceiling: they count 0 here.

    `by_length`: the same for each length that an answer has at most where nobody says one, where candidates differ in
    that. A cheap model that may write for long stands beside a dear one that writes little; nobody is both.
    """

    input_pico: int
    output_pico: int
    default_output: int
    until: float
    request_pico: int = 0
    steps: tuple[WorstStep, ...] = ()
    unpriced: int = 0
    by_length: tuple["Worst", ...] = ()


def worst_nano(worst: Worst, input_tokens: int, output_tokens: int) -> int:
    """Nano-dollars that no usage within these two bounds can pass, whatever its lanes and its service."""
    if worst.steps:
        for step in reversed(worst.steps):
            if input_tokens > step.above_input_tokens:
                pico = input_tokens * step.input_pico + output_tokens * step.output_pico + step.request_pico
                return -(-pico // PICO_PER_NANO)
    pico = input_tokens * worst.input_pico + output_tokens * worst.output_pico + worst.request_pico
    return -(-pico // PICO_PER_NANO)


def worst_uncapped_nano(worst: Worst, input_tokens: int, choices: int) -> int:
    """The same where nobody says how long an answer may be."""
    if not worst.by_length:
        return worst_nano(worst, input_tokens, worst.default_output * choices)
    return max([worst_nano(it, input_tokens, it.default_output * choices) for it in worst.by_length])


def worst_of(candidates: Sequence[Candidate], own: PriceBook, book: PriceBook, at: float) -> Worst:
    """What a cache does may be dearer than fresh input, so it counts as input here; likewise with output."""
    lengths = sorted({default_output(it) for it in candidates})
    whole = _worst_of(candidates, own, book, at)
    if len(lengths) < 2:
        return whole
    parts = tuple(_worst_of([it for it in candidates if default_output(it) == one], own, book, at) for one in lengths)
    return msgspec.structs.replace(whole, by_length=parts)


def _worst_of(candidates: Sequence[Candidate], own: PriceBook, book: PriceBook, at: float) -> Worst:
    longest = max(map(default_output, candidates), default=0)
    unpriced = 0
    until = inf
    schedules: list[Schedule] = []
    for candidate in candidates:
        endpoint = candidate.endpoint
        chains = _chains_of(candidate, own, book)
        until = min(until, _next_change(chains, at))
        found = find_price(own, book, endpoint, candidate.model, at)
        if found is None:
            unpriced += 1
            continue
        for price in (found, *_possible(chains, at)):
            schedules += [price.standard, *price.services.values()]
    base, *steps = _levels(schedules)
    return Worst(
        input_pico=base.input_pico,
        output_pico=base.output_pico,
        default_output=longest,
        until=until,
        request_pico=base.request_pico,
        steps=tuple(steps),
        unpriced=unpriced,
    )


def _chains_of(candidate: Candidate, own: PriceBook, book: PriceBook) -> tuple[Chain, ...]:
    payees = candidate.endpoint.payees
    return tuple(chain for prices in (own, book) for chain in prices.chains(candidate.model, payees))


def _possible(chains: tuple[Chain, ...], at: float) -> Iterator[Price]:
    """Every price that an attempt of a request admitted at `at` may have: it begins later than its admission, and its
    price is that of its own instant. So what begins soon counts, and what holds at other hours of the day."""
    for chain in chains:
        for price in chain:
            if price.effective_from <= at + LONGEST_SECONDS:
                yield price
                if price.hours is None and price.effective_from <= at:
                    return


def _next_change(chains: tuple[Chain, ...], at: float) -> float:
    """When `_possible` will say something else."""
    begins = [it.effective_from for chain in chains for it in chain if it.effective_from > at]
    return min((it if it <= at + LONGEST_SECONDS else it - LONGEST_SECONDS for it in begins), default=inf)


def _levels(schedules: Sequence[Schedule]) -> list[WorstStep]:
    """The running maximum of all rates over the thresholds that any schedule has; the first is that of no threshold."""
    thresholds = sorted({step.above_input_tokens for it in schedules for step in it.steps})
    levels = [_dearest(0, None, [it.rates for it in schedules])]
    for threshold in thresholds:
        reached = [it.rates_for(threshold + 1) for it in schedules]
        levels.append(_dearest(threshold, levels[-1], reached))
    return levels


def _dearest(threshold: int, before: WorstStep | None, rates: Sequence[Rates]) -> WorstStep:
    least = before or WorstStep(0, 0, 0, 0)
    return WorstStep(
        above_input_tokens=threshold,
        input_pico=max([least.input_pico, *map(dearest_input, rates)]),
        output_pico=max([least.output_pico, *map(dearest_output, rates)]),
        request_pico=max([least.request_pico, *(it.request for it in rates)]),
    )


def dearest_input(rates: Rates) -> int:
    return max(
        rates.input,
        rates.cache_read,
        rates.cache_write_5m,
        rates.cache_write_1h,
        rates.audio_input,
        rates.image_input,
    )


def dearest_output(rates: Rates) -> int:
    return max(rates.output, rates.reasoning, rates.audio_output)
