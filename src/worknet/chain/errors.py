"""What can go wrong between Python and a chain, in the words of this project.

Every public function of `worknet.chain` raises a child of `ChainError` and nothing of a library. Messages
carry the evidence, `hint` says what to do about it. URLs are shown without their path and credentials,
since providers put access tokens there.
"""

from urllib.parse import urlsplit

from worknet.chain.refusals import hint_of

_REVERTED = 3
"""The code with which most nodes tell that a call was reverted."""


class ChainError(Exception):
    """Base of all errors of this package; `hint` is one sentence on what would be right, or empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class WrongChainError(ChainError):
    """The RPC, or a request to sign, belongs to another chain than the configured one."""

    def __init__(self, expected: int, actual: int, where: str) -> None:
        super().__init__(
            f"{where} is for chain id {actual}, but chain id {expected} is configured",
            hint="correct the chain id or the RPC URL in the configuration; nothing was signed",
        )
        self.expected = expected
        self.actual = actual


class NoContractError(ChainError):
    """There is no contract at the network's address."""

    def __init__(self, contract: bytes, chain_id: int) -> None:
        super().__init__(
            f"there is no contract at 0x{contract.hex()} on chain id {chain_id}",
            hint="the address that the deployment wrote",
        )
        self.contract = contract


class RpcUnavailableError(ChainError):
    """The RPC could not be reached, or gave no usable answer, after all retries."""


class RpcRefusedError(ChainError):
    """The RPC answered with a JSON-RPC error: `code`, `text` and `data` as it gave them."""

    def __init__(self, method: str, code: int, text: str, data: bytes = b"") -> None:
        super().__init__(f"{method} was refused: {text} (code {code})")
        self.method = method
        self.code = code
        self.text = text
        self.data = data

    @property
    def is_revert(self) -> bool:
        """Whether a contract refused, and not the RPC itself."""
        return bool(self.data) or self.code == _REVERTED or "revert" in self.text.lower()


class RevertedError(ChainError):
    """A contract refused a call or transaction; `reason` is its rule, such as `votings: not a member`.

    `reason` is empty where the contract gave none (out of gas, failed arithmetic). `voting_id` and
    `attempt` are those that the action was about, where it was about one. What would be right says the
    hint, by the rule (`refusals`).
    """

    def __init__(
        self,
        action: str,
        reason: str,
        *,
        voting_id: bytes | None = None,
        attempt: int | None = None,
        transaction: bytes | None = None,
        hint: str = "",
    ) -> None:
        about = "" if voting_id is None else f" of voting 0x{voting_id.hex()}"
        about += "" if attempt is None else f", attempt {attempt}"
        what = f"{action}{about} was refused by the contract: {reason or 'no reason given'}"
        super().__init__(what, hint or hint_of(reason))
        self.action = action
        self.reason = reason
        self.voting_id = voting_id
        self.attempt = attempt
        self.transaction = transaction


class TransactionPendingError(ChainError):
    """A transaction is not in a block after the time given; it may still get there."""


class InsufficientFundsError(ChainError):
    """The signer's account cannot pay for the gas, and what it sends along."""

    def __init__(self, account: bytes, value: int = 0) -> None:
        sent = f" and {value} wei" if value else ""
        super().__init__(
            f"the account 0x{account.hex()} cannot pay for the gas{sent}",
            hint="send it some of the chain's currency",
        )
        self.account = account


class KeystoreError(ChainError):
    """A keystore file or its password cannot be used."""


class SigningRefusedError(ChainError):
    """Nothing is signed: a publicly known key on a public chain, say; or a signer signed something else."""


class SealedStatementError(ChainError):
    """A sealed statement that has not the right form, was altered, or is not sealed to this key."""


class SealedFileError(ChainError):
    """A sealed file that has not the right form, was altered, or is sealed to another key."""


class SignerUnavailableError(ChainError):
    """The external signer could not be reached, took too long, or answered with an error or nonsense."""


class SignatureError(ChainError):
    """A signature that no contract takes: of another form, or of no key."""


class DevelopmentChainError(ChainError):
    """A development chain could not be started, or its stored blocks do not replay."""


class PortInUseError(DevelopmentChainError):
    """Another process listens on the port that a development chain was to use."""


class FolderInUseError(DevelopmentChainError):
    """Another development chain runs on the same folder."""


class WrongNetworkError(ChainError):
    """A stored index or a pool belongs to another network (chain id and contract) than the configured one."""


class IndexMismatchError(ChainError):
    """What the event index holds contradicts the contract; the message has both sides."""


class IndexFileError(ChainError):
    """The event index's file cannot be read or written: its disk, and not the chain, is at fault."""


def shown_url(url: str) -> str:
    """Scheme, host and port of `url` only: a provider's access token often stands in the rest."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
