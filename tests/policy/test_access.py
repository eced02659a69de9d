import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.faults import Forbidden, Unauthenticated
from ai_gateway.policy import access
from ai_gateway.policy.quotas import legs_of
from support.builders import TOKEN, a_key, a_snapshot, a_tenant, an_endpoint, digest_key
from support.clock import NOON

OTHER = "sk-gw-other"


def test_a_known_key_is_its_tenant_and_its_place_in_the_hierarchy() -> None:
    tenant = a_tenant("t1", an_endpoint(), team_departments={"team_1": "dep_1"}, user_teams={"usr_1": "team_1"})
    snapshot = a_snapshot(tenant, keys={TOKEN: a_key(user_id="usr_1")})

    caller = access.identify(snapshot, (TOKEN.encode(),), digest_key, NOON, {})

    assert caller.tenant is tenant
    assert (caller.key.id, caller.user_id, caller.team_id, caller.department_id) == (
        "key_1",
        "usr_1",
        "team_1",
        "dep_1",
    )


def test_a_keys_own_team_is_before_its_users_team() -> None:
    tenant = a_tenant("t1", team_departments={"own": "d1", "users": "d2"}, user_teams={"usr_1": "users"})
    snapshot = a_snapshot(tenant, keys={TOKEN: a_key(team_id="own", user_id="usr_1")})

    caller = access.identify(snapshot, (TOKEN.encode(),), digest_key, NOON, {})

    assert (caller.team_id, caller.department_id) == ("own", "d1")


def test_a_key_without_a_place_has_none() -> None:
    caller = access.identify(a_snapshot(), (TOKEN.encode(),), digest_key, NOON, {})
    assert (caller.team_id, caller.department_id, caller.user_id) == (None, None, None)


def test_the_first_known_of_several_offered_keys_counts() -> None:
    snapshot = a_snapshot(a_tenant(), keys={TOKEN: a_key(), OTHER: a_key("key_2")})
    offered = (b"unknown", OTHER.encode(), TOKEN.encode())
    assert access.identify(snapshot, offered, digest_key, NOON, {}).key.id == "key_2"


@pytest.mark.parametrize(
    ("offered", "code"), [((), "missing_api_key"), ((b"sk-gw-nobody",), "invalid_api_key"), ((b"",), "invalid_api_key")]
)
def test_nobody_is_let_in_without_a_known_key(offered: tuple[bytes, ...], code: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        access.identify(a_snapshot(), offered, digest_key, NOON, {})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("key", "tenant", "code"),
    [
        (a_key(enabled=False), a_tenant(), "api_key_disabled"),
        (a_key(), a_tenant(enabled=False), "api_key_disabled"),
        (a_key(tenant_id="gone"), a_tenant(), "api_key_disabled"),
        (a_key(expires_at=NOON), a_tenant(), "api_key_expired"),
    ],
)
def test_a_key_that_is_off_or_over_is_refused(key: object, tenant: object, code: str) -> None:
    snapshot = a_snapshot(tenant, keys={TOKEN: key})  # type: ignore[arg-type, dict-item]
    with pytest.raises(Unauthenticated) as refused:
        access.identify(snapshot, (TOKEN.encode(),), digest_key, NOON, {})
    assert refused.value.code == code


def test_a_key_lives_until_the_instant_of_its_expiry() -> None:
    snapshot = a_snapshot(keys={TOKEN: a_key(expires_at=NOON)})
    assert access.identify(snapshot, (TOKEN.encode(),), digest_key, NOON - 0.001, {}).key.id == "key_1"


@pytest.mark.parametrize(
    ("allowed", "model", "may"),
    [(None, "any", True), (("a", "b"), "b", True), (("a",), "b", False), ((), "a", False), (("a",), "config/a", False)],
)
def test_a_restricted_key_may_use_the_names_it_lists(allowed: tuple[str, ...] | None, model: str, may: bool) -> None:
    key = a_key(allowed_models=allowed)
    if may:
        access.may_use(key, model)
        return
    with pytest.raises(Forbidden) as refused:
        access.may_use(key, model)
    assert (refused.value.code, refused.value.param) == ("model_not_allowed", "model")


@given(a=st.binary(max_size=200), b=st.binary(max_size=200))
def test_digests_differ_where_keys_or_peppers_do(a: bytes, b: bytes) -> None:
    one, two = access.digest(b"p" * 16, a), access.digest(b"p" * 16, b)
    assert len(one) == 32
    assert (one == two) == (a == b)
    assert access.digest(b"q" * 16, a) != one


def test_a_caller_is_worked_out_once_for_a_snapshot_and_expires_all_the_same() -> None:
    snapshot, known = a_snapshot(keys={TOKEN: a_key(expires_at=NOON)}), access.Known()
    first = access.identify(snapshot, (TOKEN.encode(),), digest_key, NOON - 1, known)
    assert access.identify(snapshot, (TOKEN.encode(),), digest_key, NOON - 1, known) is first
    assert first.legs == legs_of(first)
    with pytest.raises(Unauthenticated):
        access.identify(snapshot, (TOKEN.encode(),), digest_key, NOON, known)
