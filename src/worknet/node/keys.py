"""The worker's key as node.toml names it: opened from a keystore, read, or left in an external signer.

Every refusal names the file, the line and the key that is to be mended, and never shows a secret.
"""

import sys
from getpass import getpass

from worknet.chain.errors import (
    ChainError,
    KeystoreError,
    SignerUnavailableError,
    SigningRefusedError,
)
from worknet.chain.remote_signer import RemoteKey
from worknet.chain.signers import LocalKey, Signer, keystore_address, open_keystore
from worknet.config import ConfigError, NodeConfig
from worknet.config.keys import ExternalKey, KeystoreKey, PlainKey


def open_signer(config: NodeConfig, chain_id: int) -> Signer:
    """The worker's key, bound to this chain.

    A password may be asked for on the terminal; an external signer is asked whether it has the account.
    Raises ConfigError where the key cannot be had.
    """
    section = config.key
    try:
        match section:
            case KeystoreKey():
                return open_keystore(section.keystore, _password(config, section), chain_id)
            case PlainKey():
                return Signer(LocalKey(section.private_key.resolve_bytes(32)), chain_id)
            case ExternalKey():
                return _external(section, chain_id)
    except ChainError as error:
        raise _refusal(config, error) from None


def key_address(config: NodeConfig) -> bytes:
    """The account of the worker's key: no password is asked for, and no external signer.

    Of a keystore it is the account that the file claims. Raises ConfigError where there is none.
    """
    section = config.key
    try:
        match section:
            case KeystoreKey():
                return keystore_address(section.keystore)
            case PlainKey():
                return LocalKey(section.private_key.resolve_bytes(32)).address
            case ExternalKey():
                return section.address
    except ChainError as error:
        raise _refusal(config, error) from None


def _external(section: ExternalKey, chain_id: int) -> Signer:
    key = RemoteKey(
        section.signer.value,
        section.address,
        token=None if section.token is None else section.token.resolve(),
        ca=section.ca,
        certificate=section.certificate,
    )
    signer = Signer(key, chain_id)
    key.check()
    return signer


def _password(config: NodeConfig, section: KeystoreKey) -> str:
    if section.password is not None:
        return section.password.resolve()
    if not sys.stdin.isatty():
        right = 'start it on one, or name where the password is: password = { file = "worker.password" }'
        raise config.error(("key", "password"), "is to be asked for, but there is no terminal", right)
    try:
        password = getpass(f"password of {section.keystore}: ")
    except EOFError:
        password = ""
    if not password:
        raise config.error(("key", "password"), "was asked for, and none was given", "type it when asked")
    return password


def _refusal(config: NodeConfig, error: ChainError) -> ConfigError:
    """The error at the key of node.toml that is to be mended."""
    section = config.key
    match section, error:
        case KeystoreKey(), KeystoreError():
            right = "the keystore file (Web3 Secret Storage) of the worker's key"
            return config.error(("key", "keystore"), str(error), error.hint or right)
        case PlainKey(), KeystoreError():
            return config.error(("key", "private_key"), str(error), error.hint)
        case ExternalKey(), SignerUnavailableError():
            return config.error(("key", "signer"), str(error), error.hint)
        case ExternalKey(), SigningRefusedError():
            return config.error(("key", "address"), str(error), error.hint)
    return config.error(("key",), str(error), error.hint)
