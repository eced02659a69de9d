"""What an attempt costs: whole pico-dollars, rounded up to nano-dollars once per attempt.

Rounding once, and up, is what makes a bill add up: the sum of the rows is the bill, and no sum of tiny requests is
free. Prices are found by the instant of the attempt, so a price that changes at midnight needs nothing to run then.
"""

from collections.abc import Sequence
from math import inf

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import Candidate, Price, PriceBook

PICO_PER_NANO = 1000


def find_price(own: PriceBook, book: PriceBook, model: str, provider: str, at: float) -> Price | None:
    """The price in force at `at` (Unix seconds): the tenant's own before the book's, this provider's before any's."""
    for prices in (own, book):
        for_any: Price | None = None
        for price in prices.get(model, ()):
            if price.effective_from <= at:
                if price.provider == provider:
                    return price
                if for_any is None and price.provider is None:
                    for_any = price
        if for_any is not None:
            return for_any
    return None


class Worst(msgspec.Struct, frozen=True, gc=False):
    """The dearest rates of several candidates, in force until `until` (Unix seconds). An upper bound: the dearest
    input and the dearest output may be two different candidates'."""

    input_pico: int
    output_pico: int
    default_output: int
    until: float


def worst_of(candidates: Sequence[Candidate], own: PriceBook, book: PriceBook, at: float) -> Worst:
    """Unpriced candidates count 0. What a cache does may be dearer than fresh input, so it counts as input here."""
    input_pico = output_pico = default_output = 0
    until = inf
    for candidate in candidates:
        endpoint = candidate.endpoint
        default_output = max(default_output, endpoint.default_max_output)
        for prices in (own, book):
            for price in prices.get(candidate.model, ()):
                if price.effective_from > at:
                    until = min(until, price.effective_from)
        price = find_price(own, book, candidate.model, endpoint.provider, at)
        if price is not None:
            input_pico = max(input_pico, price.input_pico, price.cache_read_pico or 0, price.cache_write_pico or 0)
            output_pico = max(output_pico, price.output_pico)
    return Worst(input_pico=input_pico, output_pico=output_pico, default_output=default_output, until=until)


def cost_nano(price: Price, usage: Usage) -> int:
    """Nano-dollars. Reasoning and audio are priced as the input or output they are part of."""
    read, written = usage.cache_read_tokens, usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    pico = usage.output_tokens * price.output_pico
    if read or written:
        read_pico = price.input_pico if price.cache_read_pico is None else price.cache_read_pico
        write_pico = price.input_pico if price.cache_write_pico is None else price.cache_write_pico
        pico += usage.fresh_input_tokens * price.input_pico + read * read_pico + written * write_pico
    else:
        pico += usage.input_tokens * price.input_pico
    return -(-pico // PICO_PER_NANO)


def dollars(nano: int) -> str:
    """Nano-dollars as plain decimal text with no trailing zeros beyond cents: 9_400_000 -> '0.0094'."""
    whole, rest = divmod(nano, 1_000_000_000)
    return f"{whole}.{f'{rest:09d}'.rstrip('0') or '0'}"
