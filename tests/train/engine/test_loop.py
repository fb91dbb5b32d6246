"""The training loop on objectives small enough to be computed by hand."""

import math
import shutil
import subprocess
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from toolkit.core.errors import UserError
from toolkit.train.engine.checkpoint import folder_of, steps_saved
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.engine.loop import train
from toolkit.train.engine.objective import At, Batch, Objective, Term
from toolkit.train.engine.schedule import learning_rate
from toolkit.train.engine.validation import Validation

OPTIM = OptimConfig(peak_lr=0.05, clip=1.0, weight_decay=0.1)
LOOP = LoopConfig(total_steps=20, log_every=4, checkpoint_every=6, tensorboard=False, prefetch=0)


class Regression(Objective):
    """Squared error of a linear map of an input with dropout and seeded noise: two kinds of randomness."""

    def __init__(self, dropout: float = 0.3, width: int = 5) -> None:
        super().__init__()
        self.drop, self.linear = nn.Dropout(dropout), nn.Linear(width, 1)
        with torch.no_grad():
            self.linear.weight.copy_(torch.linspace(-1, 1, width))
            self.linear.bias.zero_()

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        x, y = batch["x"], batch["y"]
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(at.seed)) * 0.1
        error = (self.linear(self.drop(x + noise))[:, 0] - y).pow(2)
        return {"loss": Term(error.sum(), len(x)), "worst": Term(error.max(), 1, 0)}


def batches(step: int, number: int, rows: int = 8, width: int = 5) -> dict[str, Any]:
    random = np.random.default_rng([step, number])
    x = random.standard_normal((rows, width)).astype(np.float32)
    return {"x": x, "y": x.sum(1), "name": f"{step}.{number}"}


def fit(
    out: Path, loop: LoopConfig = LOOP, load: Callable[[int, int], Batch] = batches, **more: Any
) -> dict[str, Tensor]:
    objective = more.pop("objective", None) or Regression()
    train(objective, load, more.pop("optim", OPTIM), loop, out, label="", **more)
    return {name: t.clone() for name, t in objective.state_dict().items()}


def test_a_micro_batch_leaves_memory_before_the_next_but_one_is_read(tmp_path: Path) -> None:
    read: list[weakref.ref[np.ndarray]] = []
    alive: list[int] = []

    def watched(step: int, number: int) -> Batch:
        alive.append(sum(array() is not None for array in read))
        batch = batches(step, number)
        read.append(weakref.ref(batch["x"]))
        return batch

    fit(tmp_path, replace(LOOP, total_steps=2), watched, micro_batches=8)
    assert len(alive) == 16 and max(alive) <= 1


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("stop", [1, 5, 6, 7, 13, 18, 19])
def test_resumed_training_equals_uninterrupted(tmp_path: Path, stop: int, prefetch: int) -> None:
    loop = replace(LOOP, prefetch=prefetch, validate_every=5)
    dev = {"validation": Validation(lambda i: batches(1000, i), 3)}

    def until(step: int, number: int) -> Batch:
        if step == stop:
            raise Stopped
        return batches(step, number)

    whole = fit(tmp_path / "whole", loop, micro_batches=2, **dev)
    with pytest.raises(Stopped):
        fit(tmp_path / "cut", loop, until, micro_batches=2, **dev)
    assert same(fit(tmp_path / "cut", loop, micro_batches=2, **dev), whole)
    files = {p.relative_to(tmp_path / "whole"): p for p in (tmp_path / "whole").rglob("*") if p.is_file()}
    assert len(files) == 5
    for name, path in files.items():
        assert (tmp_path / "cut" / name).read_bytes() == path.read_bytes(), name


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    def never(step: int, number: int) -> Batch:
        raise AssertionError("a batch was asked for")

    objective = Regression()
    first = train(objective, batches, OPTIM, LOOP, tmp_path, label="")
    again = Regression()
    assert train(again, never, OPTIM, LOOP, tmp_path, label="") == first
    assert same(again.state_dict(), objective.state_dict())


def test_global_random_state_before_the_run_does_not_matter(tmp_path: Path) -> None:
    torch.manual_seed(1)
    one = fit(tmp_path / "1")
    torch.manual_seed(2)
    assert same(fit(tmp_path / "2"), one)
    assert not same(fit(tmp_path / "3", replace(LOOP, seed=2)), one)


def test_micro_batches_add_up_to_the_batch_however_unequal_they_are(tmp_path: Path) -> None:
    def unequal(step: int, number: int) -> Batch:
        whole = batches(step, 0, 12)
        rows = (slice(0, 3), slice(3, 12))[number]
        return {"x": whole["x"][rows], "y": whole["y"][rows]}

    class Exact(Regression):
        def forward(self, batch: Batch, at: At) -> dict[str, Term]:
            error = (self.linear(batch["x"])[:, 0] - batch["y"]).pow(2)
            return {"loss": Term(error.sum(), len(error))}

    one = fit(tmp_path / "1", load=lambda s, m: batches(s, 0, 12), objective=Exact())
    two = fit(tmp_path / "2", load=unequal, objective=Exact(), micro_batches=2)
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-6, rtol=1e-5)


def test_a_loss_that_is_not_finite_is_skipped_and_counted(tmp_path: Path) -> None:
    def poisoned(step: int, number: int) -> Batch:
        batch = batches(step, number)
        if step in (3, 4, 9):
            batch["y"] = batch["y"] * math.inf
        return batch

    objective = Regression()
    trained = train(objective, poisoned, OPTIM, replace(LOOP, bad_steps=3), tmp_path, label="")
    assert trained.skipped == 3 and trained.step == 20
    assert all(p.isfinite().all() for p in objective.parameters())
    assert (tmp_path / "loss.tsv").read_text().splitlines()[-1].endswith("\t3")


def test_too_many_steps_in_a_row_that_are_not_finite_end_the_run(tmp_path: Path) -> None:
    def poisoned(step: int, number: int) -> Batch:
        batch = batches(step, number)
        if step >= 8:
            batch["y"] = batch["y"] * math.nan
        return batch

    with pytest.raises(UserError, match="not finite in 5 steps in a row") as error:
        fit(tmp_path, replace(LOOP, bad_steps=5), poisoned)
    assert "step 13" in error.value.where and "peak_lr" in error.value.remedy
    assert steps_saved(tmp_path)[-1] == 12


def test_a_run_whose_every_step_is_bad_does_not_end_well_however_short(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="in 4 steps in a row"):
        fit(
            tmp_path,
            replace(LOOP, total_steps=4),
            lambda s, m: {**batches(s, m), "y": np.full(8, math.nan, np.float32)},
        )


def test_steps_before_a_resume_count_towards_the_row_of_bad_ones(tmp_path: Path) -> None:
    def poisoned(step: int, number: int) -> Batch:
        return {**batches(step, number), "y": np.full(8, math.nan, np.float32)}

    def stopping(step: int, number: int) -> Batch:
        if step == 8:
            raise Stopped
        return poisoned(step, number)

    with pytest.raises(Stopped):
        fit(tmp_path, replace(LOOP, bad_steps=10), stopping)
    with pytest.raises(UserError, match="in 10 steps") as error:
        fit(tmp_path, replace(LOOP, bad_steps=10), poisoned)
    assert "step 10" in error.value.where


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    fit(tmp_path, identity="a")
    with pytest.raises(UserError, match="another run") as error:
        fit(tmp_path, identity="b")
    assert "--fresh STAGE" in error.value.remedy


def test_a_checkpoint_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    fit(tmp_path)
    with pytest.raises(UserError, match=r"linear.weight: \[1, 5\] instead of \[1, 6\]") as error:
        fit(tmp_path, objective=Regression(width=6), load=lambda s, m: batches(s, m, width=6))
    assert "--fresh STAGE" in error.value.remedy


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("state.safetensors", cut),
        ("state.safetensors", Path.unlink),
        ("state.json", cut),
        ("state.json", lambda path: path.write_text("junk")),
        ("state.json", lambda path: path.write_text("{}")),
        ("state.json", Path.unlink),
    ],
)
def test_what_to_do_about_a_damaged_checkpoint_is_said_and_helps(
    tmp_path: Path, file: str, damage: Callable[[Path], object]
) -> None:
    whole = fit(tmp_path / "a run")
    rows = (tmp_path / "a run" / "loss.tsv").read_bytes()
    damage(tmp_path / "a run" / "checkpoints" / "00000020" / file)
    with pytest.raises(UserError, match="damaged checkpoint") as error:
        fit(tmp_path / "a run")
    assert error.value.where.endswith(f"00000020/{file}")
    command, _, rest = error.value.remedy.partition(" and rerun: ")
    assert rest.startswith("it goes on from step 18")
    subprocess.run(command, shell=True, check=True)
    assert same(fit(tmp_path / "a run"), whole)
    assert (tmp_path / "a run" / "loss.tsv").read_bytes() == rows


def test_older_checkpoints_that_are_damaged_too_are_to_go_as_well(tmp_path: Path) -> None:
    fit(tmp_path, replace(LOOP, keep=3))
    for step in (20, 18):
        cut(folder_of(tmp_path, step) / "state.safetensors")
    with pytest.raises(UserError) as error:
        fit(tmp_path)
    wanted = f"rm -r {folder_of(tmp_path, 20)} {folder_of(tmp_path, 18)} and rerun: it goes on from step 12"
    assert error.value.remedy.startswith(wanted)


def test_a_damaged_checkpoint_without_an_older_whole_one_of_this_run_is_made_anew(tmp_path: Path) -> None:
    fit(tmp_path, replace(LOOP, keep=1))
    cut(folder_of(tmp_path, 20) / "state.safetensors")
    with pytest.raises(UserError) as error:
        fit(tmp_path)
    assert "no older one" in error.value.remedy and "--fresh STAGE" in error.value.remedy
    fit(tmp_path / "other", replace(LOOP, total_steps=18), identity="other")
    shutil.copytree(folder_of(tmp_path / "other", 18), folder_of(tmp_path, 18))
    with pytest.raises(UserError) as error:
        fit(tmp_path)
    assert "no older one" in error.value.remedy


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    fit(tmp_path, replace(LOOP, keep=2))
    assert steps_saved(tmp_path) == [18, 20]
    assert not list((tmp_path / "checkpoints").glob("*.tmp"))


def test_checkpoints_for_the_time_it_took_change_nothing_of_a_run(tmp_path: Path) -> None:
    """One after every step, of which the next takes the place."""
    fit(tmp_path / "few")
    fit(tmp_path / "many", replace(LOOP, checkpoint_minutes=1e-9))
    assert steps_saved(tmp_path / "many") == steps_saved(tmp_path / "few") == [18, 20]
    for name in ("loss.tsv", "checkpoints/00000020/state.safetensors"):
        assert (tmp_path / "many" / name).read_bytes() == (tmp_path / "few" / name).read_bytes()


def test_no_checkpoint_is_written_or_read_where_none_is_asked_for(tmp_path: Path) -> None:
    fit(tmp_path, replace(LOOP, checkpoint_every=0))
    assert not (tmp_path / "checkpoints").exists()
    before = (tmp_path / "loss.tsv").read_bytes()
    fit(tmp_path, replace(LOOP, checkpoint_every=0))
    assert (tmp_path / "loss.tsv").read_bytes() == before


def test_rows_of_loss_tsv_are_weighted_means_of_their_steps(tmp_path: Path) -> None:
    class Given(Regression):
        def forward(self, batch: Batch, at: At) -> dict[str, Term]:
            loss = self.linear.bias.sum() * 0 + batch["loss"]
            return {"loss": Term(loss, batch["n"]), "share": Term(batch["hits"], batch["n"], 0)}

    given = {s: (float(s + 1), s % 3 + 1, s % 2) for s in range(8)}

    def load(step: int, number: int) -> Batch:
        loss, n, hits = given[step]
        return {"loss": loss, "n": n, "hits": hits}

    loop = replace(LOOP, total_steps=8, validate_every=6)
    trained = train(Given(), load, OPTIM, loop, tmp_path, validation=Validation(lambda i: load(i, 0), 2), label="")
    header, *rows = (tmp_path / "loss.tsv").read_text().splitlines()
    assert header.split("\t") == ["step", "loss", "share", "dev_loss", "dev_share", "lr", "grad_norm", "skipped"]
    table = {int(r.split("\t")[0]): r.split("\t")[1:] for r in rows}
    assert list(table) == [4, 6, 8]
    for row, steps in ((4, range(4)), (6, range(4, 6)), (8, range(6, 8))):
        n = sum(given[s][1] for s in steps)
        assert float(table[row][0]) == pytest.approx(sum(given[s][0] for s in steps) / n)
        assert float(table[row][1]) == pytest.approx(sum(given[s][2] for s in steps) / n)
    assert table[4][2:4] == ["-", "-"]
    assert trained.dev == {"loss": 3 / 3, "share": 1 / 3}


def test_validation_is_in_eval_mode_with_the_same_randomness_every_time(tmp_path: Path) -> None:
    class Watched(Regression):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[tuple[bool, int]] = []

        def forward(self, batch: Batch, at: At) -> dict[str, Term]:
            self.seen.append((self.training, at.seed))
            return super().forward(batch, at)

    objective = Watched()
    fit(
        tmp_path,
        replace(LOOP, validate_every=10),
        objective=objective,
        validation=Validation(lambda i: batches(9, i), 2),
    )
    dev = [seed for training, seed in objective.seen if not training]
    assert len(dev) == 4 and dev[:2] == dev[2:] and dev[0] != dev[1]
    assert len({seed for training, seed in objective.seen if training}) == 20


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("warmup", [0, 0.1, 25])
def test_the_rate_rises_to_its_peak_and_falls_as_stated(schedule: Any, warmup: float) -> None:
    config = OptimConfig(peak_lr=2.0, warmup=warmup, schedule=schedule)
    rates = [learning_rate(config, s, 100) for s in range(100)]
    w = round(warmup * 100 if warmup < 1 else warmup)
    assert rates[:w] == pytest.approx([2 * (s + 1) / w for s in range(w)])
    assert max(rates) == pytest.approx(2.0) and min(rates) > 0
    left = np.arange(100 - w, 0, -1) / (100 - w)
    falls = {"linear": left, "cosine": (1 - np.cos(np.pi * left)) / 2, "constant": np.ones_like(left)}
    np.testing.assert_allclose(rates[w:], 2 * falls[schedule])


def test_groups_have_their_own_share_of_the_rate(tmp_path: Path) -> None:
    class Grouped(Regression):
        def groups(self) -> list[dict[str, Any]]:
            return [{"params": [self.linear.weight]}, {"params": [self.linear.bias], "lr_scale": 0.0}]

    moved = fit(tmp_path, objective=Grouped(), optim=replace(OPTIM, weight_decay=0.0))
    assert not moved["linear.bias"].any()
    assert not torch.equal(moved["linear.weight"], Regression().linear.weight)


def test_tensorboard_gets_the_rows_of_loss_tsv(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(tmp_path, replace(LOOP, tensorboard=True))
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    header, *rows = [line.split("\t") for line in (tmp_path / "loss.tsv").read_text().splitlines()]
    curve = [(e.step, e.value) for e in events.Scalars("train/loss")]
    assert curve == [(int(r[0]), pytest.approx(float(r[header.index("loss")]), rel=1e-5)) for r in rows]


@pytest.mark.parametrize("config, field", [(LoopConfig, "total_steps"), (LoopConfig, "keep"), (LoopConfig, "threads")])
def test_counts_below_one_are_refused(config: Any, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        config(**{field: 0})
