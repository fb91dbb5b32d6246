"""Whole runs of an objective with three terms and a frozen teacher: ranks, kills, checkpoints, validation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dummies import Three, dev, fit, load
from ranks import in_ranks
from safetensors.torch import load_file

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.train.engine.checkpoint import BEST, digest, folder_of, load_weights, steps_saved
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.engine.kept import export_kept, folder_at
from toolkit.train.engine.loop import train
from toolkit.train.engine.objective import Objective, Term
from toolkit.train.engine.ranks import World
from toolkit.train.engine.schedule import optimiser
from toolkit.train.engine.validation import Validation, validate

LOOP = LoopConfig(
    total_steps=12, log_every=3, validate_every=4, checkpoint_every=5, tensorboard=False, prefetch=0, best="median"
)
ROWS = (3, 1, 4, 2, 2)  # dev batches of unequal size, an odd number of them
STUDENT = {f"{layer}.{kind}" for layer in ("student", "items") for kind in ("weight", "bias")}


def made(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Output and result of an uninterrupted run in one process."""
    out = tmp_path_factory.mktemp("whole")
    return out, fit(World.alone(), out, LOOP, 2, ROWS)


def test_the_run_lowers_its_loss_and_logs_every_term(whole: tuple[Path, dict[str, Any]]) -> None:
    rows = np.genfromtxt(whole[0] / "loss.tsv", names=True)
    names = ["loss", "squares", "teacher", "rows", "items"]  # the first micro-batch has no items
    assert list(rows.dtype.names) == [
        "step", *names, *(f"dev_{n}" for n in (*names, "median", "count")), "lr", "grad_norm", "skipped"
    ]  # fmt: skip
    assert rows["squares"][-1] < rows["squares"][0] and rows["dev_count"][-1] == sum(ROWS)


def test_two_ranks_give_the_bytes_of_one(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Also the figures of the dev set, whose five batches they share unevenly: its predictions are one set."""
    results = in_ranks(2, fit, tmp_path, LOOP, 2, ROWS)
    assert results == [whole[1], whole[1]]
    assert made(tmp_path) == made(whole[0])


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("step", [3, 8])
def test_a_killed_run_resumes_to_the_same_bytes(
    whole: tuple[Path, dict[str, Any]], size: int, step: int, tmp_path: Path
) -> None:
    """SIGKILL of the last rank, before and after the first checkpoint."""
    with pytest.raises(RuntimeError, match="-9"):
        in_ranks(size, fit, tmp_path, LOOP, 2, ROWS, (step, size - 1))
    assert steps_saved(tmp_path) == ([5] if step > 5 else [])
    assert in_ranks(size, fit, tmp_path, LOOP, 2, ROWS)[0] == whole[1]
    assert made(tmp_path) == made(whole[0])


def test_a_checkpoint_holds_the_student_only(whole: tuple[Path, dict[str, Any]]) -> None:
    tensors = load_file(folder_of(whole[0], 12) / "state.safetensors")
    assert {n.removeprefix("model.") for n in tensors if n.startswith("model.")} == STUDENT
    assert {n.split(".")[1] for n in tensors if n.startswith("optimiser.")} == {"0", "1", "2", "3"}
    assert load_file(whole[0] / BEST).keys() == STUDENT
    state = read_json(folder_of(whole[0], 12) / "state.json")
    assert state["base"] == digest(Three().unsaved_state()) != digest(Three(teacher=8).unsaved_state())


def test_resuming_with_another_teacher_or_base_is_refused(tmp_path: Path) -> None:
    fit(World.alone(), tmp_path, replace(LOOP, best="", validate_every=0))
    with pytest.raises(UserError, match="another base") as error:
        fit(World.alone(), tmp_path, replace(LOOP, best="", validate_every=0), teacher=8)
    assert "teacher" in error.value.remedy and "--fresh" in error.value.remedy
    assert digest({}) == ""


def test_weights_of_other_names_are_refused(whole: tuple[Path, dict[str, Any]]) -> None:
    class More(Three):
        def __init__(self) -> None:
            super().__init__()
            self.gate = torch.nn.Parameter(torch.zeros(2))

    with pytest.raises(UserError, match=r"gate: absent instead of \[2\]"):
        load_weights(whole[0] / BEST, More())


def test_the_frozen_teacher_is_in_eval_mode_without_gradients_and_no_part_of_the_objective(tmp_path: Path) -> None:
    objective = Three()
    objective.frozen["teacher"].train()
    before = {n: t.clone() for n, t in objective.unsaved_state().items()}
    train(objective, load, OptimConfig(), replace(LOOP, best="", total_steps=2), tmp_path, micro_batches=2, label="")
    teacher = objective.frozen["teacher"]
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    assert all(torch.equal(t, before[n]) for n, t in objective.unsaved_state().items())
    assert not any("teacher" in name for name in objective.state_dict())


@pytest.mark.parametrize("rows", [ROWS, (4,), (2, 2)])
def test_figures_of_a_dev_set_do_not_depend_on_the_ranks(rows: tuple[int, ...], tmp_path: Path) -> None:
    """One batch for two ranks, too: then both see it."""
    loop = replace(LOOP, total_steps=2, validate_every=2)
    one = fit(World.alone(), tmp_path / "one", loop, 2, rows)
    assert in_ranks(2, fit, tmp_path / "two", loop, 2, rows) == [one, one]
    assert one["trained"].dev["count"] == sum(rows)


def test_a_score_is_of_the_whole_set(tmp_path: Path) -> None:
    """The median of all predictions is not the mean of the medians of batches."""
    objective, validation = Three(), dev(ROWS)
    train(objective, load, OptimConfig(), replace(LOOP, total_steps=1), tmp_path, micro_batches=2,
          validation=validation, label="")  # fmt: skip
    figures = np.genfromtxt(tmp_path / "loss.tsv", names=True)
    with torch.no_grad():
        batches = [torch.from_numpy(validation.batch(i)["x"]) for i in range(len(ROWS))]
        outputs = [objective.student(x)[:, 0].numpy() for x in batches]
    assert figures["dev_median"] == pytest.approx(np.median(np.concatenate(outputs)), rel=1e-5)
    assert figures["dev_median"] != pytest.approx(np.mean([np.median(o) for o in outputs]), rel=1e-3)


@pytest.mark.parametrize(("best", "pick"), [("median", max), ("loss", min)])
def test_the_best_validation_is_the_highest_or_the_lowest_as_the_metric_says(
    best: str, pick: Any, tmp_path: Path
) -> None:
    loop = replace(LOOP, best=best, validate_every=1)
    trained = fit(World.alone(), tmp_path, loop, 2, ROWS)["trained"]
    rows = np.genfromtxt(tmp_path / "loss.tsv", names=True)
    values = rows[f"dev_{best}"].tolist()
    assert trained.best["value"] == pytest.approx(pick(values), rel=1e-6)
    assert trained.best["step"] == rows["step"][values.index(pick(values))]
    assert trained.best["step"] > 1 or values[0] == pick(values)


def test_a_metric_that_there_is_not_is_refused_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no figure wer") as error:
        fit(World.alone(), tmp_path, replace(LOOP, best="wer"), 2, ROWS)
    assert all(name in error.value.remedy for name in ("loss", "squares", "median", "count"))
    assert not (tmp_path / "loss.tsv").exists()
    with pytest.raises(UserError, match="there is none"):
        fit(World.alone(), tmp_path, LOOP)


def test_an_example_in_two_dev_batches_is_a_developers_error(tmp_path: Path) -> None:
    twice = Validation(lambda i: dev(ROWS).batch(0), 2, lambda outputs: {}, ())
    with pytest.raises(ValueError, match="u000 is in two dev batches"):
        train(Three(), load, OptimConfig(), replace(LOOP, best=""), tmp_path, micro_batches=2, validation=twice,
              label="")  # fmt: skip


def test_an_objective_may_share_work_between_terms_and_predictions(tmp_path: Path) -> None:
    calls: list[str] = []

    class Shared(Three):
        def examine(self, batch: Any, at: Any, predicts: bool) -> Any:
            calls.append("examine")
            return self.forward(batch, at), {id: 1.0 for id in batch["ids"]}

        def predict(self, batch: Any) -> Any:
            raise AssertionError("asked twice")

    train(Shared(), load, OptimConfig(), replace(LOOP, best="", total_steps=1), tmp_path, micro_batches=2,
          validation=dev(ROWS), label="")  # fmt: skip
    assert calls == ["examine"] * len(ROWS)


# Weights at stated shares of a run.


def exported(out: Path, loop: LoopConfig) -> dict[str, bytes]:
    """What `export_kept` gives to be exported, by folder, with its step."""
    objective, seen = Three(), dict[str, bytes]()

    def export(folder: Path, step: int) -> None:
        folder.mkdir(parents=True)
        weights = b"".join(t.numpy().tobytes() for t in objective.saved_state().values())
        seen[f"{folder.relative_to(out)} {step}"] = weights
        (folder / "model").write_bytes(weights)

    export_kept(out, loop, objective, export)
    return seen


def test_kept_weights_are_those_of_their_step_and_change_nothing_else(tmp_path: Path) -> None:
    often = replace(LOOP, checkpoint_every=3, keep=9)
    loop = replace(often, keep_at=(0.25, 0.5, 0.125, 1.0))
    plain = fit(World.alone(), tmp_path / "plain", often, 2, ROWS)
    assert fit(World.alone(), tmp_path / "kept", loop, 2, ROWS) == plain
    given = {n: b for n, b in made(tmp_path / "kept").items() if not n.startswith("at/")}
    assert given == made(tmp_path / "plain")
    kept = exported(tmp_path / "kept", loop)
    assert list(kept) == ["at/25/hf 3", "at/50/hf 6", "at/12.5/hf 2", "at/100/hf 12"]
    for name, step in (("at/25/hf 3", 3), ("at/50/hf 6", 6), ("at/100/hf 12", 12)):
        saved = load_file(folder_of(tmp_path / "kept", step) / "state.safetensors")
        assert kept[name] == b"".join(saved[f"model.{n}"].numpy().tobytes() for n in Three().saved_state())
    assert len(set(kept.values())) == 4
    assert {p.name for p in (tmp_path / "kept/at").rglob("*") if p.is_file()} == {"model"}
    assert exported(tmp_path / "kept", loop) == {}, "nothing is exported twice"


@pytest.mark.parametrize("step", [3, 7, 11])
def test_kept_weights_survive_a_kill(step: int, tmp_path: Path) -> None:
    loop = replace(LOOP, keep_at=(0.25, 0.5, 1.0))
    fit(World.alone(), tmp_path / "whole", loop, 2, ROWS)
    with pytest.raises(RuntimeError, match="-9"):
        in_ranks(1, fit, tmp_path / "cut", loop, 2, ROWS, (step, 0))
    assert (folder_at(tmp_path / "cut", 0.25) / "weights.safetensors").is_file()
    fit(World.alone(), tmp_path / "cut", loop, 2, ROWS)
    assert made(tmp_path / "cut") == made(tmp_path / "whole")


def test_kept_weights_that_are_gone_are_named(tmp_path: Path) -> None:
    loop = replace(LOOP, keep_at=(0.5,))
    fit(World.alone(), tmp_path, loop, 2, ROWS)
    (folder_at(tmp_path, 0.5) / "weights.safetensors").unlink()
    with pytest.raises(UserError, match=r"share 0\.5 are gone") as error:
        exported(tmp_path, loop)
    assert "--fresh" in error.value.remedy


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_shares_that_are_none_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"loop\.keep_at"):
        LoopConfig(keep_at=(share,))


# Norms of the gradients of groups.


@pytest.mark.parametrize(("size", "micro_batches"), [(1, 2), (2, 2), (2, 4), (1, 4)])
def test_logging_norms_by_group_changes_no_weight(size: int, micro_batches: int, tmp_path: Path) -> None:
    plain = in_ranks(size, fit, tmp_path / "plain", LOOP, micro_batches, ROWS)
    by_group = in_ranks(size, fit, tmp_path / "groups", replace(LOOP, grad_groups=True), micro_batches, ROWS)
    assert by_group == plain
    kept = [name for name in made(tmp_path / "plain") if name.endswith("safetensors")]
    assert all(made(tmp_path / "groups")[name] == made(tmp_path / "plain")[name] for name in kept) and kept
    header, *rows = [line.split("\t") for line in (tmp_path / "groups/loss.tsv").read_text().splitlines()]
    short = [line.split("\t") for line in (tmp_path / "plain/loss.tsv").read_text().splitlines()]
    assert [header[: len(short[0])], *(row[: len(short[0])] for row in rows)] == short
    groups = [f"grad_{kind}_{group}" for group in ("asr", "did", "step", "ser") for kind in ("norm", "var")]
    assert header[len(short[0]) :] == groups
    late = header.index("grad_norm_ser")
    assert [row[late] == "-" for row in rows[:2]] == [True, True] and rows[-1][late] != "-"


def test_norms_by_group_are_the_same_in_two_ranks_and_after_a_kill(tmp_path: Path) -> None:
    """The kill comes after a group has come up late: the header is wider than the rows that are kept."""
    loop = replace(LOOP, grad_groups=True, log_every=1)
    fit(World.alone(), tmp_path / "whole", loop, 4, ROWS)
    whole = (tmp_path / "whole/loss.tsv").read_bytes()
    with pytest.raises(RuntimeError, match="-9"):
        in_ranks(1, fit, tmp_path / "cut", loop, 4, ROWS, (9, 0))
    assert "grad_norm_ser" in (tmp_path / "cut/loss.tsv").read_text()
    fit(World.alone(), tmp_path / "cut", loop, 4, ROWS)
    assert (tmp_path / "cut/loss.tsv").read_bytes() == whole
    in_ranks(2, fit, tmp_path / "two", loop, 4, ROWS)
    rows = [np.genfromtxt(tmp_path / f"{name}/loss.tsv", names=True, missing_values="-") for name in ("whole", "two")]
    for name in ("grad_norm_asr", "grad_var_asr", "grad_norm_ser"):
        np.testing.assert_allclose(rows[1][name], rows[0][name], rtol=1e-5)


class Slopes(Objective):
    """The gradient of a micro-batch is its number `slope`."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, batch: Any, at: Any) -> dict[str, Term]:
        return {"loss": Term((self.weight * batch["slope"]).sum(), 1)}


def test_mean_and_variance_are_over_the_window_of_a_row(tmp_path: Path) -> None:
    """Two micro-batches a step, of weight 1 each: what one adds is its slope / 2."""
    slopes = [(2.0, 10.0), (4.0, 10.0), (6.0, 10.0), (8.0, 14.0)]

    def batches(step: int, number: int) -> dict[str, Any]:
        group = {"group": "a b"} if number == 0 else {}
        return {"slope": np.array([slopes[step][number]], np.float32), **group}

    loop = LoopConfig(total_steps=4, log_every=2, tensorboard=False, prefetch=0, grad_groups=True)
    train(Slopes(), batches, OptimConfig(), loop, tmp_path, micro_batches=2, label="")
    rows = np.genfromtxt(tmp_path / "loss.tsv", names=True)
    assert rows["grad_norm_a_b"].tolist() == [1.5, 3.5] and rows["grad_norm_all"].tolist() == [5.0, 6.0]
    assert rows["grad_var_a_b"].tolist() == [0.25, 0.25] and rows["grad_var_all"].tolist() == [0.0, 1.0]


def test_a_group_of_parameters_may_move_uphill_and_frozen_ones_are_left_out() -> None:
    gate, weight = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    base = torch.nn.Parameter(torch.ones(1), requires_grad=False)
    moved = optimiser(OptimConfig(peak_lr=0.1), [{"params": [gate], "maximize": True}, {"params": [weight, base]}])
    assert [len(g["params"]) for g in moved.param_groups] == [1, 1]
    (gate + weight).backward()
    moved.step()
    assert gate > 1 > weight and base == 1


def test_validation_of_an_objective_that_predicts_nothing_says_so() -> None:
    class Mute(Three):
        predict = Objective.predict

    from toolkit.train.engine.gradient import Passes

    objective = Mute()
    passes = Passes(objective, list(objective.parameters()), LOOP, World.alone())
    with pytest.raises(NotImplementedError, match="Mute predicts nothing"):
        validate(passes, dev(ROWS), 0)
