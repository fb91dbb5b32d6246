"""Means, frames or a stream: the same figures of each, the choice where the disk is short, and that nothing stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tones import CONFIG, TASKS, results

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.core.shards import WorkerDone
from toolkit.core.step import Step
from toolkit.tasks import fit, room
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.hear import Hearing
from toolkit.tasks.sets import Folders
from toolkit.tasks.upstream import Network

NETWORK = replace(CONFIG, rows=("models",))
FILES = ("{}.json", "{}.hyp", "{}.items.tsv", "{}.safetensors")


@pytest.fixture(scope="module")
def frames(run: Callable[..., Path]) -> Path:
    return run(replace(NETWORK, features="frames"))


def test_a_stream_gives_the_bits_of_stored_frames(
    frames: Path, run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bool] = []
    honest = Hearing._compute
    monkeypatch.setattr(Hearing, "_compute", lambda self, of, path: kept.append(of.stored) or honest(self, of, path))
    stream = run(replace(NETWORK, features="stream"))
    assert kept == [False] * 3
    for task in TASKS:
        for name in FILES:
            path = f"it1.base/{name.format(task)}"
            assert (stream / path).read_bytes() == (frames / path).read_bytes(), path


def test_heads_that_need_means_alone_learn_the_same_from_frames(frames: Path, run: Callable[..., Path]) -> None:
    """Exact up to the order in which floats are added."""
    means = run(replace(NETWORK, features="means", tasks={"dialect": TASKS["dialect"]}))
    one, two = (results(out, "it1.base", "dialect") for out in (means, frames))
    assert one.decides.value == two.decides.value
    assert (one.chosen.lr, one.chosen.dev) == (two.chosen.lr, two.chosen.dev)
    ours, theirs = (load_file(out / "it1.base/dialect.safetensors") for out in (means, frames))
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], atol=1e-3, rtol=1e-3)


def test_auto_is_means_where_they_are_enough_and_else_frames(
    frames: Path, run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, bool] = {}
    honest = Hearing._compute
    monkeypatch.setattr(
        Hearing, "_compute", lambda self, of, path: kept.update({of.set: of.stored}) or honest(self, of, path)
    )
    auto = run(NETWORK)
    assert kept == dict.fromkeys(("dev", "test", "train"), True)
    assert (auto / "it1.base/phone.safetensors").read_bytes() == (frames / "it1.base/phone.safetensors").read_bytes()
    run(replace(NETWORK, tasks={"dialect": TASKS["dialect"]}))
    assert kept == dict.fromkeys(("dev", "test", "train"), False)


def test_means_are_refused_for_a_task_that_needs_frames() -> None:
    with pytest.raises(ValueError, match="features: means are not enough for task phone of type frames"):
        replace(CONFIG, features="means")


def test_auto_streams_what_has_no_room_and_says_so(
    frames: Path, run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "free_mb", lambda folder: 0.0)
    out = run(NETWORK)
    assert "the frames of it1.base need about 0 MB and 0 are free" in (text := capsys.readouterr().out)
    assert "they are computed again for each batch, which is slow" in text
    assert (out / "it1.base/asr.safetensors").read_bytes() == (frames / "it1.base/asr.safetensors").read_bytes()
    with pytest.raises(UserError, match=r"the frames of it1\.base need about") as error:
        run(replace(NETWORK, features="frames"))
    assert "features: auto" in error.value.remedy and "cache_layers" in error.value.remedy


def test_means_and_fine_tuning_need_no_room(run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_mb", lambda folder: 0.0)
    run(replace(NETWORK, features="means", tasks={"dialect": TASKS["dialect"]}))
    tuned = {"phone": replace(TASKS["phone"], steps=1, lr=(1e-2,))}
    run(replace(NETWORK, features="frames", freeze=False, tasks=tuned))


def test_rows_come_together_as_long_as_their_frames_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert room.frames_mb(3600, 13, 768) == pytest.approx(3594, rel=1e-3)  # base size: 3.6 GB per hour
    wanted = {"a": 50.0, "means": 0.0, "b": 40.0, "c": 20.0, "large": 90.0}
    monkeypatch.setattr(room, "free_mb", lambda folder: 100.0)  # of which 80 are used
    assert room.first_group(wanted, False, tmp_path) == room.Group(["a", "means", "c", "large"], {"a", "c"})
    with pytest.raises(UserError, match="frames of large need about 90 MB and 100 are free, of which 80 % may be used"):
        room.first_group(wanted, True, tmp_path)
    monkeypatch.setattr(room, "free_mb", lambda folder: 1000.0)
    assert room.first_group(wanted, True, tmp_path) == room.Group(list(wanted), {"a", "b", "c", "large"})


def test_rows_that_do_not_fit_together_come_one_after_the_other(
    frames: Path, run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has room for the frames of one network; filter banks and means need little or none."""
    honest, heard = Hearing._compute, []
    need: dict[str, float] = {}

    def look(self: Hearing, of: Any, path: Path) -> None:
        present = {p.name.split(".train")[0] for p in (self.folder / "features").glob("*.train.*") if p.is_dir()}
        heard.append((of.row, of.set, of.stored, sorted(present - {of.row})))
        honest(self, of, path)

    def free(folder: str) -> float:
        return max(need.values()) * 1.1 / room.SHARE

    mb = Hearing._mb
    monkeypatch.setattr(Hearing, "_mb", lambda self, row, names: need.setdefault(row, mb(self, row, names)))
    monkeypatch.setattr(Hearing, "_compute", look)
    monkeypatch.setattr(room, "free_mb", free)
    out = run(replace(CONFIG, rows=("random", "models"), features="frames"))
    assert [row for row, *_ in heard] == ["random.it1.base"] * 3 + ["it1.base"] * 3
    assert all(stored and not beside for _, _, stored, beside in heard)
    for task in TASKS:
        for name in FILES:
            path = f"it1.base/{name.format(task)}"
            assert (out / path).read_bytes() == (frames / path).read_bytes(), path


def test_features_of_a_stopped_run_are_computed_once_and_those_of_another_config_are_removed(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the training; meanwhile `states` changed: what was computed for other states is of no use."""
    seen: list[int] = []
    honest = Network.states
    monkeypatch.setattr(Network, "states", lambda self, wave_N: seen.append(1) or honest(self, wave_N))
    small = replace(NETWORK, tasks={"phone": replace(TASKS["phone"], steps=2, lr=(1e-2,))})
    choose, make = Hearing.choose, fit.make_units

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "make_units", dies)
    for config, heard in ((small, True), (small, False), (replace(small, cache_layers=(1,)), True)):
        monkeypatch.setattr(Hearing, "choose", lambda self, units: (seen.clear(), choose(self, units)))
        with pytest.raises(KeyboardInterrupt):
            run(config, tmp_path)
        assert bool(seen) == heard
        assert len(list((tmp_path / "work/features").iterdir())) == 3
    monkeypatch.setattr(fit, "make_units", make)
    run(replace(small, cache_layers=(1,)), tmp_path)
    assert not (tmp_path / "work").exists()


def test_a_worker_does_its_part_of_the_half_that_the_run_is_at(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker on another host has the step's command alone: it hears while features are missing, else it trains."""
    config = replace(NETWORK, tasks={"phone": replace(TASKS["phone"], steps=2, lr=(1e-2,))}, rows=("fbank", "models"))
    inputs = [corpus / "data", corpus / "exp/it1/base"]

    def at_work(worker: tuple[int, int] | None) -> None:
        fit.run(Step(config, inputs, tmp_path, ["tasks.fit"], worker))

    honest = Hearing.run
    monkeypatch.setattr(Hearing, "run", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        at_work(None)  # the run has chosen what is computed, and nothing more
    monkeypatch.setattr(Hearing, "run", honest)
    folder = tmp_path / "work/features"
    for worker, count in (((1, 2), 3), ((2, 2), 6)):
        with pytest.raises(WorkerDone):
            at_work(worker)
        assert len(list(folder.iterdir())) == count and not list(tmp_path.glob("*/.row/phone/whole"))
    with pytest.raises(WorkerDone):
        at_work((2, 2))
    assert [path.parents[2].name for path in tmp_path.glob("*/.row/phone/whole")] == ["it1.base"]
    at_work(None)
    assert read_json(tmp_path / "fbank/phone.json")["steps"] == 2


def test_the_size_that_is_foretold_is_that_of_the_file(corpus: Path, tmp_path: Path) -> None:
    config = TasksConfig(tasks={"phone": TASKS["phone"]}, rows=("models",))
    step = Step(config, [corpus / "data", corpus / "exp/it1/base"], tmp_path, ["tasks.fit"])
    grid = fit.Grid.of(step, fit.serve(config, Folders((corpus / "data",))))
    hearing = Hearing(grid, torch.device("cpu"))
    hearing.choose(grid.wanting())
    hearing.run()
    size = sum(path.stat().st_size for path in tmp_path.glob("work/features/it1.base.train.*/frames.f16")) / 1e6
    assert size == pytest.approx(hearing._mb("it1.base", {"train"}), rel=0.05)
