"""Published results, from folders and addresses that nobody needs to trust: each is held against its record.

A publication is an evidence file of a voting (section 9), and proves its manifest only if its record is the
one that the reader knows from the log. Then nobody can have another manifest proven for that record: where
two places differ, one of them is wrong, and it is said which.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import httpx

from worknet import __version__
from worknet.audit.findings import Finding, shown
from worknet.config.values import Url
from worknet.protocol.canonical import encode
from worknet.protocol.errors import ProtocolError
from worknet.protocol.evidence import record_document
from worknet.protocol.manifest import Manifest
from worknet.protocol.publications import MAX_BYTES, publication_name
from worknet.protocol.records import Record
from worknet.sources.errors import NonsenseError, Origin, RefusedError, SourceError, UnavailableError
from worknet.sources.fetching import Fetching, address, server_of
from worknet.sources.shared_files import content_of
from worknet.sources.waiting import run, within
from worknet.verify import VerifyError, parse, verify

RULE = "publication"
AT_ONCE = 8
"""How many publications are asked for at the same time."""
BATCH = 256
"""After how many what was found is handed over."""
MOST_FAULTS = 3
"""After how many faults in a row a place is asked no more."""
TIMEOUT_SECONDS = 10.0

_ABOUT = "publication"
_ABSENT = {404, 410}

RootAt: TypeAlias = Callable[[int], bytes | None]
"""The log's tree head after so many leaves; None where the reader does not know it."""


@dataclass(frozen=True)
class Known:
    """A record as the reader knows it from the log, and its position."""

    record: Record
    position: int


@dataclass(frozen=True)
class Publication:
    """A manifest that is proven by the record of its voting, and the place from which it is."""

    voting_id: bytes
    where: str
    manifest: Manifest


@dataclass(frozen=True)
class Published:
    """What the places have about one voting: the first sound publication, if there is any, and which further
    places have it; and what is wrong with others that were found."""

    voting_id: bytes
    publication: Publication | None
    also: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class Publications:
    """Reads publications from these places, in their order; `timeout` bounds each, in seconds.

    `faults` are the places that could not be read, and why: nothing is said about what lies there.
    """

    def __init__(self, places: Iterable[Path | Url], timeout: float = TIMEOUT_SECONDS) -> None:
        """Raises `SourceError` for an address that is none."""
        self._places: list[_Folder | _Server] = [
            _Server(each.value) if isinstance(each, Url) else _Folder(each, timeout)
            for each in dict.fromkeys(places)
        ]
        self._timeout = timeout
        self._in_row: dict[str, int] = {}
        self.faults: dict[str, str] = {}

    def find(
        self, known: Iterable[Known], *, every_place: bool = False, root_at: RootAt | None = None
    ) -> Iterator[Published]:
        """What is published about each record, in the order given.

        The first sound one is enough, unless `every_place` is to be asked. With `root_at` its tree head is
        held against the log too. What is found wrong names the place that has the sound one, if one has it.
        Whatever the places answer, nothing is raised.
        """
        records = iter(known)
        verify_tls = self._authorities()
        while batch := list(islice(records, BATCH)):
            yield from run(self._find_all(batch, every_place, root_at, verify_tls))

    def _authorities(self) -> ssl.SSLContext | bool:
        """What certificates are checked with; reading that takes a while, and is for nothing without TLS."""
        has_tls = any(isinstance(each, _Server) and each.url.scheme == "https" for each in self._places)
        return has_tls and httpx.create_ssl_context()

    async def _find_all(
        self,
        batch: Sequence[Known],
        every_place: bool,
        root_at: RootAt | None,
        verify_tls: ssl.SSLContext | bool,
    ) -> list[Published]:
        turns = asyncio.Semaphore(AT_ONCE)
        headers = {"Accept-Encoding": "identity", "User-Agent": f"worknet/{__version__}"}
        async with httpx.AsyncClient(
            headers=headers, verify=verify_tls, trust_env=False, timeout=self._timeout
        ) as client:
            fetching = Fetching(client, self._timeout, 0, 0.0)

            async def find(known: Known) -> Published:
                async with turns:
                    return await self._find(known, fetching, every_place, root_at)

            return await asyncio.gather(*(find(known) for known in batch))

    async def _find(
        self, known: Known, fetching: Fetching, every_place: bool, root_at: RootAt | None
    ) -> Published:
        voting_id = known.record.voting_id
        found: Publication | None = None
        also: list[str] = []
        findings: list[Finding] = []
        for place in self._places:
            if self._in_row.get(place.where, 0) >= MOST_FAULTS:
                continue
            try:
                content = await place.content(publication_name(voting_id), fetching)
                self._in_row[place.where] = 0
                if content is None:
                    continue
                manifest = manifest_of(content, known, root_at)
            except (VerifyError, NonsenseError) as error:
                wrong = error.message if isinstance(error, SourceError) else str(error)
                findings.append(_finding(known, place.where, wrong))
                continue
            except SourceError as error:
                self._in_row[place.where] = self._in_row.get(place.where, 0) + 1
                self.faults[place.where] = error.message
                continue
            if found is not None:
                also.append(place.where)
                continue
            found = Publication(voting_id, place.where, manifest)
            if not every_place:
                break
        if found is not None:
            sound = shown(sound=found.where)
            findings = [replace(each, evidence={**each.evidence, **sound}) for each in findings]
        return Published(voting_id, found, tuple(also), tuple(findings))


def manifest_of(content: bytes, known: Known, root_at: RootAt | None = None) -> Manifest:
    """The manifest that a publication proves for a record that is known from the log.

    Raises `VerifyError` for what is no evidence, or does not hold, for that of another record, and for what
    is no publication: without a manifest, or with rows.
    """
    evidence = parse(content)
    document = evidence.document
    if document["record"] != record_document(known.record):
        raise VerifyError("its record is not the one of this voting in the log")
    if document["position"] != known.position:
        raise VerifyError(f"its record stands at position {known.position} of the log, and not where it says")
    verify(evidence)
    if document["manifest"] is None:
        raise VerifyError("it has no manifest")
    if document["disclosure"] is not None:
        raise VerifyError("it discloses more than the manifest")
    root = None if root_at is None else root_at(evidence.head.size)
    if root_at is not None and root != evidence.head.root:
        raise VerifyError(f"the log had another tree head when it had {evidence.head.size} leaves")
    try:
        return Manifest.parse(encode(document["manifest"]["document"]))
    except ProtocolError as error:
        raise VerifyError(str(error), error.hint) from error


def _finding(known: Known, where: str, wrong: str) -> Finding:
    return Finding(
        RULE,
        f"the publication at {where} is wrong: {wrong}",
        known.record.voting_id,
        known.position,
        evidence=shown(where=where),
    )


class _Folder:
    """A folder with publications, which may be one of the network and hang."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.where, self._path, self._timeout = str(path), path, timeout

    async def content(self, name: str, _: Fetching) -> bytes | None:
        """A publication, None if there is none; raises `SourceError`."""
        origin = Origin(_ABOUT, self.where)
        try:
            content = within(self._timeout, partial(self._read, name))
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise UnavailableError(origin, "there is no such folder") from None
        except TimeoutError:
            raise UnavailableError(origin, f"not read within {self._timeout:.3g} s") from None
        except OSError as error:
            raise UnavailableError(origin, f"cannot be read: {error.strerror}") from None
        if content is None:
            raise NonsenseError(origin, f"no file of at most {MAX_BYTES} bytes")
        return content

    def _read(self, name: str) -> bytes | None:
        """As `content_of`, with `NotADirectoryError` where the folder itself is missing."""
        try:
            return content_of(self._path / name, MAX_BYTES)
        except FileNotFoundError:
            if self._path.is_dir():
                raise
            raise NotADirectoryError from None


class _Server:
    """An address under which a server has publications."""

    def __init__(self, text: str) -> None:
        server = server_of(_ABOUT, text)
        self.url = address(text, Origin(_ABOUT, ""))
        # Neither a user nor a query: what is secret in an address stands there.
        self.where = f"{server}{self.url.path.rstrip('/')}"

    async def content(self, name: str, fetching: Fetching) -> bytes | None:
        """A publication, None if there is none; raises `SourceError`."""
        url = self.url.copy_with(path=f"{self.url.path.rstrip('/')}/{name}")
        try:
            return (await fetching.get(url, MAX_BYTES, Origin(_ABOUT, self.where))).body
        except RefusedError as error:
            if error.status in _ABSENT:
                return None
            raise
