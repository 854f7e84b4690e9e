"""What of `vectors/` is not replayed on the contracts, each with the reason why no contract can be asked."""

import json
from pathlib import Path

PATHS = json.loads((Path(__file__).parents[2] / "vectors" / "merkle.json").read_text())["bad"]

NEGATIVE = "the ABI's integers are not negative"
SIZE = "the ABI's hashes have 32 bytes, its addresses 20"
CASES_NOT_REPLAYED = {
    ("ids", "good", "slot the last of all"): "a slot of the year 584 billion: no policy reaches it",
    ("ids", "good", "slot of many seconds"): "slots have less than 2^32 seconds under any policy",
    ("ids", "bad", "trigger id of 31 bytes"): SIZE,
    ("ids", "bad", "trigger id of 33 bytes"): SIZE,
    ("ballots", "good", "on another chain, with this one's voting id"): "a voting id is good on one chain",
    (
        "ballots",
        "good",
        "at another contract, with this one's voting id",
    ): "a voting id is good at one contract",
    ("ballots", "bad", "an input root of 31 bytes"): SIZE,
    ("ballots", "bad", "a result root of 20 bytes"): SIZE,
    ("ballots", "bad", "a salt of 31 bytes"): SIZE,
    ("ballots", "bad", "a salt of 16 bytes"): SIZE,
    ("ballots", "bad", "no salt"): SIZE,
    ("ballots", "bad", "a negative worker"): NEGATIVE,
    ("ballots", "bad", "a negative attempt"): NEGATIVE,
    ("ballots", "bad", "a contract of 21 bytes"): SIZE,
    ("policies", "bad", "a negative threshold"): NEGATIVE,
    ("policies", "bad", "a negative delay"): NEGATIVE,
    ("policies", "bad", "a negative length"): NEGATIVE,
    ("policies", "bad", "a negative stall"): NEGATIVE,
    ("policies", "bad", "a negative start"): NEGATIVE,
    ("policies", "bad", "a negative reward"): NEGATIVE,
    ("policies", "bad", "a negative age"): NEGATIVE,
    ("policies", "bad", "a short bundle digest"): SIZE,
    ("policies", "bad", "a short commitment"): SIZE,
    ("keccak", "good", "the tag datakey"): "commitments to data keys are made by the owner",
    ("merkle", "bad", "leaf 0 of 1, an index before it"): NEGATIVE,
    ("merkle", "bad", "leaf 0 of 5, an index before it"): NEGATIVE,
    ("eip712", "bad", "report with a short root"): SIZE,
    ("eip712", "bad", "report with negative voters"): NEGATIVE,
    ("eip712", "bad", "report with participants of 257 bits"): "the ABI's integers have 256 bits",
}
"""Single cases of operations that are replayed, each with the reason why it is not."""

CONSISTENCY = "no contract checks that one head of the log continues another; that is for who follows the log"
FILES = "rows, files and salts never reach the contract, only the roots over them"
OPERATIONS_NOT_REPLAYED = {
    ("ids", "bad", "voting_id"): "the chain's own id and the ABI leave no room for them",
    ("ids", "bad", "slot"): "the contract is given trigger ids, not times",
    ("ids", "good", "workflow_id"): "the contract is given ids, not names",
    ("ids", "bad", "workflow_id"): "the contract is given ids, not names",
    ("ids", "good", "event_trigger_id"): "an event's trigger id is a word like any other to the contract",
    ("ids", "bad", "event_trigger_id"): "an event's trigger id is a word like any other to the contract",
    ("keccak", "good", "keccak256"): "the hash is the chain's",
    ("keccak", "bad", "keccak256"): "the hash is the chain's",
    ("keccak", "bad", "tag"): "the contract's tags are constants",
    ("keccak", "good", "words"): "the compiler's abi_encode; its hashes are replayed",
    ("keccak", "bad", "words"): "the compiler's abi_encode; its hashes are replayed",
    ("merkle", "good", "leaf_hash"): "the contract hashes leaves of records only, which are replayed",
    ("merkle", "good", "verify_consistency"): CONSISTENCY,
    ("merkle", "bad", "verify_consistency"): CONSISTENCY,
    ("eip712", "bad", "seal_digest"): "the ABI has no negative, longer or shorter words than these types",
    ("records", "good", "parse_record"): "the contract writes leaves and reads none",
    ("records", "bad", "parse_record"): "the contract writes leaves and reads none",
}
FILES_NOT_REPLAYED = {
    "statements": "members tell each other, and no contract, what stands behind their ballots",
    "sealed_statements": "the same, sealed",
    "bundles": FILES,
    "canonical": FILES,
    "evidence": "evidence is for verifiers; what of it concerns the log is in merkle.json and records.json",
    "results": FILES,
    "rewards": "in test_reward_vectors.py",
    "salts": FILES,
    "tables": FILES,
    "votings": "in test_voting_vectors.py",
}
"""What is not replayed as a whole, each with the reason."""

CASES_NOT_REPLAYED |= {
    ("merkle", "bad", case["name"]): SIZE
    for case in PATHS
    if case["does"] == "verify_inclusion"
    and {len(element) for element in [case["given"]["root"], *case["given"]["path"]]} != {66}
}
