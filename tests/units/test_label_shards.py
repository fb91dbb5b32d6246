"""units.label on more shards than a process may have open files."""

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.data.labels import Labels
from toolkit.units import kmeans, label, sample
from toolkit.units.config import UnitsConfig
from toolkit.units.label import LabelConfig

UTTERANCES = 60


def test_more_shards_than_open_files_make_the_labels_of_a_few(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, fields = make_data(n=UTTERANCES, seconds=0.2), {"sample.frames": 700, "kmeans.k": 8}
    (data / "text").unlink()  # nobody says it in so short a time
    run_step(sample, UnitsConfig, [data], tmp_path / "s", fields)
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", fields)
    few = run_step(label, LabelConfig, [data, tmp_path / "c"], tmp_path / "few")
    monkeypatch.setattr(label, "split", lambda seconds: [range(i, i + 1) for i in range(len(seconds))])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + UTTERANCES // 2, hard))
    try:
        many = run_step(label, LabelConfig, [data, tmp_path / "c"], tmp_path / "many")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len([*(tmp_path / "many/shards").iterdir()]) == UTTERANCES and many.counts == few.counts
    assert len(Labels.open(tmp_path / "many")) == UTTERANCES
    for name in ("labels.npy", "ids.txt", "index.npy", "header.json"):
        assert (tmp_path / "many" / name).read_bytes() == (tmp_path / "few" / name).read_bytes()
