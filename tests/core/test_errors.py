"""What ends a process with a message and no traceback."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.core.errors import UserError, told
from toolkit.core.files import locked

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_a_state_of_the_machine_ends_with_a_message(number, capsys):
    with pytest.raises(SystemExit) as ended, told(1, "here"):
        raise OSError(number, "of the machine")
    assert ended.value.code == 1 and "where:  here" in capsys.readouterr().err


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
