"""The options by which commands get at a network and a key, and how an act is carried out or shown."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from worknet.chain.client import NetworkClient
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer, open_keystore
from worknet.config.amounts import AmountError, wei_of
from worknet.config.network import NetworkConfig
from worknet.config.secrets import SecretRef
from worknet.network import access
from worknet.network.acts import Act
from worknet.network.errors import NetworkError
from worknet.protocol.addresses import AddressError, read_address
from worknet.protocol.canonical import CanonicalError, from_hex, to_hex

File = Annotated[Path, typer.Argument(metavar="NETWORK_TOML", help="The network's file.")]
RpcUrl = Annotated[
    str | None,
    typer.Option(
        "--rpc", metavar="URL", help="A JSON-RPC of the chain; default: the public one of a chain we know."
    ),
]
Keystore = Annotated[
    Path | None,
    typer.Option("--keystore", metavar="FILE", help="The keystore that signs (Web3 Secret Storage)."),
]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="The file that holds its password.")
]
PasswordEnv = Annotated[
    str | None,
    typer.Option("--password-env", metavar="NAME", help="Or the environment variable that holds it."),
]
CallData = Annotated[
    bool,
    typer.Option(
        "--calldata",
        help="Send nothing: print target, value and data of the call, for a multisig contract to make.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Voting = Annotated[
    str,
    typer.Argument(metavar="VOTING", help="A voting: WORKFLOW@START in UTC, or the id of one that opened."),
]


class Key:
    """What a command was told of the key that signs, or that nobody signs and the call is only shown."""

    def __init__(
        self,
        rpc: str | None,
        keystore: Path | None,
        password_file: Path | None,
        password_env: str | None,
        calldata: bool = False,
    ) -> None:
        self._rpc = rpc
        self._keystore = keystore
        self._password_file = password_file
        self._password_env = password_env
        self.calldata = calldata

    @property
    def is_given(self) -> bool:
        """Whether a keystore was named."""
        return self._keystore is not None

    def opened(self, network: NetworkConfig) -> tuple[Rpc, Signer]:
        """The chain, found to be the right one, and the key."""
        if self._keystore is None:
            raise NetworkError("no key is named", hint="--keystore FILE, with its password")
        secret = password(self._password_file, self._password_env)
        connection = access.connect(network, self._rpc)
        return connection, open_keystore(self._keystore, secret.resolve(), network.network.chain_id)

    def client(self, network: NetworkConfig) -> NetworkClient:
        """A client of the network's contract that signs with the key, or only looks where nobody signs."""
        network.deployed()
        if self.calldata:
            if self.is_given:
                raise NetworkError("--calldata sends nothing, and needs no key", hint="leave --keystore out")
            return access.reading_client(network, access.connect(network, self._rpc))
        return access.signing_client(network, *self.opened(network))

    def owner_client(self, network: NetworkConfig) -> NetworkClient:
        """The same; NetworkError if the key is not the owner's."""
        client = self.client(network)
        if client.signer is not None:
            access.check_owner(client, client.signer.address)
        return client


def perform(
    key: Key,
    act: Act,
    authority: bytes,
    said: list[str],
    document: dict[str, Any],
    as_json: bool,
) -> None:
    """Carries an act out and says so, or shows the call; `authority` is the account that is to make it.

    Either way the contract is asked first whether it would take the call.
    """
    act.check(authority)
    call = {"target": to_hex(act.target), "value": str(act.value), "data": to_hex(act.data)}
    if key.calldata:
        tell(as_json, call, [f"{name:<8}{value}" for name, value in call.items()])
        return
    receipt = act.carry_out()
    tell(as_json, {**document, "transaction": to_hex(receipt.transaction)}, said)


def tell(as_json: bool, document: dict[str, Any], lines: list[str]) -> None:
    """Prints the document as one JSON object, or the lines."""
    if as_json:
        typer.echo(json.dumps(document))
        return
    for line in lines:
        typer.echo(line)


def password(file: Path | None, env: str | None) -> SecretRef:
    """Where the keystore's password is found."""
    if (file is None) == (env is None):
        raise NetworkError(
            "the keystore's password is due from one place",
            hint="--password-file FILE or --password-env NAME",
        )
    try:
        return SecretRef(file=file) if file is not None else SecretRef(env=env)
    except ValidationError:
        # What stands there may be the password itself: it is not repeated.
        raise NetworkError(
            "--password-env is no name of an environment variable", hint="name the variable, not the password"
        ) from None


def hex_bytes(option: str, text: str, size: int) -> bytes:
    """The bytes that an option or argument gives in hex digits."""
    try:
        return from_hex(text[:2] + text[2:].lower(), size)
    except CanonicalError:
        what = f"is not {size} bytes in hex digits"
        raise NetworkError(f"{option} {text}: {what}", hint=f"0x and {2 * size} hex digits") from None


def address(option: str, text: str) -> bytes:
    """The account or contract that an option or argument names."""
    try:
        return read_address(text)
    except AddressError as error:
        raise NetworkError(f"{option} {text}: {error}", hint=error.hint) from None


def amount(option: str, text: str) -> int:
    """The wei that an option or argument gives in the chain's currency."""
    try:
        return wei_of(text)
    except AmountError as error:
        raise NetworkError(f"{option}: {error}", hint=error.hint) from None
