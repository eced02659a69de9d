"""How secrets lie on disk: AES-256-GCM, and bound to the place they were put in.

The tenant and the name are associated data, so a ciphertext that is moved to another row or another tenant does not
open there: whoever can write to the database still cannot borrow a neighbour's key. Each purpose has its own key,
derived by HKDF from the master, so that one purpose's ciphertext is nothing to another. The sealed form is

    version (1 byte) | id of the master key (4) | nonce (12) | ciphertext and tag

The id of the master tells at once which master opens a secret, so a rotation needs no trial decryption. A random
96-bit nonce is safe for 2^32 sealings under one key (NIST SP 800-38D, section 8.3).
"""

import base64
import binascii
import os
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ai_gateway.domain.secret import Secret

KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_HEADER_BYTES: Final = 1 + _ID_BYTES + _NONCE_BYTES

_SECRETS: Final = b"ai-gateway/secrets"
_INSTANCE_KEYS: Final = b"ai-gateway/instance-keys"
_REPLIES: Final = b"ai-gateway/replies"
_RESPONSES: Final = b"ai-gateway/responses"
_KEY_ID: Final = b"ai-gateway/key-id"


class CannotUnseal(Exception):
    """The sealed bytes do not open: another master key, another place, or damage. The text is for people."""


def parse_master_key(text: str) -> bytes:
    """32 bytes out of base64 (either alphabet) or 64 hex digits. Raises ValueError with a text for people."""
    stripped = text.strip()
    if not stripped:
        raise ValueError(f"The encryption key is empty. {_HOW}")
    key = _decode(stripped)
    if key is None or len(key) != KEY_BYTES:
        raise ValueError(f"The encryption key must be 32 bytes, written as base64 or as 64 hex digits. {_HOW}")
    if len(set(key)) < _FEWEST_DIFFERENT_BYTES or key.isascii():
        raise ValueError(f"The encryption key is a placeholder, not random bytes. {_HOW}")
    return key


@final
class KeyVault:
    """Seals under `master`; opens what `master` or, while a rotation is on its way, `previous` sealed."""

    def __init__(self, master: bytes, previous: bytes | None = None) -> None:
        masters = [master] if previous is None else [master, previous]
        if any(len(one) != KEY_BYTES for one in masters):
            raise ValueError("A master key has 32 bytes.")
        self._current = key_id(master)
        self._secrets = {key_id(one): AESGCM(_derive(one, _SECRETS, KEY_BYTES)) for one in masters}
        self._replies = {key_id(one): AESGCM(_derive(one, _REPLIES, KEY_BYTES)) for one in masters}
        self._responses = {key_id(one): AESGCM(_derive(one, _RESPONSES, KEY_BYTES)) for one in masters}
        self._instance_keys = {key_id(one): AESGCM(_derive(one, _INSTANCE_KEYS, KEY_BYTES)) for one in masters}

    def seal(self, tenant_id: str, name: str, secret: Secret) -> bytes:
        return self._seal(self._secrets, _place(tenant_id, name), secret.reveal().encode())

    def unseal(self, tenant_id: str, name: str, ciphertext: bytes) -> Secret:
        """Raises CannotUnseal."""
        return Secret(_unseal(self._secrets, _place(tenant_id, name), ciphertext).decode())

    def seal_instance_key(self, name: str, key: bytes) -> bytes:
        return self._seal(self._instance_keys, _place("", name), key)

    def unseal_instance_key(self, name: str, ciphertext: bytes) -> bytes:
        """Raises CannotUnseal."""
        return _unseal(self._instance_keys, _place("", name), ciphertext)

    def seal_reply(self, tenant_id: str, key: str, reply: bytes) -> bytes:
        return self._seal(self._replies, _place(tenant_id, key), reply)

    def unseal_reply(self, tenant_id: str, key: str, ciphertext: bytes) -> bytes:
        """Raises CannotUnseal."""
        return _unseal(self._replies, _place(tenant_id, key), ciphertext)

    def seal_response(self, tenant_id: str, response_id: str, response: bytes) -> bytes:
        return self._seal(self._responses, _place(tenant_id, response_id), response)

    def unseal_response(self, tenant_id: str, response_id: str, ciphertext: bytes) -> bytes:
        """Raises CannotUnseal."""
        return _unseal(self._responses, _place(tenant_id, response_id), ciphertext)

    def is_current(self, ciphertext: bytes) -> bool:
        """Was this sealed under `master`, or does a rotation still have to seal it anew?"""
        return ciphertext[1 : 1 + _ID_BYTES] == self._current

    def _seal(self, ciphers: dict[bytes, AESGCM], place: bytes, plain: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        header = _VERSION + self._current
        return header + nonce + ciphers[self._current].encrypt(nonce, plain, header + place)


def key_id(master: bytes) -> bytes:
    """Four bytes that tell master keys apart and say nothing about them."""
    return _derive(master, _KEY_ID, _ID_BYTES)


_FEWEST_DIFFERENT_BYTES: Final = 12  # 32 random bytes have about 30; fewer than 12 happens once in 10^26
_HOW: Final = "Make one with: openssl rand -base64 32"


def _decode(text: str) -> bytes | None:
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text)
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None


def _derive(master: bytes, label: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=label).derive(master)


def _place(tenant_id: str, name: str) -> bytes:
    """Length-prefixed, so that ('a', 'bc') and ('ab', 'c') are two places."""
    tenant = tenant_id.encode()
    return len(tenant).to_bytes(4, "big") + tenant + name.encode()


def _unseal(ciphers: dict[bytes, AESGCM], place: bytes, sealed: bytes) -> bytes:
    if len(sealed) <= _HEADER_BYTES or sealed[:1] != _VERSION:
        raise CannotUnseal("The stored secret is damaged or was written by a newer version.")
    header, nonce = sealed[: 1 + _ID_BYTES], sealed[1 + _ID_BYTES : _HEADER_BYTES]
    cipher = ciphers.get(header[1:])
    if cipher is None:
        raise CannotUnseal("The stored secret was sealed under another encryption key.")
    try:
        return cipher.decrypt(nonce, sealed[_HEADER_BYTES:], header + place)
    except InvalidTag:
        raise CannotUnseal("The stored secret is damaged, or was moved here from another place.") from None
