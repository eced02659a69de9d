"""The law: after any history of keys that come, change, get another digest and go, each is found by its digest and by
its id as in a ring that was made of what is left, and no earlier ring says anything else than it did."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.config import Key, KeyDigest
from ai_gateway.domain.key_ring import KeyRing, ring_of
from support.builders import a_key

IDS = ("key_1", "key_2", "key_3")
EDITIONS = ("", "rotated ", "again ")

steps = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from([None, *EDITIONS]), st.booleans()),
    max_size=6,
    unique_by=lambda it: it[0],
)


def digest(key_id: str, edition: str) -> KeyDigest:
    return KeyDigest(f"{edition}{key_id}".encode())


def every_look_up(ring: KeyRing) -> dict[object, Key | None]:
    by_digest: dict[object, Key | None] = {
        it: ring.get(it) for it in (digest(key_id, edition) for key_id in IDS for edition in EDITIONS)
    }
    return by_digest | {key_id: ring.find(key_id) for key_id in IDS}


@given(st.lists(steps, max_size=6))
def test_look_ups_are_those_of_a_ring_made_from_nothing(history: list[list[tuple[str, str | None, bool]]]) -> None:
    held: dict[KeyDigest, Key] = {}
    lived = [(KeyRing(), held)]
    for batch in history:
        ring, held = lived[-1]
        held = dict(held)
        draft = ring.draft()
        for key_id, edition, enabled in batch:
            draft.drop(key_id)
            for old in EDITIONS:
                held.pop(digest(key_id, old), None)
            if edition is not None:
                key = a_key(key_id, enabled=enabled)
                draft.put(digest(key_id, edition), key)
                held[digest(key_id, edition)] = key
        lived.append((draft.done(), held))
    for ring, held in lived:
        assert ring == ring_of(held.items())
        assert ring == held
        assert len(ring) == len(held)
        assert every_look_up(ring) == every_look_up(ring_of(held.items()))
        assert {key.id: key for key in held.values()} == {it: ring.find(it) for it in IDS if ring.find(it) is not None}


def test_a_rotated_key_is_known_by_its_new_digest_only() -> None:
    key = a_key("key_1")
    draft = ring_of([(digest("key_1", ""), key)]).draft()
    draft.drop("key_1")
    draft.put(digest("key_1", "rotated "), msgspec.structs.replace(key, name="other"))
    ring = draft.done()
    assert ring.get(digest("key_1", "")) is None
    assert ring.find("key_1") is ring[digest("key_1", "rotated ")]


def test_parts_that_a_change_did_not_touch_are_the_same_ones() -> None:
    ring = ring_of((digest(f"key_{place}", ""), a_key(f"key_{place}")) for place in range(1_000))
    draft = ring.draft()
    draft.drop("key_7")
    after = draft.done()
    assert sum(old is not new for old, new in zip(ring.parts, after.parts, strict=True)) == 1
    assert sum(map(len, after.parts)) == len(after) == 999
