"""A disk that fills up in the middle of a step."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
mount -t tmpfs -o size=1m none disk || exit 77
"$1" -m toolkit.data.corpora.mini --config "$2" --out disk/data; echo "first: $?"
mount -o remount,size=64m disk
"$1" -m toolkit.data.corpora.mini --config "$2" --out disk/data; echo "second: $?"
"""


@pytest.mark.faults
def test_a_full_disk_is_a_clear_error_and_with_room_the_step_goes_on(tmp_path: Path) -> None:
    if not shutil.which("unshare"):
        pytest.skip("needs unshare (util-linux) to mount a small disk")
    (tmp_path / "disk").mkdir()
    config = ROOT / "egs/mini/ssl/conf/nano/data.yaml"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", SCRIPT, "sh", sys.executable, str(config)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this machine does not let a user mount a disk of his own")
    assert "first: 1" in done.stdout and "error: the disk is full" in done.stderr, done.stderr
    assert "second: 0" in done.stdout and "Traceback" not in done.stderr, done.stderr
