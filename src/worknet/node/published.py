"""The folder in which a worker's publications stand, one file for each voting; other workers may share it."""

from dataclasses import dataclass
from pathlib import Path

from worknet.protocol.publications import MAX_BYTES, publication_name
from worknet.sources.shared_files import content_of, write_whole

# A worker keeps all else to itself; this is for everybody, such as a web server.
_FOLDER_MODE, _FILE_MODE = 0o755, 0o644


@dataclass(frozen=True)
class PublishedFolder:
    """The publications of a worker; `worker` is what its operator calls it."""

    path: Path
    worker: str

    def has(self, voting_id: bytes) -> bool:
        """Whether the voting's publication is there: it is whole, if it is."""
        file = self.path / publication_name(voting_id)
        return file.is_file() and not file.is_symlink()

    def content(self, voting_id: bytes) -> bytes | None:
        """A voting's publication, None if there is none."""
        try:
            return content_of(self.path / publication_name(voting_id), MAX_BYTES)
        except OSError:
            return None

    def put(self, voting_id: bytes, content: bytes) -> None:
        """Publishes, whole or not at all; another content in its place goes. `OSError` if it cannot."""
        name = publication_name(voting_id)
        if not self.path.is_dir():
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(_FOLDER_MODE)
        # A name of this worker's own: those that share the folder do not meet before the file is whole.
        write_whole(self.path / name, content, f".{name}.{self.worker}.part", _FILE_MODE)
