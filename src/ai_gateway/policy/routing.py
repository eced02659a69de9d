"""From a model name to a Course: three look-ups in an order that a tenant can reason about.

A route or pool is a decision somebody made, so it wins over everything; `config/model` names one account; a bare
model name is the convenience that lets an SDK work with no pool at all.
"""

from collections.abc import Iterator

from ai_gateway.domain.config import Candidate, Course, Tenant, Tier
from ai_gateway.domain.faults import NotFound


def resolve(tenant: Tenant, model: str) -> Course:
    """Raises NotFound where the name leads nowhere in this tenant."""
    course = tenant.courses.get(model)
    if course is not None:
        return course
    config_name, slash, rest = model.partition("/")
    if slash:
        course = _at_one_config(tenant, model, config_name, rest)
        if course is not None:
            return course
    course = tenant.models.get(model)
    if course is not None:
        return course
    raise NotFound(f"The model '{model[:200]}' does not exist here.", code="model_not_found", param="model")


def visible_models(tenant: Tenant, allowed: tuple[str, ...] | None) -> Iterator[str]:
    """Every name that a key of this tenant can send as `model`, routes and pools first."""
    names = (*tenant.courses, *(name for name in tenant.models if name not in tenant.courses))
    return (name for name in names if allowed is None or name in allowed)


def _at_one_config(tenant: Tenant, name: str, config_name: str, model: str) -> Course | None:
    endpoint = tenant.endpoints.get(config_name)
    if endpoint is None or not model or (endpoint.models and model not in endpoint.models):
        return None
    tier = Tier(candidates=(Candidate(endpoint=endpoint, model=model),))
    return Course(name=name, tiers=(tier,), total_seconds=endpoint.timeouts.total, rules=tenant.rules)
