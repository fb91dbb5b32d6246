"""What ends a process with a message and no traceback."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from toolkit.core.errors import UserError, told
from toolkit.core.files import locked

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_a_state_of_the_machine_ends_with_a_message(number, capsys):
    with pytest.raises(SystemExit) as ended, told(1, "here"):
        raise OSError(number, "of the machine")
    assert ended.value.code == 1 and "where:  here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("inodes", "free", "message"),
    [(1000, 0, "no inodes left"), (1000, 7, "the disk is full"), (0, 0, "the disk is full")],  # 0: it counts none
)
def test_a_disk_without_inodes_is_told_apart_from_a_full_one(inodes, free, message, capsys, monkeypatch, tmp_path):
    disk = SimpleNamespace(f_files=inodes, f_favail=free)
    monkeypatch.setattr(os, "statvfs", lambda path: disk if path == tmp_path else pytest.fail(f"asked of {path}"))
    with pytest.raises(SystemExit), told(1, "here"):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "exp/new/file"))
    printed = capsys.readouterr().err
    assert message in printed and ("`df -i`" if "inodes" in message else "`df -h`") in printed


def test_a_quota_may_be_of_bytes_or_of_files(capsys):
    with pytest.raises(SystemExit), told(1, "here"):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")
    printed = capsys.readouterr().err
    assert "quota is used up" in printed and "their number" in printed and "`quota -s`" in printed


def test_a_file_that_is_missing_for_no_known_reason_keeps_its_traceback():
    with pytest.raises(FileNotFoundError), told(1, "here"):
        Path("nowhere").read_text()


def test_an_output_where_no_folder_can_be_made_is_a_users_mistake():
    with pytest.raises(UserError, match="no folder can be made here"), locked(Path("/proc/nowhere/out")):
        pass


def test_ctrl_c_while_a_step_imports_its_modules_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise KeyboardInterrupt")
    ended = subprocess.run(
        ["sh", "-c", 'exec "$0" -m toolkit.units.label --out x', sys.executable],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "")


def test_control_characters_of_a_file_are_told_as_escapes_and_lines_and_arabic_stay(capsys):
    with pytest.raises(SystemExit), told(2, ""):
        raise UserError("unknown field \x1b[2Jلهجة\u200c\r", "a\x9b31m.yaml\x07", "write\tit\x00\nplainly")
    expected = "error: unknown field \\x1b[2Jلهجة\u200c\\x0d\n  where:  a\\x9b31m.yaml\\x07\n"
    assert capsys.readouterr().err == expected + "  remedy: write\tit\\x00\nplainly\n"
