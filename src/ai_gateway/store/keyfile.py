"""The development's master key: made once and kept beside the data it opens, so that `make run` needs no setup.
`serve` never reads it: a key that lies beside its ciphertext protects nothing."""

import os
import secrets
from pathlib import Path

from ai_gateway.store.vault import KEY_BYTES, parse_master_key


def read_or_make_master_key(folder: Path) -> bytes:
    """32 bytes from `encryption.key` in the folder. Raises ValueError where the file holds something else."""
    path = folder / "encryption.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return parse_master_key(path.read_text())
    with os.fdopen(handle, "w") as file:
        key = secrets.token_bytes(KEY_BYTES)
        file.write(key.hex())
    return key
