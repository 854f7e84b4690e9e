"""For tests on a desk: a workflow's data, its runs and handlers, and whole networks of it, simulated.

What tests import is listed here, and imported when it is asked for: importing this is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from worknet.testing.chain import LocalChain as LocalChain
    from worknet.testing.chain import LocalRpc as LocalRpc
    from worknet.testing.chain import NetworkChain as NetworkChain
    from worknet.testing.clock import Clock as Clock
    from worknet.testing.datasets import DeskData as DeskData
    from worknet.testing.datasets import desk_data as desk_data
    from worknet.testing.desk import Desk as Desk
    from worknet.testing.desk import Tried as Tried
    from worknet.testing.errors import SimulationError as SimulationError
    from worknet.testing.evidence import evidence_of as evidence_of
    from worknet.testing.faults import Faults as Faults
    from worknet.testing.faults import Role as Role
    from worknet.testing.inline import InlineRunner as InlineRunner
    from worknet.testing.report import Report as Report
    from worknet.testing.report import report_of as report_of
    from worknet.testing.run import Run as Run
    from worknet.testing.run import Setup as Setup
    from worknet.testing.simulation import simulate as simulate
    from worknet.testing.source import FakeSource as FakeSource
    from worknet.testing.source import SourceFault as SourceFault

PLACES: Final = {
    "Clock": "clock",
    "Desk": "desk",
    "DeskData": "datasets",
    "FakeSource": "source",
    "Faults": "faults",
    "InlineRunner": "inline",
    "LocalChain": "chain",
    "LocalRpc": "chain",
    "NetworkChain": "chain",
    "Report": "report",
    "Role": "faults",
    "Run": "run",
    "Setup": "run",
    "SimulationError": "errors",
    "SourceFault": "source",
    "Tried": "desk",
    "desk_data": "datasets",
    "evidence_of": "evidence",
    "report_of": "report",
    "simulate": "simulation",
}
"""Each public name, and the module of this package that has it."""

__all__ = sorted(PLACES)  # noqa: PLE0605 - the one list of names


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
