"""What an attempt costs: whole pico-dollars, rounded up to nano-dollars once per attempt.

Rounding once, and up, is what makes a bill add up: the sum of the rows is the bill, and no sum of tiny requests is
free. Prices are found by the instant of the attempt, so a price that changes at midnight needs nothing to run then.
"""

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import Price, PriceBook

PICO_PER_NANO = 1000


def find_price(own: PriceBook, book: PriceBook, model: str, provider: str, at: float) -> Price | None:
    """The price in force at `at` (Unix seconds): the tenant's own before the book's, this provider's before any's."""
    for prices in (own, book):
        in_force = [price for price in prices.get(model, ()) if price.effective_from <= at]
        for wanted in (provider, None):
            for price in in_force:
                if price.provider == wanted:
                    return price
    return None


def cost_nano(price: Price, usage: Usage) -> int:
    """Nano-dollars. Reasoning and audio are priced as the input or output they are part of."""
    read_pico = price.input_pico if price.cache_read_pico is None else price.cache_read_pico
    write_pico = price.input_pico if price.cache_write_pico is None else price.cache_write_pico
    pico = (
        usage.fresh_input_tokens * price.input_pico
        + usage.cache_read_tokens * read_pico
        + (usage.cache_write_5m_tokens + usage.cache_write_1h_tokens) * write_pico
        + usage.output_tokens * price.output_pico
    )
    return -(-pico // PICO_PER_NANO)


def dollars(nano: int) -> str:
    """Nano-dollars as plain decimal text with no trailing zeros beyond cents: 9_400_000 -> '0.0094'."""
    whole, rest = divmod(nano, 1_000_000_000)
    return f"{whole}.{f'{rest:09d}'.rstrip('0') or '0'}"
