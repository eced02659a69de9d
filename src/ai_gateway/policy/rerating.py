"""What an attempt would have cost under the price that stands for its instant today, as a row that says the difference.

Rows of the ledger are never changed. A corrected price adds a row of kind `adjust` to each attempt that it changes: no
tokens, only money, in the request and so in the windows of the original. Its id is made of the attempt's and of the
price's, which is why doing it twice is doing it once, and why a price that is corrected again corrects the correction.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.domain.config import Price
from ai_gateway.domain.traffic import Receipt
from ai_gateway.policy.pricing import cost_nano

MARK: Final = "~"
"""Between the attempt and the price in an adjustment's id."""


def adjustment_id(attempt_id: str, version: str) -> str:
    return f"{attempt_id}{MARK}{version}"


def attempt_of(receipt: Receipt) -> str:
    """The attempt that a row is about, whichever kind it is of."""
    return receipt.attempt_id.partition(MARK)[0]


def booked_nano(charge: Receipt, adjustments: Iterable[Receipt]) -> int:
    return charge.cost_nano_usd + sum(it.cost_nano_usd for it in adjustments)


def adjust(charge: Receipt, adjustments: Sequence[Receipt], price: Price) -> Receipt | None:
    """The row that makes the attempt cost what `price` says, given those that adjusted it before; None where it does
    already, or was the share of another's cost (an answer out of a cache has no usage of its own)."""
    if charge.cached or charge.operation is Operation.COUNT_TOKENS:
        return None
    row_id = adjustment_id(charge.attempt_id, price.version)
    difference = cost_nano(price, charge.usage) - booked_nano(charge, adjustments)
    if not difference or any(it.attempt_id == row_id for it in adjustments):
        return None
    return msgspec.structs.replace(
        charge,
        kind="adjust",
        attempt_id=row_id,
        usage=Usage(service_tier=charge.usage.service_tier),
        cost_nano_usd=difference,
        priced=True,
        price_version=price.version,
        ttft_ms=None,
        total_ms=0.0,
    )
