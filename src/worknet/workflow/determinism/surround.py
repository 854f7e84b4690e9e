"""A run's process takes the surroundings that its job names: host name, pieces of frames, watch."""

import ctypes
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from worknet.workflow.determinism import folders as watched_folders
from worknet.workflow.determinism import frames as watched_frames
from worknet.workflow.determinism import instrument
from worknet.workflow.determinism.acts import Acts
from worknet.workflow.determinism.watch import Watch
from worknet.workflow.surroundings import Surroundings, Watched

_CLONE_NEWUTS = 0x04000000


def take(head: Mapping[str, Any], bundle: Path) -> tuple[Surroundings, Callable[[], Watched | None]]:
    """Takes the surroundings, before the bundle's code is loaded; the function ends the watch and says what
    was seen (None: nothing was watched)."""
    surroundings = Surroundings(**head["surroundings"])
    if surroundings.host:
        _call_host(surroundings.host)
    if not surroundings.is_watched:
        return surroundings, lambda: None
    watch = Watch(surroundings)
    instrument.install(bundle, watch)
    watched_folders.install(watch)
    watched_frames.install(watch, bundle)
    acts = Acts(watch, bundle)
    acts.start()

    def told() -> Watched:
        acts.stop()
        return watch.told()

    return surroundings, told


def in_pieces(frames: Mapping[str, pl.DataFrame], pieces: int) -> dict[str, pl.DataFrame]:
    """The frames, each in so many pieces of memory as far as it has rows for them."""
    return {name: _in_pieces(frame, pieces) for name, frame in frames.items()}


def _in_pieces(frame: pl.DataFrame, pieces: int) -> pl.DataFrame:
    rows = -(-frame.height // pieces)
    if pieces < 2 or not rows:
        return frame
    return pl.concat(list(frame.iter_slices(rows)), rechunk=False)


def _call_host(name: str) -> None:
    """Gives the machine another name for this process; where that is not possible, it keeps its own."""
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None)
        if libc.unshare(_CLONE_NEWUTS) == 0:
            libc.sethostname(name.encode(), len(name))
