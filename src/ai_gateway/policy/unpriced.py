"""What becomes of models that nobody priced, where money is watched: they are left out, because a budget that cannot
see a cost is no budget. Where all of a name's endpoints are left out, the caller is told what to do.

Without a budget in force nothing here is asked: such a model costs 0 and its row says `priced: false`. Who would rather
use it under a budget declares a ceiling, which is a price (`pricing.find_price`), so that it is not seen here.
"""

import msgspec

from ai_gateway.domain.config import Candidate, Course, PriceBook, Tier
from ai_gateway.domain.faults import InvalidRequest, Origin
from ai_gateway.policy.pricing import find_price


def is_priced(candidate: Candidate, own: PriceBook, book: PriceBook, at: float) -> bool:
    return find_price(own, book, candidate.endpoint, candidate.model, at) is not None


def priced_only(course: Course, own: PriceBook, book: PriceBook, at: float) -> Course:
    """The course without what has no price at `at`; the very same one where all have. Raises InvalidRequest (400
    `price_unknown`) where nothing remains."""
    tiers = tuple(_priced(tier, own, book, at) for tier in course.tiers)
    if tiers == course.tiers:
        return course
    if not any(tier.candidates for tier in tiers):
        raise price_unknown(course.name)
    return msgspec.structs.replace(course, tiers=tiers)


def price_unknown(model: str) -> InvalidRequest:
    return InvalidRequest(
        f"The price of the model '{model[:200]}' is not known, and a cost limit is in force.",
        action="Ask your gateway administrator to set its price (POST /api/v1/admin/prices) or a ceiling price.",
        code="price_unknown",
        origin=Origin.POLICY,
        param="model",
    )


def _priced(tier: Tier, own: PriceBook, book: PriceBook, at: float) -> Tier:
    kept = tuple(it for it in tier.candidates if is_priced(it, own, book, at))
    return tier if len(kept) == len(tier.candidates) else msgspec.structs.replace(tier, candidates=kept)
