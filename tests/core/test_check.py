"""Configs and flags of all that a call will make are checked before its first step runs."""

import pytest
import torch

from toolkit.core import check
from toolkit.core.errors import UserError
from toolkit.core.table import Option

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


def test_what_differs_in_inputs_and_output_alone_is_checked_once():
    runs = [
        (f"stage {n}", ["score.compare_probes", "--seed", "x", "--in", "a", f"b{n}", "--out", f"c{n}"]) for n in (1, 2)
    ]
    assert [e.what for e in check.step_mistakes(runs)] == ["stage 1: seed: 'x' is not int"]


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


def test_a_broken_config_of_one_stage_hides_none_of_another(steps):
    steps.config("one.yaml", "add: [1\n")
    steps.config("pairs.yaml", "sede: 1\nseed: many\n")
    code, printed = steps("--sleep", "much")
    told = [line for line in printed.splitlines() if line.startswith("error: ")]
    assert code == 2 and len(told) == 4 and steps.made() == []
    assert told[0] == "error: stage 1 (one): not a YAML file" and "conf/one.yaml" in printed
    assert told[1:3] == [
        "error: stage 2 (pairs): unknown config field sede",
        "error: stage 2 (pairs): seed: 'many' is not int",
    ]


def test_a_wrong_number_names_option_and_value_whatever_is_done_and_whichever_stages_are_asked_for(steps):
    assert steps("--stop-stage", "one")[0] == 0
    before = steps.made()
    for value, words in (("nan", ()), ("-1", ("--stage", "one", "--stop-stage", "one")), ("1.5", ("--plan",))):
        code, printed = steps("--sleep", value, *words)
        assert code == 2 and printed.count("error: ") == 1 and steps.made() == before
        assert f"where:  --sleep {value}\n" in printed and "more): seed" in printed and "Traceback" not in printed


def test_a_call_that_only_looks_warns_of_a_wrong_number(steps):
    for look in ("--list", "--dry-run"):
        code, printed = steps("--sleep", "nan", look)
        assert code == 0 and "warning: stage 3 (more): seed: 'nan' is not int\n  where:  --sleep nan" in printed


@pytest.mark.parametrize(
    ("field", "others", "place"),
    [
        ("seed", {"hours": "x", "twin_seed": "x", "start": "x"}, "--twin-seed x"),
        ("start_layers", {"hours": "x", "twin_seed": "x", "start": "x"}, "--start x"),
        ("data.max_hours", {"hours": "x", "max_hours": "x"}, "--max-hours x"),
        ("sample.utterances", {"share": "x", "start": "3"}, "--share x"),
        ("sample.utterances", {"share": "x", "start": "x"}, "--sample.utterances x"),  # it may be either
    ],
)
def test_a_mistake_is_of_the_option_that_is_called_as_the_field_and_else_of_none(field, others, place):
    mistake = UserError(f"{field}: 'x' is not a number", "command line")
    options = [Option(name, value, "") for name, value in others.items()]
    assert check.place_of(mistake, ["units.kmeans", f"--{field}", "x", "--in", "x", "--out", "y"], options) == place


def test_hours_and_inputs_that_are_none_are_refused_although_all_stages_are_done(recipe):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("mode= ", "hours=   # optional: hours of audio\nmode= "))
    assert recipe()[0] == 0
    for hours in ("-1", "nan", "many"):
        code, printed = recipe("--hours", hours)
        assert code == 2 and f"--hours: '{hours}' is no number of hours" in printed and "nothing to do" not in printed
    for words in ((), ("--plan",), ("--stage", "three")):
        code, printed = recipe("--corpus", "/nope", *words)
        assert code == 2 and "stage 2 (two) needs /nope: no such file or folder" in printed, printed
        assert "set --corpus (folder of the corpus)" in printed


@pytest.mark.parametrize("look", ["--list", "--dry-run"])
def test_a_call_that_only_looks_warns_of_an_input_that_is_not_there(recipe, look):
    code, printed = recipe("--corpus", "/nope", look)
    assert code == 0 and "warning: stage 2 (two) needs /nope: no such file or folder" in printed


@pytest.mark.parametrize(
    ("ngpu", "asked", "available", "step", "refused"),
    [
        (2, True, 1, "units.label", True),
        (3, True, 0, "units.label", True),
        (1, False, 0, "units.label", False),  # it computes on the CPU and says so
        (1, False, 0, "train.pretrain", True),
        (2, True, 2, "train.pretrain", False),
        (0, True, 0, "train.pretrain", False),
    ],
)
def test_more_gpus_than_there_are_are_refused(ngpu, asked, available, step, refused, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: available)
    assert bool(check.gpu_mistakes(ngpu, asked, [[step]])) == refused
    assert bool(check.gpu_mistakes(ngpu, asked, [])) == (refused and asked)
    monkeypatch.setenv("SAWT_BACKEND", "slurm")
    assert not check.gpu_mistakes(ngpu, asked, [[step]])


@pytest.mark.skipif(torch.cuda.device_count() > 8, reason="so many GPUs are here")
@pytest.mark.parametrize("words", [(), ("--stage", "three")])
def test_gpus_that_are_not_here_are_refused_before_stage_1_of_any_range(recipe, words):
    assert recipe("--stop-stage", "two")[0] == 0
    before = recipe.made()
    code, printed = recipe("--ngpu", "9", *words)
    assert code == 2 and "9 GPUs are asked for and torch finds" in printed and recipe.made() == before


@pytest.mark.skipif(torch.cuda.device_count() > 8, reason="so many GPUs are here")
@pytest.mark.parametrize("look", ["--list", "--plan"])
def test_a_call_that_only_looks_warns_of_gpus_that_are_not_here(recipe, look):
    code, printed = recipe("--ngpu", "9", look)
    assert code == 0 and "warning: 9 GPUs are asked for and torch finds" in printed
