import msgspec
import pytest

from ai_gateway.domain.config import Timeouts
from ai_gateway.domain.faults import NotFound
from ai_gateway.policy.routing import resolve, visible_models
from ai_gateway.policy.rules import compile_rules
from support.builders import a_candidate, a_course, a_tenant, an_endpoint

UP = an_endpoint("up-1", models=("m1", "org/m2"))
OPEN = an_endpoint("open", models=())
FAST = a_course("fast", a_candidate(UP, "m1"))
SAME = a_course("m1", a_candidate(OPEN, "m1"))
TENANT = a_tenant("t1", UP, OPEN, courses=(FAST, SAME))


def test_a_route_or_pool_wins_over_a_bare_model_of_the_same_name() -> None:
    assert resolve(TENANT, "fast") is FAST
    assert resolve(TENANT, "m1") is SAME


@pytest.mark.parametrize(
    ("name", "config", "model"),
    [("up-1/m1", "up-1", "m1"), ("up-1/org/m2", "up-1", "org/m2"), ("open/anything", "open", "anything")],
)
def test_a_config_and_a_model_name_one_account_split_at_the_first_slash(name: str, config: str, model: str) -> None:
    course = resolve(TENANT, name)
    (tier,) = course.tiers
    (candidate,) = tier.candidates
    assert (candidate.endpoint.name, candidate.model, course.name) == (config, model, name)


def test_a_bare_model_with_a_slash_is_still_a_bare_model() -> None:
    (candidate,) = resolve(TENANT, "org/m2").tiers[0].candidates
    assert candidate.endpoint is UP


def test_a_bare_model_leads_to_every_config_that_lists_it() -> None:
    one, two, other = an_endpoint("one"), an_endpoint("two"), an_endpoint("other", models=("x",))
    (tier,) = resolve(a_tenant("t1", one, two, other), "gpt-4o-mini").tiers
    assert [it.endpoint.name for it in tier.candidates] == ["one", "two"]


@pytest.mark.parametrize("name", ["nothing", "up-1/unlisted", "up-1/", "nobody/m1", "/m1", "up-1"])
def test_a_name_that_leads_nowhere_is_not_found(name: str) -> None:
    with pytest.raises(NotFound) as missing:
        resolve(TENANT, name)
    assert missing.value.code == "model_not_found"


def test_a_name_that_is_long_is_not_repeated_whole() -> None:
    with pytest.raises(NotFound) as missing:
        resolve(TENANT, "m" * 10_000)
    assert len(missing.value.message) < 300


def test_visible_are_routes_and_pools_first_and_each_name_once() -> None:
    assert list(visible_models(TENANT, None)) == ["fast", "m1", "org/m2"]


def test_a_restricted_key_sees_what_it_may_use() -> None:
    assert list(visible_models(TENANT, ("org/m2", "elsewhere"))) == ["org/m2"]
    assert list(visible_models(TENANT, ())) == []


def test_one_account_that_was_named_is_asked_as_long_as_it_may_take() -> None:
    slow = an_endpoint("slow", timeouts=Timeouts(total=1_200.0))
    assert resolve(a_tenant("t1", slow), "slow/gpt-4o-mini").total_seconds == 1_200.0


def test_one_account_that_was_named_is_ruled_as_its_tenant_is() -> None:
    name = {"on": "response", "do": "replace_text", "from": "OpenAI", "to": "Us", "in": ["headers"]}
    rules = compile_rules([name])
    ruled = msgspec.structs.replace(TENANT, rules=rules)
    course = resolve(ruled, "up-1/m1")
    assert course.rules is rules
    assert course.hides_providers
    assert not resolve(TENANT, "up-1/m1").hides_providers
