"""A disk that fills up in the middle of a step."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = Path(__file__).resolve().parents[2] / "egs/mini/ssl/conf/nano/data.yaml"
SCRIPT = """
mount -t tmpfs -o size=1m none disk || exit
"$1" -m toolkit.data.corpora.mini --config "$2" --out disk/data; echo "first: $?"
mount -o remount,size=64m disk
"$1" -m toolkit.data.corpora.mini --config "$2" --out disk/data; echo "second: $?"
"""
WITHOUT_INODES = """
mount -t tmpfs -o size=64m,nr_inodes=12 none disk || exit
"$1" -m toolkit.data.corpora.mini --config "$2" --out disk/data; echo "first: $?"
"""


def on_disk(script: str, tmp_path: Path, unshare: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a script that mounts a disk of its own on the folder `disk`."""
    (tmp_path / "disk").mkdir()
    words = ["sh", "-c", script, "sh", sys.executable, str(CONFIG)]
    return subprocess.run([*unshare, *words], cwd=tmp_path, capture_output=True, text=True)


@pytest.mark.faults
def test_a_full_disk_is_a_clear_error_and_with_room_the_step_goes_on(tmp_path: Path, unshare: list[str]) -> None:
    done = on_disk(SCRIPT, tmp_path, unshare)
    assert "first: 1" in done.stdout and "error: the disk is full" in done.stderr, done.stderr
    assert "second: 0" in done.stdout and "Traceback" not in done.stderr, done.stderr


@pytest.mark.faults
def test_a_disk_with_room_and_without_inodes_says_so(tmp_path: Path, unshare: list[str]) -> None:
    done = on_disk(WITHOUT_INODES, tmp_path, unshare)
    assert "first: 1" in done.stdout and "error: the disk has room, but no inodes left" in done.stderr, done.stderr
    assert "`df -i`" in done.stderr and "Traceback" not in done.stderr
