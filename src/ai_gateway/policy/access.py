"""Who is asking, and may they: decided by one dictionary look-up over keyed digests of whole keys.

The look-up is by digest rather than by prefix because a prefix is a guess with a remainder to compare in constant
time; a keyed digest is either in the index or it is not, and an attacker who times the dictionary learns about
digests that only the holder of the pepper can aim at.
"""

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from ai_gateway.domain.config import Key, KeyDigest, Snapshot
from ai_gateway.domain.faults import Forbidden, Unauthenticated
from ai_gateway.domain.traffic import Caller
from ai_gateway.policy.quotas import legs_of, limits_of_caller, rates_of_caller

DigestKey = Callable[[bytes], KeyDigest]
Known = dict[KeyDigest, Caller]


def digest(pepper: bytes, token: bytes) -> KeyDigest:
    """BLAKE2b-256 of the whole token, keyed (RFC 7693). `pepper` is 16 to 64 random bytes kept by the instance."""
    return KeyDigest(blake2b(token, key=pepper, digest_size=32).digest())


def identify(
    snapshot: Snapshot, credentials: tuple[bytes, ...], digest_key: DigestKey, now: float, known: Known
) -> Caller:
    """The caller behind the first offered credential that is a known key. `now` in Unix seconds. `known` remembers
    callers of this very snapshot, and of no other.

    Raises Unauthenticated: nothing offered, nothing known, or the key (or its tenant) is switched off or expired.
    """
    if not credentials:
        raise Unauthenticated("No API key was sent.", code="missing_api_key")
    for credential in credentials:
        digest = digest_key(credential)
        caller = known.get(digest)
        if caller is None:
            key = snapshot.keys.get(digest)
            if key is None:
                continue
            caller = known[digest] = _caller(snapshot, key)
        expires_at = caller.key.expires_at
        if expires_at is not None and expires_at <= now:
            raise Unauthenticated(
                "This API key has expired.",
                code="api_key_expired",
                action="Ask your gateway administrator for a new key.",
            )
        return caller
    raise Unauthenticated()


def may_use(key: Key, model: str) -> None:
    """Raises Forbidden where the key is restricted to other models (names as callers send them)."""
    if key.allowed_models is not None and model not in key.allowed_models:
        raise Forbidden(f"This API key may not use the model '{model[:200]}'.", code="model_not_allowed", param="model")


def _caller(snapshot: Snapshot, key: Key) -> Caller:
    tenant = snapshot.tenants.get(key.tenant_id)
    if tenant is None or not tenant.enabled or not key.enabled:
        raise Unauthenticated(
            "This API key is disabled.",
            code="api_key_disabled",
            action="Ask your gateway administrator to enable the key, or use another one.",
        )
    team_id = key.team_id
    if team_id is None and key.user_id is not None:
        team_id = tenant.user_teams.get(key.user_id)
    department_id = key.department_id
    if department_id is None and team_id is not None:
        department_id = tenant.team_departments.get(team_id)
    caller = Caller(tenant, key, team_id, department_id, key.user_id)
    legs = legs_of(caller)
    rates = rates_of_caller(tenant, key, legs)
    return msgspec.structs.replace(caller, legs=legs, limits=limits_of_caller(tenant, key, legs), rates=rates)
