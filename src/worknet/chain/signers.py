"""Keys: keystore files, and signers bound to one chain or to the ballots of one network.

A key lives in a V3 keystore file (Web3 Secret Storage), is decrypted into memory once and never shown:
neither `repr` nor an error contains it. Or it lives in an external signer (`remote_signer`). A `Signer`
signs transactions of the chain id it was bound to and no other; a `BallotSigner` what others bring for a
worker of its network, and nothing else is ever signed.
The keys that development chains hand out are public knowledge and therefore refused everywhere else.
This module knows nothing of connections, nonces or fees.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.types import TransactionDictType
from eth_typing import Hash32
from eth_utils.crypto import keccak

from worknet.chain.errors import KeystoreError, SigningRefusedError, WrongChainError
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signatures import BallotDomain, Signature, TypedMessage
from worknet.protocol.ballots import Pair, Place, without_time

DEVELOPMENT_CHAIN_IDS = frozenset({DEVELOPMENT_CHAIN_ID})
"""The chain ids on which publicly known keys may sign."""

# Accounts of the mnemonics "test test ... junk" (anvil, hardhat: 20) and "myth like bonus ..." (ganache: 10).
_KNOWN_ADDRESSES = bytes.fromhex(
    "f39fd6e51aad88f6f4ce6ab8827279cfffb92266 70997970c51812dc3a010c7d01b50e0d17dc79c8 "
    "3c44cdddb6a900fa2b585dd299e03d12fa4293bc 90f79bf6eb2c4f870365e785982e1f101e93b906 "
    "15d34aaf54267db7d7c367839aaf71a00a2c6a65 9965507d1a55bcc2695c58ba16fb37d819b0a4dc "
    "976ea74026e726554db657fa54763abd0c3a0aa9 14dc79964da2c08b23698b3d3cc7ca32193d9955 "
    "23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f a0ee7a142d267c1f36714e4a8f75612f20a79720 "
    "bcd4042de499d14e55001ccbb24a551f3b954096 71be63f3384f5fb98995898a86b02fb2426c5788 "
    "fabb0ac9d68b0b445fb7357272ff202c5651694a 1cbd3b2770909d4e10f157cabc84c7264073c9ec "
    "df3e18d64bc6a983f673ab319ccae4f1a57c7097 cd3b766ccdd6ae721141f452c550ca635964ce71 "
    "2546bcd3c84621e976d8185a91a922ae77ecec30 bda5747bfd65f08deb54cb465eb87d40e51b197e "
    "dd2fd4581271e230360230f9337d5c0430bf44c0 8626f6940e2eb28930efb4cef49b2d1f2c9c1199 "
    "90f8bf6a479f320ead074411a4b0e7944ea8c9c1 ffcf8fdee72ac11b5c542428b35eef5769c409f0 "
    "22d491bde2303f2f43325b2108d26f1eaba1e32b e11ba2b4d45eaed5996cd0823791e0c93114882d "
    "d03ea8624c8c5987235048901fb614fdca89b117 95ced938f7991cd0dfcb48f0a06a40fa1af46ebc "
    "3e5e9111ae8eb78fe1cc3bb8915d5d461f3ef9a9 28a8746e75304c0780e011bed21c72cd78cd535e "
    "aca94ef8bd5ffee41947b4585a84bda5a3d3da6e 1df62f291b2e969fb0849d99d9ce41e2f137006e "
)
PUBLICLY_KNOWN = frozenset(
    _KNOWN_ADDRESSES[start : start + 20] for start in range(0, len(_KNOWN_ADDRESSES), 20)
)

LIGHT_WORK_FACTOR = 4096
"""scrypt N of light keystores: opens in milliseconds, so fit for demonstration keys only."""


@dataclass(frozen=True)
class SignedTransaction:
    """A transaction ready to send: its bytes, and the hash under which the chain will know it."""

    raw: bytes
    hash: bytes


class SigningKey(Protocol):
    """What signs with one key, wherever that is; safe to use from several threads."""

    @property
    def address(self) -> bytes:
        """The account of the key."""

    def sign_transaction(self, transaction: TransactionDictType) -> bytes:
        """The transaction signed, ready to send; SigningRefusedError where it is malformed.

        What comes back is this transaction with a signature of this key, and nothing else.
        """

    def sign_message(self, message: TypedMessage) -> Signature:
        """A signature of this key, and of no other, of the message's digest."""


class LocalKey:
    """A key in this process's memory."""

    def __init__(self, key: bytes) -> None:
        """Of 32 raw bytes; raises KeystoreError when that is no secp256k1 key."""
        self._account = _account(key)
        self.address = bytes.fromhex(self._account.address.removeprefix("0x"))

    def __repr__(self) -> str:
        return f"LocalKey(0x{self.address.hex()})"

    def sign_transaction(self, transaction: TransactionDictType) -> bytes:
        """See `SigningKey`."""
        try:
            return bytes(self._account.sign_transaction(transaction).raw_transaction)
        except (TypeError, ValueError) as error:
            raise SigningRefusedError(f"this transaction cannot be signed: {type(error).__name__}") from None

    def sign_message(self, message: TypedMessage) -> Signature:
        """See `SigningKey`."""
        return Signature.of_bytes(bytes(self._account.unsafe_sign_hash(Hash32(message.digest)).signature))


class Signer:
    """One key bound to one chain id; safe to use from several threads."""

    def __init__(self, key: SigningKey, chain_id: int) -> None:
        """Bind `key`; raises SigningRefusedError for a publicly known one off the development chains."""
        if key.address in PUBLICLY_KNOWN and chain_id not in DEVELOPMENT_CHAIN_IDS:
            raise SigningRefusedError(
                f"the key of 0x{key.address.hex()} is publicly known and may not sign on chain id {chain_id}",
                hint="create a key of your own; the built-in keys of development chains belong to everybody",
            )
        self.key = key
        self.address = key.address
        self.chain_id = chain_id

    def __repr__(self) -> str:
        return f"Signer(0x{self.address.hex()}, chain_id={self.chain_id})"

    def sign(self, transaction: TransactionDictType) -> SignedTransaction:
        """Sign a transaction given by its JSON-RPC field names (`chainId`, `nonce`, `gas`, ...).

        Raises WrongChainError when `chainId` is not the bound one, SigningRefusedError when it is malformed
        or an external signer signs something else, SignerUnavailableError when that does not answer.
        """
        chain_id = transaction.get("chainId")
        if chain_id != self.chain_id:
            raise WrongChainError(
                self.chain_id, chain_id if isinstance(chain_id, int) else 0, "a transaction to sign"
            )
        raw = self.key.sign_transaction(transaction)
        return SignedTransaction(raw, bytes(keccak(raw)))


class BallotSigner:
    """A worker's key, as it signs Seals and Reports of one network; safe to use from several threads."""

    def __init__(self, signer: Signer, contract: bytes) -> None:
        """For the network with this contract, on the signer's chain."""
        self.address = signer.address
        self._key = signer.key
        self._domain = BallotDomain(signer.chain_id, contract)

    def seal(self, voting_id: bytes, place: Place, seal: bytes) -> Signature:
        """Sign a seal so that another may bring it; its salt must be on disk by now.

        Raises SigningRefusedError for one whose last two bytes are not zero: no contract takes it.
        """
        if seal != without_time(seal):
            raise SigningRefusedError("a seal is signed with its last two bytes zero")
        return self._key.sign_message(self._domain.seal(voting_id, place, seal))

    def report(self, voting_id: bytes, place: Place, pair: Pair, participants: int, voters: int) -> Signature:
        """Sign what came of a voting; participants and voters are bitmaps of worker indices.

        Raises SigningRefusedError unless all voters are participants.
        """
        if voters & ~participants:
            raise SigningRefusedError("a report is signed only if all its voters are participants")
        return self._key.sign_message(self._domain.report(voting_id, place, pair, participants, voters))


def signer_from_key(key: bytes, chain_id: int) -> Signer:
    """A signer of a raw 32-byte key; raises KeystoreError when that is no secp256k1 key."""
    return Signer(LocalKey(key), chain_id)


def create_keystore(path: Path, password: str, *, key: bytes | None = None, light: bool = False) -> bytes:
    """Write a new keystore file (mode 0600) and return its address.

    Without `key` a random one is made. `light` lowers the cost of guessing the password so that the file
    opens at once: for demonstrations only. Raises KeystoreError when `path` exists or cannot be written.
    """
    account = Account.create() if key is None else _account(key)
    keystore = Account.encrypt(
        account.key, password, kdf="scrypt", iterations=LIGHT_WORK_FACTOR if light else None
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeystoreError(
            f"{path} exists already", hint="a keystore is never overwritten; choose another name"
        ) from None
    except OSError as error:
        raise KeystoreError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(keystore, file)
        file.flush()
        os.fsync(file.fileno())
    return bytes.fromhex(account.address.removeprefix("0x"))


def keystore_address(path: Path) -> bytes:
    """The address that a keystore file claims to hold, without a password; raises KeystoreError."""
    address = _read_keystore(path).get("address")
    try:
        value = bytes.fromhex(str(address).removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 20:
        raise KeystoreError(f"{path} names no address", hint="it should be a V3 keystore file")
    return value


def open_keystore(path: Path, password: str, chain_id: int) -> Signer:
    """Decrypt a keystore file and bind its key to a chain.

    Raises KeystoreError (missing, malformed, wrong password), SigningRefusedError (publicly known key).
    """
    keystore = _read_keystore(path)
    try:
        key = bytes(Account.decrypt(keystore, password))
    except ValueError:
        raise KeystoreError(
            f"the password does not open {path}", hint="check where the configuration takes it from"
        ) from None
    except (KeyError, TypeError, NotImplementedError):  # the last for a cipher or derivation it has not
        raise KeystoreError(f"{path} is no V3 keystore file") from None
    return Signer(LocalKey(key), chain_id)


def _account(key: bytes) -> LocalAccount:
    try:
        account: LocalAccount = Account.from_key(key)
        return account
    except (ValueError, TypeError):
        pass
    # Outside the handler: the library's message would quote the key.
    raise KeystoreError(
        "this is no secp256k1 private key", hint="it should be 32 bytes, neither zero nor too large"
    )


def _read_keystore(path: Path) -> dict[str, object]:
    try:
        keystore = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KeystoreError(f"there is no keystore file {path}") from None
    except OSError as error:
        raise KeystoreError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        keystore = None
    if not isinstance(keystore, dict) or keystore.get("version") != 3:
        raise KeystoreError(f"{path} is no V3 keystore file")
    return keystore
