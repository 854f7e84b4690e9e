"""How long an audit takes: a network's votings on a chain, read over JSON-RPC from another process.

Three workers, sealed ballots, every seal and every reveal a transaction of its own, as nodes send them. The
chain is made first, in this process; a child then serves it over HTTP, and only the audit is measured.
"""

import argparse
import json
import os
import resource
import signal
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from worknet.audit.audit import audit
from worknet.audit.outcome import Audit
from worknet.audit.resume import AuditState
from worknet.chain.client import NetworkClient
from worknet.chain.development.methods import Methods
from worknet.chain.development.wire import RpcFaultError
from worknet.chain.events import Role
from worknet.chain.interface import call_data
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer, signer_from_key
from worknet.protocol.ballots import Pair, Place, seal
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.words import Ballots, Fallback
from worknet.testing.chain import ETHER, NetworkChain, scratch_folder

EVERY = 600
WINDOW = 120
BEGIN = 1_800_000_000
WORKFLOW = "hourly"
WORKERS = 3
GAS = 400_000
FEE = 100 * 10**9


def a_chain(folder: Path, records: int) -> NetworkChain:
    """A chain whose log has so many records."""
    workers = [signer_from_key(bytes([1 + number]) * 32, DEVELOPMENT_CHAIN_ID) for number in range(WORKERS)]
    owner = signer_from_key(b"\x09" * 32, DEVELOPMENT_CHAIN_ID)
    funds = {worker.address: 10**9 * ETHER for worker in workers}
    named: dict[str, Any] = {"workflow": WORKFLOW, "confirmations": 1, "reward_period": 86_400}
    chain = NetworkChain(folder, funds, BEGIN - EVERY, owner, **named)
    for number, worker in enumerate(workers):
        chain.owner.enrol(bytes([0xA0 + number]) * 20, worker.address, Role.ACTIVE, b"\x01" * 32)
    chain.owner.announce(workflow_id(WORKFLOW), _policy())
    chain.pool.set_rewards(10, 1)
    chain.pool.fund(ETHER)
    chain.automatic = False
    for number in range(records):
        _vote(chain, workers, number)
    chain.mine()
    return chain


def _policy() -> Policy:
    return Policy(
        bundle_digest=b"\x01" * 32,
        data_key_epoch=1,
        data_key_commitment=b"\x02" * 32,
        every=EVERY,
        delay=0,
        start=BEGIN,
        max_age=0,
        threshold_num=2,
        threshold_den=3,
        ballots=Ballots.SEALED,
        cast_window=WINDOW,
        reveal_window=WINDOW,
        stall=WINDOW,
        fallback=Fallback.ALERT,
        accuracy=1000,
        speed=100,
    )


def _vote(chain: NetworkChain, workers: list[Signer], number: int) -> None:
    """A voting of which all seals, then all reveals, stand in a block each."""
    slot = Slot(EVERY, BEGIN // EVERY + number)
    about = (workflow_id(WORKFLOW), slot.trigger_id)
    pair = Pair(keccak(b"in %d" % number), keccak(b"out %d" % number))
    salts = [keccak(b"salt %d %d" % (number, worker)) for worker in range(WORKERS)]
    place = (DEVELOPMENT_CHAIN_ID, chain.contract, chain.voting_id(slot), 1)
    for worker, signer in enumerate(workers):
        sealed = seal(*place, worker, pair, salts[worker], _keccak)
        _send(chain, signer, number, 0, call_data("seal", *about, Place(1, 1, worker).word(), sealed))
    chain.mine(slot.due(0) + 1)
    for worker, signer in enumerate(workers):
        opened = (pair.input_root, pair.result_root, 1 << worker, [salts[worker]])
        _send(chain, signer, number, 1, call_data("reveal", *about, Place(1, 1).word(), *opened))
    chain.mine(slot.due(0) + 10)


def _send(chain: NetworkChain, signer: Signer, number: int, step: int, data: bytes) -> None:
    signed = signer.sign(
        {
            "chainId": DEVELOPMENT_CHAIN_ID,
            "nonce": 2 * number + step,
            "to": chain.contract,
            "value": 0,
            "gas": GAS,
            "gasPrice": FEE,
            "data": data,
        }
    )
    chain.rpc.request("eth_sendRawTransaction", f"0x{signed.raw.hex()}")


def serve(methods: Methods) -> tuple[int, str]:
    """Serves a chain from a child; its process id and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(methods))
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        server.serve_forever()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    server.socket.close()
    return child, address


def _handler(methods: Methods) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = [_answered(methods, each) for each in asked] if isinstance(asked, list) else None
            body = json.dumps(_answered(methods, asked) if answer is None else answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _answered(methods: Methods, asked: dict[str, Any]) -> dict[str, Any]:
    head = {"jsonrpc": "2.0", "id": asked.get("id")}
    try:
        return {**head, "result": methods.answer(asked["method"], asked.get("params", []))}
    except RpcFaultError as fault:
        return {**head, "error": {"code": fault.code, "message": fault.message, "data": fault.data}}


def measured(
    what: str, client: NetworkClient, start: int, pool: bytes, since: AuditState | None = None
) -> Audit:
    """An audit, told with its time and its processor time."""
    began, used = time.perf_counter(), time.process_time()
    made = audit(client, start, pool, since)
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    print(
        f"{what}: {len(made.records):,} records, {made.checked.get('events', 0):,} events, "
        f"{len(made.findings)} findings: {wall:.1f} s, of which processor of the audit {cpu:.1f} s"
    )
    return made


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=10_000)
    given = parser.parse_args()
    with scratch_folder() as folder:
        began = time.perf_counter()
        chain = a_chain(Path(folder) / "chain", given.records)
        print(f"made a chain of {chain.height:,} blocks in {time.perf_counter() - began:.0f} s")
        child, address = serve(chain.methods)
        try:
            client = NetworkClient(Rpc(address, DEVELOPMENT_CHAIN_ID), chain.contract)
            made = measured("from the beginning", client, 1, chain.pool.contract)
            document = made.state.document()
            print(f"what it remembers: {len(json.dumps(document)):,} bytes")
            measured("resumed, nothing new", client, 1, chain.pool.contract, AuditState.read(document))
        finally:
            os.kill(child, signal.SIGTERM)
            _, _, used = os.wait4(child, 0)
            print(f"processor of the chain's server: {used.ru_utime + used.ru_stime:.1f} s")
        chain.close()
    print(f"most memory, with the chain: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _keccak(data: bytes) -> bytes:
    return bytes(keccak(data))


if __name__ == "__main__":
    main()
