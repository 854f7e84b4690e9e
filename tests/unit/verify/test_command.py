"""The command: exit codes, what people and programs read, and that it needs nothing but Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.verify.conftest import file_of
from tools.vectors.voted import SCORES, Voted

from worknet.verify.command import REFUSED, SOUND, UNUSABLE, VERIFIED, main, run

SOURCE = Path(__file__).parents[3] / "src"


def stranger(*arguments, **environment):
    """Runs the verifier as someone who has Python and these sources, and nothing else."""
    return subprocess.run(
        [sys.executable, "-S", "-s", "-m", "worknet.verify", *map(str, arguments)],
        env={"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_protocol_and_verifier_need_the_standard_library_only():
    modules = [
        ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for package in ("protocol", "verify")
        for path in sorted((SOURCE / "worknet" / package).glob("*.py"))
        if path.name != "__main__.py"
    ]
    code = (
        "import sys, importlib\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "ours = [name for name in sys.modules if name.split('.')[0] == 'worknet']\n"
        "other = {name.split('.')[1] for name in ours if '.' in name} - {'protocol', 'verify'}\n"
        "foreign = {name.split('.')[0] for name in sys.modules} - {'worknet', '__main__'}\n"
        "foreign -= set(sys.stdlib_module_names)\n"
        "sys.exit(f'{other} {foreign}' if other or foreign else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-c", code],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_stranger_gets_exit_codes_and_no_traceback(evidence, content, files, tmp_path):
    good, head = files(content), str(evidence.head)
    bad = files(good.read_bytes().replace(b'"n":3', b'"n":4'), "bad.json")
    deep = files(b"[" * 200_000 + b"\n", "deep.json")
    for arguments, code in (
        ((good,), SOUND),
        ((good, "--head", head), VERIFIED),
        ((good, "--head", head.replace("7:", "12:")), REFUSED),
        ((bad, "--head", head), REFUSED),
        ((deep,), REFUSED),
        ((good, "--head", "nonsense"), UNUSABLE),
        ((good, "--contract", "0x12"), UNUSABLE),
        ((good, "--contract", "0x" + evidence.network["contract"].hex().upper(), "--head", head), VERIFIED),
        ((good, "--contract", "0x" + "12" * 20, "--head", head), REFUSED),
        ((good, "--rpc", "http://127.0.0.1:1/"), UNUSABLE),
        ((good, "--rpc", "file:///etc/passwd"), UNUSABLE),
        ((tmp_path / "missing",), UNUSABLE),
        ((tmp_path,), UNUSABLE),
        ((), UNUSABLE),
        ((good, "--unknown"), UNUSABLE),
    ):
        done = stranger(*arguments)
        assert done.returncode == code, (arguments, done)
        assert b"Traceback" not in done.stderr + done.stdout
        assert done.stdout or done.stderr


def of(rows):
    """A voting with one table of scores."""
    return Voted(contents={("table", "scores"): (SCORES, rows)})


def test_a_terminal_without_the_letters_gets_escapes(files):
    voted = of([{"consumer": "Frau Ä", "wh": 1}])
    done = stranger(files(file_of(voted, voted.row("table", "scores", 0))), PYTHONIOENCODING="ascii")
    assert done.returncode == SOUND
    assert rb"Frau \xc4" in done.stdout


def test_people_read_level_checks_and_row(evidence, content, files, capsys):
    assert run(files(content), str(evidence.head)) == VERIFIED
    said = capsys.readouterr().out
    assert "VERIFIED, level 1" in said
    assert "no further, because" in said
    assert "row 1 of the table scores:" in said
    assert "c1" in said
    assert "1000" in said


def test_people_read_what_was_refused_and_why(evidence, content, files, capsys):
    assert run(files(content), f"12:{evidence.head.root.hex()}") == REFUSED
    said = capsys.readouterr().out
    assert "REFUSED" in said
    assert "head.size: not the trusted head's, 12" in said
    assert "hint:" in said


def test_programs_read_one_object(evidence, content, files, capsys):
    file = files(content)
    for head, code, result in (
        (None, SOUND, "sound"),
        (str(evidence.head), VERIFIED, "verified"),
        ("5:" + "00" * 32, REFUSED, "refused"),
        ("5", UNUSABLE, "unusable"),
    ):
        assert run(file, head, as_json=True) == code
        outcome = json.loads(capsys.readouterr().out)
        assert outcome["result"] == result
        assert outcome["level"] == {"sound": 0, "verified": 1}.get(result)
    assert run(file, str(evidence.head), as_json=True) == VERIFIED
    outcome = json.loads(capsys.readouterr().out)
    values = {"consumer": "c1", "wh": 1000}
    shown = {"kind": "table", "name": "scores", "shown": "row", "index": 1, "values": values}
    assert outcome["disclosure"] == shown
    assert outcome["head"] == str(evidence.head)


def test_a_row_cannot_steer_the_terminal(files, capsys):
    voted = of([{"consumer": "\x1b[2J\u202eevil\x9b\n", "wh": 1}])
    assert run(files(file_of(voted, voted.row("table", "scores", 0)))) == SOUND
    said = capsys.readouterr().out
    assert not {"\x1b", "\u202e", "\x9b"} & set(said)


def test_of_a_whole_table_the_number_of_rows_is_told(voted, files, capsys):
    file = files(file_of(voted, voted.whole("dataset", "load")))
    assert run(file) == SOUND
    assert "all 3 rows of the dataset load" in capsys.readouterr().out
    assert run(file, as_json=True) == SOUND
    shown = {"kind": "dataset", "name": "load", "shown": "whole", "rows": 3}
    assert json.loads(capsys.readouterr().out)["disclosure"] == shown


def test_a_file_that_may_not_be_read_says_so(capsys, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert run(Path("evidence.json")) == UNUSABLE
    assert "cannot be read: Permission denied" in capsys.readouterr().out


def test_arguments_reach_the_command(evidence, content, files, capsys):
    assert main([str(files(content)), "--head", str(evidence.head), "--json"]) == VERIFIED
    assert json.loads(capsys.readouterr().out)["level"] == 1


def test_the_command_line_of_the_project_gives_the_same(evidence, content, files):
    typer = pytest.importorskip("typer")
    from typer.testing import CliRunner

    from worknet.cli.verify import verify

    app = typer.Typer()
    app.command()(verify)
    for head, code in ((None, SOUND), (str(evidence.head), VERIFIED), ("5:" + "00" * 32, REFUSED)):
        arguments = [str(files(content)), *([] if head is None else ["--head", head])]
        assert CliRunner().invoke(app, arguments).exit_code == code
