"""Configs and flags of all that a call will make are checked before its first step runs."""

import pytest
import torch

from toolkit.core import check

STAGES = """stages() {
  stage one "First"
  run ./add.py --config conf/one.yaml --out dump/one
  stage pairs "Second"
  run score.compare_probes --config conf/pairs.yaml --in dump/one --out exp/pairs
  stage more "Third"
  run score.compare_probes --seed "$sleep" --in exp/pairs --out exp/more
}
"""


@pytest.fixture
def steps(recipe):
    """The recipe, with two steps of the toolkit; the option --sleep is the seed of the last."""
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().partition("stages() {")[0] + STAGES + 'recipe "$@"\n')
    recipe.config("pairs.yaml", "seed: 1\n")
    return recipe


def test_all_mistakes_in_configs_and_flags_are_said_before_the_first_stage_runs(steps):
    steps.config("pairs.yaml", "sede: 1\n")
    for words in ((), ("--plan",)):
        code, printed = steps("--sleep", "much", *words)
        assert code == 2 and "Traceback" not in printed and steps.made() == []
        assert "error: stage 2 (pairs): unknown config field sede" in printed and "did you mean seed?" in printed
        assert "error: stage 3 (more): seed: 'much' is not int" in printed
    assert steps("--plan")[0] == 2


def test_fresh_moves_nothing_where_a_flag_is_wrong(steps):
    assert steps("--stop-stage", "one")[0] == 0
    code, printed = steps("--fresh", "one", "--sleep", "much")
    assert code == 2 and "seed: 'much' is not int" in printed and (steps.folder / "dump/one").is_dir()


def test_what_differs_in_inputs_and_output_alone_is_checked_once(capfd):
    runs = [
        (f"stage {n}", ["score.compare_probes", "--seed", "x", "--in", "a", f"b{n}", "--out", f"c{n}"]) for n in (1, 2)
    ]
    with pytest.raises(SystemExit) as ended:
        check.refuse_wrong(runs)
    assert ended.value.code == 2 and capfd.readouterr().err.count("error: ") == 1


def test_a_broken_registry_beside_a_script_and_a_step_that_is_none_are_named(steps):
    (steps.folder / "registry.py").write_text("STEPS = (Declaration('add.py'),)\n")
    code, printed = steps("--plan")
    assert code == 2 and "not a registry of steps: name 'Declaration' is not defined" in printed
    assert "Traceback" not in printed and "registry.py" in printed
    (steps.folder / "registry.py").unlink()
    run = steps.folder / "run.sh"
    run.write_text(run.read_text().replace("score.compare_probes", "score.compare_probe"))
    code, printed = steps()
    assert code == 2 and "no step score.compare_probe" in printed and "did you mean score.compare_probes?" in printed


@pytest.mark.parametrize(
    ("ngpu", "available", "step", "refused"),
    [
        (2, 1, "units.label", True),
        (1, 0, "units.label", False),  # it computes on the CPU and says so
        (1, 0, "train.pretrain", True),
        (2, 2, "train.pretrain", False),
        (0, 0, "train.pretrain", False),
    ],
)
def test_more_gpus_than_there_are_are_refused(ngpu, available, step, refused, monkeypatch):
    monkeypatch.setenv("SAWT_NGPU", str(ngpu))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: available)
    assert bool([*check._too_few_gpus([[step]])]) == refused
    monkeypatch.setenv("SAWT_BACKEND", "slurm")
    assert not [*check._too_few_gpus([[step]])]
