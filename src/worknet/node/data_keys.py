"""The members' data keys, one for each epoch: read when one is needed, and not kept in memory.

The operator adds a new epoch's line and file while the worker runs: node.toml is read anew when a policy
names an epoch that it did not have.
"""

import threading

import structlog

from worknet.config import ConfigError, NodeConfig

log = structlog.get_logger()


class DataKeys:
    """The data keys that a node.toml names, as it stands now; safe to use from several threads."""

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._missing: set[int] = set()
        self._lock = threading.Lock()

    def __call__(self, epoch: int) -> bytes:
        """The data key of that epoch, 32 bytes; `ConfigError` says where it is missing.

        That it is missing is told in the log once, and again when it is there.
        """
        with self._lock:
            try:
                key = self._read(epoch)
            except ConfigError as error:
                if epoch not in self._missing:
                    self._missing.add(epoch)
                    log.warning("data_key.missing", epoch=epoch, error=str(error), hint=error.hint)
                raise
            if epoch in self._missing:
                self._missing.discard(epoch)
                log.info("data_key.found", epoch=epoch)
            return key

    def _read(self, epoch: int) -> bytes:
        if epoch not in self._config.data_keys:
            # What else has changed in the file counts from the next start on.
            self._config = NodeConfig.load(self._config.file)
        return self._config.data_key(epoch)
