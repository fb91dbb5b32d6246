"""What k-means may have of memory, and what the mean of its sample takes of it."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit.core.errors import UserError
from toolkit.data.ark import write_features
from toolkit.units import frames
from toolkit.units.clustering import SUM_ROWS
from toolkit.units.config import UnitsConfig
from toolkit.units.frames import Sample, mean_frame, memory_bytes
from toolkit.units.kmeans import _info

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def limited(tmp_path: Path, own: str, files: dict[str, str]) -> int:
    """memory_bytes of a process in the groups `own`, with those files below the mount."""
    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text + "\n")
    (tmp_path / "own").write_text(own)
    return memory_bytes(tmp_path / "cgroup", tmp_path / "own")


def test_without_control_groups_it_is_the_memory_of_the_machine(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path / "none", tmp_path / "nowhere") == MACHINE
    assert 0 < memory_bytes() <= MACHINE


@pytest.mark.parametrize(
    "own, files, expected",
    [
        ("0::/\n", {"memory.max": "1000000"}, 1_000_000),  # a container
        ("0::/\n", {"memory.max": "max"}, MACHINE),
        ("0::/job_7/step_0\n", {"job_7/memory.max": "3000000", "job_7/step_0/memory.max": "max"}, 3_000_000),
        ("0::/job_7\n", {"job_8/memory.max": "5"}, MACHINE),  # of another job
        ("9:cpu,cpuacct:/a\n4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "2000000"}, 2_000_000),
        ("4:memory:/docker/c0ffee\n", {"memory/memory.limit_in_bytes": "4000000"}, 4_000_000),  # own path unmounted
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, MACHINE),  # version 1's `no limit`
    ],
)
def test_the_smallest_limit_of_a_control_group_counts(
    tmp_path: Path, own: str, files: dict[str, str], expected: int
) -> None:
    assert limited(tmp_path, own, files) == expected


def test_a_damaged_sample_is_a_users_mistake(tmp_path: Path) -> None:
    write_features(tmp_path / "feats.ark", [("a", np.ones(100, np.float32))], tmp_path / "feats.ark")
    table = tmp_path / "utt2num_frames"
    table.write_text("a 100\n")
    with pytest.raises(UserError, match=r"a has \(100,\) numbers"):
        list(Sample(tmp_path).parts())
    for damaged in ("a", "a many", "a 1 2"):
        table.write_text(damaged + "\n")
        with pytest.raises(UserError, match="a line that is not `utterance frames`") as e:
            Sample(tmp_path)
        assert e.value.where == str(table)
    for damaged in ("{}", "[]", '{"kind": "mfcc"'):
        (tmp_path / "features.json").write_text(damaged)
        with pytest.raises(UserError) as e:
            _info(tmp_path, UnitsConfig())
        assert e.value.where.endswith("features.json")


def test_a_sample_larger_than_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 frames of 4 numbers are 1,600 bytes, which are just 80% of 2,000."""
    write_features(tmp_path / "feats.ark", [("a", np.ones((100, 4), np.float32))], tmp_path / "feats.ark")
    (tmp_path / "utt2num_frames").write_text("a 100\n")
    monkeypatch.setattr(frames, "memory_bytes", lambda: 2000)
    assert Sample(tmp_path).load(0).shape == (100, 4)
    monkeypatch.setattr(frames, "memory_bytes", lambda: 1999)
    with pytest.raises(UserError, match="100 frames of 4 numbers"):
        Sample(tmp_path).load(0)


@pytest.mark.parametrize("frames", [1, 1000, SUM_ROWS, 3 * SUM_ROWS + 17])
def test_the_mean_is_that_of_the_whole_sample_in_float64(frames: int) -> None:
    x_ND = torch.randn(frames, 3, generator=torch.Generator().manual_seed(frames)) + torch.tensor([0.0, 1e4, -3.0])
    assert torch.equal(mean_frame(x_ND), torch.from_numpy(x_ND.numpy().astype(np.float64).mean(0)).float())


def test_the_mean_makes_no_float64_copy_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    whole_sum = torch.Tensor.sum

    def counting(x: torch.Tensor, *args: int, **kwargs: torch.dtype) -> torch.Tensor:
        rows.append(len(x))
        return whole_sum(x, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "sum", counting)
    mean_frame(torch.ones(2 * SUM_ROWS + 1, 2))
    assert rows == [SUM_ROWS, SUM_ROWS, 1]
