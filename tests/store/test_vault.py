import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.secret import Secret
from ai_gateway.store.vault import CannotUnseal, KeyVault, key_id, parse_master_key

MASTER = bytes(range(100, 132))
OTHER = bytes(range(200, 232))
VAULT = KeyVault(MASTER)


@given(st.text(max_size=30), st.text(max_size=30), st.text(min_size=0, max_size=200))
def test_what_is_sealed_comes_back(tenant_id: str, name: str, text: str) -> None:
    assert VAULT.unseal(tenant_id, name, VAULT.seal(tenant_id, name, Secret(text))).reveal() == text


@pytest.mark.parametrize(
    ("tenant_id", "name"), [("t2", "openai"), ("t1", "other"), ("t1o", "penai"), ("", "t1openai"), ("openai", "t1")]
)
def test_a_secret_opens_only_where_it_was_put(tenant_id: str, name: str) -> None:
    sealed = VAULT.seal("t1", "openai", Secret("sk-x"))
    with pytest.raises(CannotUnseal, match="moved here"):
        VAULT.unseal(tenant_id, name, sealed)


def test_one_purpose_cannot_open_what_another_sealed() -> None:
    with pytest.raises(CannotUnseal):
        VAULT.unseal("", "pepper", VAULT.seal_instance_key("pepper", b"k" * 32))
    with pytest.raises(CannotUnseal):
        VAULT.unseal_instance_key("pepper", VAULT.seal("", "pepper", Secret("k" * 32)))


def test_a_reply_opens_for_its_tenant_and_key_only_and_is_no_secret() -> None:
    sealed = VAULT.seal_reply("t1", "key", b"a reply")
    assert VAULT.unseal_reply("t1", "key", sealed) == b"a reply"
    for tenant_id, key in (("t2", "key"), ("t1", "other"), ("t1k", "ey")):
        with pytest.raises(CannotUnseal):
            VAULT.unseal_reply(tenant_id, key, sealed)
    with pytest.raises(CannotUnseal):
        VAULT.unseal("t1", "key", sealed)


def test_a_stored_response_opens_for_its_tenant_and_id_only_and_is_no_reply() -> None:
    sealed = VAULT.seal_response("t1", "resp_1", b"a response")
    assert VAULT.unseal_response("t1", "resp_1", sealed) == b"a response"
    for tenant_id, response_id in (("t2", "resp_1"), ("t1", "resp_2")):
        with pytest.raises(CannotUnseal):
            VAULT.unseal_response(tenant_id, response_id, sealed)
    with pytest.raises(CannotUnseal):
        VAULT.unseal_reply("t1", "resp_1", sealed)


def test_the_same_secret_never_seals_the_same_way_twice() -> None:
    assert VAULT.seal("t", "n", Secret("x")) != VAULT.seal("t", "n", Secret("x"))


def test_a_ciphertext_names_its_master_and_hides_the_secret() -> None:
    sealed = VAULT.seal("t1", "openai", Secret("sk-plain-text"))
    assert sealed[:1] == b"\x01"
    assert sealed[1:5] == key_id(MASTER) != key_id(OTHER)
    assert b"sk-plain" not in sealed


def test_every_flipped_byte_is_noticed() -> None:
    sealed = VAULT.seal("t1", "openai", Secret("sk-x"))
    for place in range(len(sealed)):
        flipped = bytearray(sealed)
        flipped[place] ^= 1
        with pytest.raises(CannotUnseal):
            VAULT.unseal("t1", "openai", bytes(flipped))


@given(st.binary(max_size=64))
def test_garbage_does_not_open(garbage: bytes) -> None:
    with pytest.raises(CannotUnseal):
        VAULT.unseal("t1", "openai", garbage)


def test_another_master_does_not_open_it_and_says_so() -> None:
    with pytest.raises(CannotUnseal, match="another encryption key"):
        KeyVault(OTHER).unseal("t1", "openai", VAULT.seal("t1", "openai", Secret("sk-x")))


def test_the_previous_master_still_opens_while_a_rotation_is_on_its_way() -> None:
    old = VAULT.seal("t1", "openai", Secret("sk-x"))
    rotating = KeyVault(OTHER, previous=MASTER)
    new = rotating.seal("t1", "openai", rotating.unseal("t1", "openai", old))
    assert (rotating.is_current(old), rotating.is_current(new)) == (False, True)
    assert KeyVault(OTHER).unseal("t1", "openai", new).reveal() == "sk-x"


def test_a_master_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyVault(b"short")


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(MASTER).decode(),
        base64.urlsafe_b64encode(MASTER).decode().rstrip("="),
        MASTER.hex(),
        f"  {MASTER.hex().upper()}\n",
    ],
)
def test_a_master_key_is_read_as_base64_or_hex(text: str) -> None:
    assert parse_master_key(text) == MASTER


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("sk-1234", "32 bytes"),
        ("changeme", "32 bytes"),
        ("ü" * 44, "32 bytes"),
        (base64.b64encode(MASTER[:16]).decode(), "32 bytes"),
        (base64.b64encode(MASTER + b"x").decode(), "32 bytes"),
        ("00" * 32, "placeholder"),
        ("ab" * 32, "placeholder"),
        ("0123456789abcdef" * 4, "placeholder"),
        (base64.b64encode(b"change-me-change-me-change-me-32").decode(), "placeholder"),
    ],
)
def test_a_weak_or_misshapen_master_key_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        parse_master_key(text)
    assert "openssl rand -base64 32" in str(refused.value)
    assert not text.strip() or text.strip() not in str(refused.value)
