"""Labels of many shards become one: the bytes of writing them at once, with few files open."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from toolkit.core.errors import UserError
from toolkit.data.labels import LabelHeader, Labels, join_labels, write_labels

HEADER = LabelHeader(50.0, 30, "abc123", "mfcc")


def shards(folder: Path, sizes: list[int]) -> tuple[list[Path], dict[str, np.ndarray]]:
    """Shards of so many utterances, none included; and all labels by id, in order."""
    rng, all_rows, paths = np.random.default_rng(len(sizes)), {}, []
    ids = iter(sorted(f"{name}-تسجيل-{i:04d}" for name in ("ahmed", "عمر", "ليلى") for i in range(sum(sizes) // 3 + 1)))
    for k, n in enumerate(sizes):
        rows = {next(ids): rng.integers(0, 30, rng.integers(0, 9)).astype(np.uint16) for _ in range(n)}
        paths.append(folder / f"{k:05d}")
        write_labels(paths[-1], HEADER, list(rows), list(rows.values()), check=False)
        all_rows.update(rows)
    return paths, all_rows


@contextmanager
def open_files(more: int) -> Iterator[None]:
    """At most so many files more than are open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_joined_shards_are_the_bytes_of_all_written_at_once(tmp_path: Path) -> None:
    paths, rows = shards(tmp_path / "shards", [0, 3, 1, 0, 0, 7, 4, 0])
    join_labels(tmp_path / "joined", HEADER, paths)
    write_labels(tmp_path / "whole", HEADER, list(rows), list(rows.values()))
    assert sorted(p.name for p in (tmp_path / "joined").iterdir()) == sorted(
        p.name for p in (tmp_path / "whole").iterdir()
    )
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (tmp_path / "joined" / file.name).read_bytes(), file.name
    labels = Labels.open(tmp_path / "joined")
    assert {id: labels[id].tolist() for id in labels} == {id: row.tolist() for id, row in rows.items()}


def test_many_shards_need_few_open_files(tmp_path: Path) -> None:
    paths, rows = shards(tmp_path / "shards", [2] * 120)
    with open_files(12), pytest.raises(OSError, match="Too many open files"):
        [Labels.open(path) for path in paths]
    with open_files(12):
        join_labels(tmp_path / "joined", HEADER, paths)
    assert list(Labels.open(tmp_path / "joined")) == list(rows)


def test_what_cannot_be_right_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    paths, _ = shards(tmp_path / "shards", [2, 2])
    with pytest.raises(ValueError, match="before the end of the part before it"):
        join_labels(tmp_path / "joined", HEADER, paths[::-1])
    with pytest.raises(UserError, match="where k is 2"):
        join_labels(tmp_path / "joined", LabelHeader(50.0, 2, "abc123", "mfcc"), paths)
    write_labels(tmp_path / "silent", HEADER, ["a"], [np.full(9999, 7)], check=False)
    with pytest.raises(UserError, match="unit 7"):
        join_labels(tmp_path / "joined", HEADER, [tmp_path / "silent", *paths])
    with pytest.raises(UserError, match="not a single label"):
        join_labels(tmp_path / "joined", HEADER, [])
    assert not (tmp_path / "joined").exists()
