"""Files of tensors."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from toolkit.core.errors import UserError
from toolkit.models.tensors import read_tensors, write_tensors

FULL = """
mount -t tmpfs -o size=1m none disk || exit
"$1" -c 'import torch, pathlib, toolkit.models.tensors as t
try: t.write_tensors(pathlib.Path("disk/x"), {"x": torch.zeros(10**6)})
except OSError as e: print("errno", e.errno)'
"""


def test_what_is_written_is_read_and_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 4), "b": torch.arange(5, dtype=torch.uint8), "c": torch.randn(4, 3).T}
    before = os.umask(0o027)
    try:
        write_tensors(tmp_path / "x", tensors)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640
    again = read_tensors(tmp_path / "x")
    assert again.keys() == tensors.keys() and all(torch.equal(again[n], t) for n, t in tensors.items())


@pytest.mark.parametrize("keep", [0, 5, 100])
def test_a_broken_file_is_a_users_error(keep: int, tmp_path: Path) -> None:
    write_tensors(tmp_path / "x", {"a": torch.zeros(100)})
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:keep])
    with pytest.raises(UserError, match="missing or broken tensor file") as error:
        read_tensors(tmp_path / "x")
    assert error.value.remedy and str(tmp_path / "x") in error.value.where
    with pytest.raises(UserError, match="missing or broken tensor file"):
        read_tensors(tmp_path / "y")


def test_a_full_disk_is_the_error_of_a_full_disk(tmp_path: Path, unshare: list[str]) -> None:
    (tmp_path / "disk").mkdir()
    script = ["sh", "-c", FULL, "sh", sys.executable]
    done = subprocess.run([*unshare, *script], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "errno 28\n", done.stderr


@pytest.mark.parametrize("weight", [1.9e37, -1.9e37, float("inf"), float("nan")])
def test_a_weight_that_no_training_gives_is_refused_by_name(weight: float, tmp_path: Path) -> None:
    """A flipped bit of the exponent: the file is whole, and every answer of the network is wrong."""
    tensors = {"layer.weight": torch.full((3, 4), 0.02), "layer.bias": torch.zeros(4)}
    tensors["layer.weight"][1, 2] = weight
    write_tensors(tmp_path / "x", tensors)
    with pytest.raises(UserError, match=r"damaged weights: layer\.weight holds"):
        read_tensors(tmp_path / "x")
    assert read_tensors(tmp_path / "x", bounded=False).keys() == tensors.keys()
