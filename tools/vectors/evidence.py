"""Vectors of evidence files: sound ones of every form, and files of which one thing is wrong in each."""

from collections.abc import Iterator
from itertools import chain

from tools.vectors.evidence_faults import SMALL, Corrupted, changed, malformed
from tools.vectors.evidence_forms import Form, forms
from tools.vectors.evidence_proofs import foreign
from tools.vectors.evidence_refusals import edits, votings
from tools.vectors.evidence_tables import undeclared, whole_tables
from tools.vectors.form import Json, VectorFile, sample
from tools.vectors.voted import text_of

from worknet.protocol.canonical import to_hex

_ALONE = ("a voting", "a row of a table", "a whole dataset")
"""Forms that are also read without a trusted head."""


def evidence() -> VectorFile:
    """Files with the level that they reach and what they show, and refused ones with the field at fault."""
    file = VectorFile(
        "Evidence files (section 9, docs/reference/evidence.md). `file` is the text of the file, `bytes` are "
        "those of one that is no text; `field` names what is refused."
    )
    for name, form in chain(forms().items(), _unseen()):
        gives = {"how": form.voted.how.name.lower(), "disclosure": _shown(form.document["disclosure"])}
        text, head = text_of(form.document), form.voted.head
        file.good(name, "verify", {"level": 1} | gives, file=text, head=head)
        if name in _ALONE:
            file.good(f"{name}, held against nothing", "verify", {"level": 0} | gives, file=text, head=None)
    for case in (*_heads(), *malformed(), *edits(), *votings(), *foreign(), *undeclared(), *whole_tables()):
        given = {"file": case.file} if isinstance(case.file, str) else {"bytes": case.file}
        file.refused(case.name, "verify", case.error, case.field, **given, head=case.head)
    return file


def _shown(disclosure: Json) -> Json:
    """What a reader is to be told that a disclosure shows."""
    if disclosure is None:
        return None
    shown = disclosure["shown"]
    told = {"kind": disclosure["kind"], "name": disclosure["name"]}
    if "key" in shown:
        return told | {"shown": "whole", "rows": disclosure["header"]["rows"]}
    if "values" in shown:
        return told | {"shown": "row", "index": shown["index"], "values": shown["values"]}
    values = {field["name"]: field["value"] for field in shown["fields"]}
    return told | {"shown": "fields", "index": shown["index"], "values": values}


def _unseen() -> Iterator[tuple[str, Form]]:
    """What a chain alone shows to be wrong (level 3): keys, operators, ballots of others than the voters."""
    voting, other = forms()["a voting"], forms()["other ballots"]
    for key in ("key", "operator"):
        document = changed(voting.document, ("ballots", 0, key), to_hex(sample(f"other {key}", 20)))
        yield f"another {key} of a ballot, which level 3 alone refuses", Form(voting.voted, document)
    ballots = other.document["ballots"]
    document = changed(other.document, ("ballots",), [ballots[0], ballots[2]])
    yield "another's ballot left out, which level 3 alone refuses", Form(other.voted, document)
    document = changed(other.document, ("ballots", 1, "result_root"), to_hex(sample("other")))
    yield "another's ballot changed, which level 3 alone refuses", Form(other.voted, document)
    document = changed(voting.document, ("ballots",), other.document["ballots"])
    document = changed(document, ("ballots", 0), voting.document["ballots"][0])
    document = changed(document, ("ballots", 2), voting.document["ballots"][1])
    yield "a ballot invented, which level 3 alone refuses", Form(voting.voted, document)


def _heads() -> Iterator[Corrupted]:
    """A sound file, held against other heads than its own."""
    text = text_of(SMALL.document())
    size, root = SMALL.head.split(":")
    other = to_hex(sample("root"))
    for name, head, field in (
        ("another size", f"8:{root}", "head.size"),
        ("a smaller size", f"6:{root}", "head.size"),
        ("another root", f"{size}:{other}", "head.root"),
        ("another size and root", f"8:{other}", "head.size"),
    ):
        yield Corrupted(f"trusted head: {name}", text, "RefusedError", field, head)
