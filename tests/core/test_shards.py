"""Splitting by content."""

import errno
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core import files, shards
from toolkit.core.errors import UserError
from toolkit.core.registry import NoConfig
from toolkit.core.shards import FEWEST_SHARDS, SECONDS_PER_SHARD, doing, run_shards, split
from toolkit.core.step import Step


@given(st.lists(st.floats(0.01, 4000), min_size=1, max_size=300))
def test_shards_cover_every_item_once_in_order_and_none_is_empty(seconds):
    shards = split(seconds)
    assert [i for s in shards for i in s] == list(range(len(seconds)))
    assert all(len(s) for s in shards)
    assert len(shards) == min(len(seconds), max(FEWEST_SHARDS, round(sum(seconds) / SECONDS_PER_SHARD)))


@given(st.integers(1, 400), st.floats(1, 30))
def test_shards_of_equal_items_are_of_about_equal_audio(n, seconds):
    sizes = [len(s) for s in split([seconds] * n)]
    assert max(sizes) - min(sizes) <= max(1, math.ceil(n / len(sizes) * 0.05) + 1)


def test_nothing_to_do_is_no_shard():
    assert split([]) == []


def test_what_a_worker_is_doing_is_the_last_bar_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "worker.1.log"
    assert doing([log]) == ""
    log.write_text(
        "# command\n  fbank asr  12% |##   | 12/100 steps\n  fbank asr  58% |#####| 58/100 steps  2.0 steps/s\n"
    )
    assert doing([log, log]) == "fbank asr 58%; fbank asr 58%"


@pytest.mark.parametrize(("ngpu", "on_device", "workers"), [(0, True, 4), (2, True, 2), (2, False, 4)])
def test_no_more_workers_than_gpus_share_the_work_that_runs_on_them(
    ngpu: int, on_device: bool, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[str] = []

    def share(argv, logs, *_):
        jobs.extend(log.name for log in logs)
        for k in range(8):
            (tmp_path / "shards" / f"{k:05d}").write_text("made")

    monkeypatch.setattr(shards, "share", share)
    monkeypatch.setenv("SAWT_NJ", "4")
    monkeypatch.setenv("SAWT_NGPU", str(ngpu))
    step = Step(NoConfig(), [], tmp_path, ["units.label"])
    run_shards(step, [1.0] * 8, lambda k, path: None, on_device=on_device)
    assert jobs == [f"worker.{i}.log" for i in range(1, workers + 1)]


def test_where_nothing_is_left_to_make_no_worker_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def share(*_):
        raise AssertionError("a worker without work")

    monkeypatch.setattr(shards, "share", share)
    monkeypatch.setenv("SAWT_NJ", "4")
    monkeypatch.setenv("SAWT_NGPU", "2")
    step = Step(NoConfig(), [], tmp_path, ["units.label"])
    assert run_shards(step, [], lambda k, path: None, on_device=True) == []
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards/00000").write_text("made")
    assert run_shards(step, [1.0], lambda k, path: None, on_device=True) == [tmp_path / "shards/00000"]


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    with pytest.raises(UserError, match="cannot lock files") as e, files.locked(tmp_path):
        pass
    assert "flock" in e.value.remedy
