"""What an attempt costs: whole pico-dollars, rounded up to nano-dollars once per attempt.

Rounding once, and up, is what makes a bill add up: the sum of the rows is the bill, and no sum of tiny requests is
free. Prices are found by the instant of the attempt, so a price that changes at midnight needs nothing to run then.

Lanes are parts of a total, and a provider may report parts that overlap (audio that came out of a cache is counted as
both). They are filled in one order until the total is spent, so that every token is billed exactly once: cache, audio,
image, and the rest is fresh; reasoning, audio, and the rest is text.
"""

from math import inf

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.domain.config import Endpoint, Price, PriceBook
from ai_gateway.domain.prices import Rates

PICO_PER_NANO = 1000
NANO_PER_DOLLAR = 1_000_000_000

THREE_DIGITS = tuple([f"{number:03d}" for number in range(1000)])
"""To look up what a thousandth is written as costs half of writing it."""

_STANDARD = ServiceTier.STANDARD  # one look-up less for every attempt


def find_price(own: PriceBook, book: PriceBook, endpoint: Endpoint, model: str, at: float) -> Price | None:
    """The price in force at `at` (Unix seconds): the tenant's own before the book's, and where neither knows the model
    the ceiling that was declared for the endpoint, else for the tenant. None: nobody knows."""
    price = find_listed(own, book, endpoint.payees, model, at)
    if price is None:
        price = endpoint.ceiling
        if price is None:
            price = own.ceiling
    return price


def price_in_force(
    own: PriceBook, book: PriceBook, endpoint: Endpoint, model: str, at: float
) -> tuple[Price | None, float]:
    """The same, and until when (Unix seconds, not included) it certainly stays so: whatever comes before it may begin
    to hold, on a day or at an hour, and it may itself be of certain hours."""
    until = inf
    for prices in (own, book):
        for chain in prices.chains(model, endpoint.payees):
            for price in chain:
                if price.effective_from > at:
                    until = min(until, price.effective_from)
                    continue
                hours = price.hours
                if hours is None:
                    return price, until
                until = min(until, hours.turn_after(at))
                if hours.has(at):
                    return price, until
    return endpoint.ceiling or own.ceiling, until


def find_listed(own: PriceBook, book: PriceBook, payees: tuple[str, ...], model: str, at: float) -> Price | None:
    """The same without ceilings."""
    asked = (model, payees)
    for prices in (own, book):
        if prices.is_empty:
            continue
        chains = prices.found.get(asked)
        for chain in prices.chains(model, payees) if chains is None else chains:
            for price in chain:
                if price.effective_from <= at and (price.hours is None or price.hours.has(at)):
                    return price
    return None


def cost_nano(price: Price, usage: Usage) -> int:
    """Nano-dollars. An attempt of no token is free of the request's fee too: nothing was delivered."""
    schedule = price.standard
    if usage.service_tier is not _STANDARD:
        schedule = price.services.get(usage.service_tier, schedule)
    asked, answered = usage.input_tokens, usage.output_tokens
    rates = schedule.rates_for(asked) if schedule.steps else schedule.rates
    pico = asked * rates.input + answered * rates.output
    if rates.request and (asked or answered):
        pico += rates.request
    if usage.cache_read_tokens or usage.cache_write_5m_tokens or usage.cache_write_1h_tokens:
        pico += _parts(asked, rates.input, _cached(rates, usage) + _seen_and_heard(rates, usage))
    elif usage.audio_input_tokens or usage.image_input_tokens:
        pico += _parts(asked, rates.input, _seen_and_heard(rates, usage))
    if (usage.reasoning_tokens and rates.reasoning != rates.output) or usage.audio_output_tokens:
        spoken = ((usage.reasoning_tokens, rates.reasoning), (usage.audio_output_tokens, rates.audio_output))
        pico += _parts(answered, rates.output, spoken)
    return (pico + PICO_PER_NANO - 1) // PICO_PER_NANO


def plain_rates(price: Price | None) -> tuple[int, int] | None:
    """Pico-dollars of a token of input and of output, where that is all there is to know of a usage of the standard
    service that has no parts: its cost is their sum, rounded up as ever. None: `cost_nano` has to be asked."""
    if price is None:
        return (0, 0)
    schedule = price.standard
    return None if schedule.steps or schedule.rates.request else (schedule.rates.input, schedule.rates.output)


def _parts(total: int, whole_rate: int, lanes: tuple[tuple[int, int], ...]) -> int:
    """What the lanes cost above (or below) what the whole's rate says of them. Together they are never more than the
    total."""
    more = 0
    for tokens, rate in lanes:
        if tokens:
            counted = min(tokens, total)
            total -= counted
            more += counted * (rate - whole_rate)
    return more


def _cached(rates: Rates, usage: Usage) -> tuple[tuple[int, int], ...]:
    return (
        (usage.cache_read_tokens, rates.cache_read),
        (usage.cache_write_5m_tokens, rates.cache_write_5m),
        (usage.cache_write_1h_tokens, rates.cache_write_1h),
    )


def _seen_and_heard(rates: Rates, usage: Usage) -> tuple[tuple[int, int], ...]:
    return ((usage.audio_input_tokens, rates.audio_input), (usage.image_input_tokens, rates.image_input))


def share_nano(nano: int, percent: int) -> int:
    """Rounded up, like every cost."""
    return -(-nano * percent // 100)


def dollars(nano: int) -> str:
    """Nano-dollars as plain decimal text with no trailing zeros beyond cents: 9_400_000 -> '0.0094'."""
    if 0 < nano < NANO_PER_DOLLAR:  # nearly always
        micro = nano // 1000
        return f"0.{THREE_DIGITS[micro // 1000]}{THREE_DIGITS[micro % 1000]}{THREE_DIGITS[nano % 1000]}".rstrip("0")
    if nano == 0:
        return "0.0"
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), NANO_PER_DOLLAR)
    return f"{sign}{whole}.{f'{rest:09d}'.rstrip('0') or '0'}"
