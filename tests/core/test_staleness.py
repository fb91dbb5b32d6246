"""What is done, stale or missing, and how it is redone."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.core import output, record, registry
from toolkit.core.errors import UserError
from toolkit.core.identity import identity
from toolkit.core.record import FORMAT, separated
from toolkit.core.table import Table

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = "".join(f"{n + 12}\n" for n in range(6))


def test_a_changed_config_makes_it_and_all_below_it_stale_and_is_refused(recipe):
    recipe()
    before = recipe.numbers()
    recipe.config("two.yaml", "add: 20\n")
    _, output = recipe("--list")
    assert [line.split()[2] for line in output.splitlines() if line[:3].strip().isdigit()] == ["done", "stale", "stale"]
    assert "changed: conf/two.yaml" in output
    code, output = recipe()
    assert code == 2 and "exp/two is stale" in output and "--fresh two" in output
    assert recipe.numbers() == before


def test_fresh_with_dry_run_shows_what_it_would_move_and_only_looks_with_nothing_else(recipe):
    recipe()
    recipe.config("two.yaml", "add: 5\n")
    code, output = recipe("--fresh", "two", "--dry-run")
    assert code == 0 and output.startswith("mv exp/two exp/two.aside-1\nmv exp/three exp/three.aside-1\n"), output
    assert (recipe.folder / "exp/two").is_dir() and not (recipe.folder / "exp/two.aside-1").exists()
    for look in ("--list", "--plan"):
        code, output = recipe("--fresh", "two", look)
        assert code == 2 and "--dry-run" in output


def test_a_comment_in_a_config_changes_nothing_and_what_it_says_does(recipe):
    recipe.config("two.yaml", "add: 2\n")
    recipe()
    recipe.config("two.yaml", "# twice as much\nadd:   2  # really\n")
    assert recipe.states() == ["done", "done", "done"]
    recipe.config("two.yaml", "add: 3\n")
    assert recipe.states() == ["done", "stale", "stale"]


def test_fresh_moves_the_stale_aside_and_deletes_nothing(recipe):
    recipe()
    recipe.config("two.yaml", "add: 20\n")
    code, output = recipe("--fresh", "two")
    assert code == 0, output
    assert recipe.numbers() == "".join(f"{n + 22}\n" for n in range(6))
    assert recipe.numbers("exp/three.aside-1") == EXPECTED and (recipe.folder / "exp/two.aside-1").is_dir()
    assert sum("dump/one" in line for line in recipe.made()) == 6  # what came before was kept


def test_fresh_takes_along_all_that_was_made_from_the_old_output_even_if_no_identity_changes(recipe):
    """Who makes a stage anew expects other bytes: what stands on the old ones must not pass for made from the new."""
    recipe()
    code, output = recipe("--fresh", "one", "--stop-stage", "one")
    assert code == 0 and "moved exp/three to exp/three.aside-1 (rename it back to undo)" in output, output
    listed = recipe("--list")[1].splitlines()
    assert [line.split()[2] for line in listed if line.split()[0].isdigit()] == ["done", "missing", "missing"]
    (recipe.folder / "exp/two.aside-1").rename(recipe.folder / "exp/two")
    assert " two              done" in recipe("--list")[1]


def test_a_raw_file_of_another_size_or_time_makes_it_stale(recipe):
    recipe()
    wav = recipe.folder / "corpus" / "a.wav"
    wav.write_text("longer")
    assert recipe.states() == ["done", "stale", "stale"]
    wav.write_text("y")
    os.utime(wav, ns=(1, 1))
    assert recipe.states() == ["done", "stale", "stale"]


def test_an_edited_script_of_the_recipe_makes_it_stale(recipe):
    recipe()
    with open(recipe.folder / "add.py", "a") as f:
        f.write("# changed\n")
    assert recipe.states() == ["stale"] * 3


def test_a_step_of_the_toolkit_is_known_by_its_version_not_by_its_code(tmp_path, monkeypatch):
    room = tmp_path / "house" / "room"
    room.mkdir(parents=True)
    monkeypatch.setattr(registry, "PACKAGE", tmp_path / "house")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "registry", registry.registry.__wrapped__)  # not the one of the toolkit, once read

    def declares(source: str) -> dict[str, str]:
        (room / "registry.py").write_text("from toolkit.core.registry import Declaration\n" + source)
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.partition(".")[0] == "house"]:
            del sys.modules[name]
        return identity(["room.mod", "--out", "x"])

    one = declares('STEPS = (Declaration("room.mod", version=1),)\n')
    (room / "mod.py").write_text("changed = True\n")
    assert declares('STEPS = (Declaration("room.mod", version=1),)  # of the first kind\n') == one
    lines = (
        'STEPS = (\n    Declaration(\n        "room.mod",\n        # why\n        version=1,  # the first\n    ),\n)\n'
    )
    assert declares(lines) == one
    assert declares('STEPS = (Declaration("room.mod", version=2),)\n') != one


def test_a_broken_record_is_named_hides_no_other_stage_and_is_mended_by_fresh(recipe):
    recipe()
    (recipe.folder / "dump/one/record.json").write_text("{")
    code, output = recipe("--list")
    assert code == 0 and "dump/one/record.json is not a record of this toolkit" in output and " 3 three" in output
    code, output = recipe()
    assert code == 2 and "dump/one/record.json" in output and "--fresh one" in output and "Traceback" not in output
    assert recipe("--fresh", "one")[0] == 0


def test_a_step_by_hand_refuses_a_half_made_input(recipe):
    process = recipe.begun(sleep="60")
    process.kill()
    process.communicate()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "add.py", "--in", "dump/one", "--out", "by-hand"]
    done = subprocess.run(words, cwd=recipe.folder, env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "dump/one is not finished" in done.stderr and "Traceback" not in done.stderr


def test_what_changes_behind_a_link_makes_it_stale_and_loops_end(recipe, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "b.wav").write_text("x")
    (recipe.folder / "corpus" / "linked").symlink_to(tmp_path / "disk")
    (recipe.folder / "corpus" / "linked" / "loop").symlink_to(recipe.folder / "corpus")
    (recipe.folder / "corpus" / "nowhere").symlink_to(tmp_path / "gone")
    recipe()
    assert "stale" not in recipe("--list")[1]
    (tmp_path / "disk" / "b.wav").write_text("longer")
    assert "stale" in recipe("--list")[1]


def test_an_output_may_lie_in_the_corpus_it_is_made_from(recipe):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("exp/two", "corpus/two"))
    code, output = recipe()
    assert code == 0, output
    assert "nothing to do" in recipe()[1] and "numbers" in (recipe.folder / "corpus/two/record.json").read_text()


def test_a_changed_corpus_folder_is_said_once_as_the_word_of_the_command_that_it_is(recipe):
    recipe()
    (recipe.folder / "other").mkdir()
    _, output = recipe("--list", "--corpus", "other")
    assert "changed: command (from corpus to other)" in output, output
    assert "input corpus" not in output and "input other" not in output, output
    code, output = recipe("--corpus", "other")
    assert code == 2 and "give the options again that it was made with, or redo it with --fresh" in output, output


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("--max_hours 1 --in data", "--in data", "from --max_hours 1 to nothing"),
        ("--in data", "--in data data", "from nothing to data"),
        ("--seed 1 --in data", "--seed 2 --in data", "from 1 to 2"),
        ("--in data", "--in ./data --seed 2", "from nothing to --seed 2"),
    ],
)
def test_what_changed_in_a_command_is_told_in_the_words_that_differ_wherever_its_output_lies(
    was, now, words, tmp_path, monkeypatch
):
    for name in ("recipe/data", "elsewhere/base"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "recipe")
    former, argv = (["./add.py", *line.split(), "--out", str(tmp_path / "elsewhere/base")] for line in (was, now))
    record = {"format": FORMAT, "state": "done", "id": "1", "parts": identity(former), "made": []}
    (tmp_path / "elsewhere/base/record.json").write_text(json.dumps(record))
    assert output.status(argv).why == f"changed: command ({words})"


def test_a_word_that_an_option_names_twice_is_told_as_that():
    stages = ["stage", "2", "student", "", *["run", "3", "models.student", "--out", "exp/A"] * 2]
    words = ["called", "2", "--students", "A A", "option", "3", "students", "A A", "which", *stages]
    with pytest.raises(UserError) as told:
        Table.parse("".join(f"{word}\0" for word in words))
    assert (told.value.what, told.value.where) == ("output declared twice: exp/A", "--students A A")


def test_the_remedy_for_a_stale_output_is_the_first_stale_stage(recipe):
    recipe()
    recipe.config("one.yaml", "add: 5\n")
    for words in (("--stage", "3"), ("--stage", "2"), ("--fresh", "three"), ()):
        code, output = recipe(*words)
        assert code == 2 and "--fresh one" in output, output
    assert not (recipe.folder / "exp/three.aside-1").exists()
    assert recipe("--fresh", "one")[0] == 0


def test_stale_results_are_not_published(recipe):
    recipe()
    (recipe.folder / "exp/three/RESULTS.md").write_text("# Results")
    assert recipe("--publish")[0] == 0 and (recipe.folder / "RESULTS.md").exists()
    recipe.config("two.yaml", "add: 20\n")
    code, output = recipe("--publish")
    assert code == 2 and "stage two is stale" in output


def test_one_command_has_one_identity(recipe):
    assert separated(["--a=b=c", "--in", "./d//e/", "/", "../f", "--out=g/"]) == [
        "--a",
        "b=c",
        "--in",
        "d/e",
        "/",
        "../f",
        "--out",
        "g",
    ]
    recipe()
    assert "nothing to do" in recipe("--corpus", "./corpus/")[1]


def test_results_of_an_unfinished_recipe_are_not_published(recipe):
    assert recipe("--publish")[0] == 2
    recipe()
    code, output = recipe("--publish")
    assert code == 2 and "no stage of this recipe makes a RESULTS.md" in output
    (recipe.folder / "exp/three/RESULTS.md").write_text("# Results")
    (recipe.folder / "exp/two").rename(recipe.folder / "elsewhere")
    code, output = recipe("--publish")
    assert code == 2 and "stage two is missing" in output and not (recipe.folder / "RESULTS.md").exists()


def test_what_is_gone_from_a_finished_folder_is_noticed_and_made_again(recipe):
    recipe()
    whole = recipe.bytes()
    (recipe.folder / "exp/two/numbers").unlink()
    assert recipe.states() == ["done", "partial", "done"]
    code, output = recipe("--publish")
    assert code == 2 and "gone: exp/two/numbers" in output
    assert recipe()[0] == 0 and recipe.bytes() == whole


def test_a_stage_that_failed_before_it_made_anything_can_be_mended_and_rerun(recipe):
    step = recipe.folder / "add.py"
    step.write_text(
        step.read_text().replace("    def work", "    if step.config.fail: raise UserError('not so')\n    def work")
    )
    recipe.config("two.yaml", "fail: yes\n")
    assert recipe()[0] == 1
    recipe.config("two.yaml", "add: 10\n")
    code, output = recipe("--stage", "two")
    assert code == 0 and recipe.numbers() == EXPECTED, output


@pytest.mark.parametrize("words", [("--corpus", "nowhere"), ("--corpus", "corpus/no")])
def test_fresh_moves_nothing_when_an_input_is_wanting_and_the_remedy_names_that(recipe, words):
    recipe()
    code, output = recipe("--stage", "three", *words)
    assert code == 2 and "set --corpus (folder of the corpus)" in output and "--fresh" not in output, output
    code, output = recipe("--fresh", "two", *words)
    assert code == 2 and "set --corpus" in output
    recipe.config("two.yaml", "add: [\n")
    code, output = recipe("--fresh", "two")
    assert code == 2 and "not a YAML file" in output
    assert not list(recipe.folder.glob("*/*.aside-*"))


def test_fresh_of_a_stage_that_is_not_to_run_is_refused(recipe):
    recipe()
    for words in (("--fresh", "one", "--stage", "two"), ("--fresh", "three", "--stop-stage", "2")):
        code, output = recipe(*words)
        assert code == 2 and "only stages" in output
    assert not list(recipe.folder.glob("*/*.aside-*"))


def test_a_name_that_a_finished_stage_did_not_make_is_no_reason_to_redo_it(recipe):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("--in exp/two", '--in "exp/two$mode"'))
    (recipe.folder / "add.py").write_text(
        (recipe.folder / "add.py")
        .read_text()
        .replace("    def work", "    (step.out / 'a').mkdir(exist_ok=True)\n    def work")
    )
    assert recipe()[0] == 0
    code, output = recipe("--mode", "/no")
    assert code == 2 and "needs exp/two/no, which stage 2 did not make" in output and "there are a" in output


def test_a_folder_with_somebodys_files_is_not_taken_for_an_output(recipe):
    (recipe.folder / "exp/two").mkdir(parents=True)
    (recipe.folder / "exp/two/thesis.tex").write_text("x")
    code, output = recipe()
    assert code == 2 and "holds files that are not of this step: thesis.tex" in output and recipe.made() == []
    assert [p.name for p in (recipe.folder / "exp/two").iterdir()] == ["thesis.tex"]


def test_the_half_of_a_record_that_a_full_disk_left_is_nobodys_file(recipe):
    (recipe.folder / "exp/two").mkdir(parents=True)
    (recipe.folder / "exp/two/record.json.tmp").write_text("{")
    assert recipe()[0] == 0 and recipe.numbers() == EXPECTED


def test_a_file_gone_from_a_folder_within_an_output_is_noticed_but_a_checkpoint_is_not_missed(recipe):
    step = recipe.folder / "add.py"
    write = "".join(
        f"    (step.out / '{name}').mkdir(exist_ok=True); (step.out / '{name}/x').write_text('x')\n"
        for name in ("hf", "checkpoints", "tensorboard")
    )
    step.write_text(step.read_text().replace("    step.ledger.drop", write + "    step.ledger.drop"))
    assert recipe()[0] == 0
    shutil.rmtree(recipe.folder / "exp/two/checkpoints")
    shutil.rmtree(recipe.folder / "exp/two/tensorboard")
    assert recipe.states() == ["done"] * 3
    for gone in ("hf/x", "dropped.tsv"):
        (recipe.folder / "exp/two" / gone).unlink()
        assert recipe.states() == ["done", "partial", "done"]
        assert recipe()[0] == 0 and (recipe.folder / "exp/two" / gone).exists()


def test_a_stale_stage_is_refused_before_the_stages_above_it_are_made_again(recipe):
    recipe()
    (recipe.folder / "dump/one/numbers").unlink()
    recipe.config("two.yaml", "add: 5\n")
    before = recipe.made()
    code, output = recipe()
    assert code == 2 and "exp/two is stale" in output and recipe.made() == before


def test_outputs_set_aside_within_the_corpus_are_no_part_of_it(recipe):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("exp/two", "corpus/two"))
    assert recipe()[0] == 0
    assert recipe("--fresh", "two")[0] == 0
    assert recipe.states() == ["done"] * 3
    shutil.rmtree(recipe.folder / "corpus/two.aside-1")
    assert recipe.states() == ["done"] * 3


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("--out exp/three", "--out exp/two/three", "one output lies in another"),
        ("--out exp/three", "--out corpus/three", "lies inside the input corpus"),
        ('--in dump/one "$corpus"', "--in exp/two", "written over an input"),
    ],
)
def test_outputs_that_would_change_an_input_are_refused(recipe, old, new, reason):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace(old, new))
    code, words = recipe()
    assert code == 2 and reason in words and recipe.made() == []


def test_a_stale_table_of_its_inputs_is_made_anew_and_one_earlier_is_kept(recipe):
    step = recipe.folder / "add.py"
    table = recipe.folder / "table.py"
    table.write_text(step.read_text())
    recipe.declare("table.py", "remade=True")
    table.chmod(0o755)
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("./add.py --in exp/two", './table.py --add "${mode:-1}" --in exp/two'))
    assert recipe()[0] == 0
    assert recipe("--fresh", "three")[0] == 0
    for add in ("2", "3"):
        assert recipe.states() == ["done"] * 3 or add == "3"
        code, output = recipe("--mode", add)
        assert code == 0 and "moved exp/three, which was stale, to exp/three.aside-before" in output, output
        assert recipe.numbers() == "".join(f"{n + 11 + int(add)}\n" for n in range(6))
    assert recipe.numbers("exp/three.aside-before") == "".join(f"{n + 13}\n" for n in range(6))
    assert sorted(p.name for p in (recipe.folder / "exp").glob("three*")) == [
        "three",
        "three.aside-1",  # of --fresh: never deleted
        "three.aside-before",
    ]
    code, output = recipe("--publish")
    assert code == 2 and "with the options of the run to be published" in output
    recipe.config("two.yaml", "add: 20\n")  # what it is made from is refused as ever
    code, output = recipe()
    assert code == 2 and "exp/two is stale" in output and "--fresh two" in output


def test_fresh_with_dry_run_shows_what_it_would_move_as_missing(recipe):
    recipe()
    output = recipe("--fresh", "two", "--dry-run")[1]
    states = [line.split(": ")[1] for line in output.splitlines() if line.startswith("# stage")]
    assert states == ["done", "missing", "missing"]


def test_a_commit_that_cannot_be_asked_for_is_unknown(monkeypatch):
    def no_process(*words, **more):
        raise BlockingIOError

    monkeypatch.setattr(subprocess, "run", no_process)
    assert record.commit.__wrapped__() == "unknown"


@pytest.mark.parametrize(("touches", "states"), [(False, ["done"] * 3), (True, ["done", "stale", "done"])])
def test_a_step_that_fails_before_it_touches_a_finished_output_leaves_its_record(recipe, touches, states):
    """A step over rows is run on its own finished output: `--add -1` is refused there, at once or after a new file."""
    script, before = recipe.folder / "add.py", "    numbers = [int"
    touch = "(step.out / 'row').write_text('new')" if touches else "pass"
    refusal = f"    if step.config.add < 0:\n        {touch}\n        raise UserError('no', 'add', 'give more')\n"
    script.write_text(script.read_text().replace(before, refusal + before))
    recipe.declare("add.py", "rows=True")
    assert recipe()[0] == 0 and recipe.states() == ["done"] * 3
    kept = (recipe.folder / "exp/two/record.json").read_bytes()
    recipe.config("two.yaml", "add: -1\n")
    code, printed = recipe()
    assert code == 1 and "no\n  where:  add" in printed
    assert ((recipe.folder / "exp/two/record.json").read_bytes() == kept) != touches
    recipe.config("two.yaml", "add: 10\n")
    assert recipe.states() == states
    assert recipe()[0] == 0 and recipe.states() == ["done"] * 3
    assert touches or len(recipe.made()) == 18
