"""The members' data key: how one is made, and the commitment to it that a policy names."""

import os
import secrets
from pathlib import Path

from worknet.config.secrets import SecretRef
from worknet.network.errors import NetworkError
from worknet.protocol.salts import DATA_KEY_BYTES, data_key_commitment


def commitment_of(file: Path) -> bytes:
    """The commitment to the data key in this file, which is made with a fresh key if it does not exist.

    Whoever has the key can open the salts of its epoch: it goes to the members and to nobody else. Raises
    NetworkError where the file cannot be written, ConfigError where it holds no data key.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError as error:
        raise NetworkError(f"{file} cannot be written: {error.strerror}", hint="check its folder") from None
    else:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(secrets.token_hex(DATA_KEY_BYTES) + "\n")
    return data_key_commitment(SecretRef(file=file).resolve_bytes(DATA_KEY_BYTES))
