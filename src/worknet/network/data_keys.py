"""The members' data key: how one is made, and the commitment to it that a policy names."""

import secrets
from pathlib import Path

from worknet.chain.keyfiles import write_secret
from worknet.config.secrets import SecretRef
from worknet.protocol.salts import DATA_KEY_BYTES, data_key_commitment


def commitment_of(file: Path) -> bytes:
    """The commitment to the data key in this file, which is made with a fresh key if it does not exist.

    Whoever has the key can open the salts of its epoch: it goes to the members and to nobody else. Raises
    KeystoreError where the file cannot be written, ConfigError where it holds no data key.
    """
    if not file.exists():
        write_secret(file, secrets.token_hex(DATA_KEY_BYTES))
    return data_key_commitment(SecretRef(file=file).resolve_bytes(DATA_KEY_BYTES))
