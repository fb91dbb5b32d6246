"""Options of a recipe that are true or false, configs that are links to nowhere, and sets that are named twice."""

import subprocess
from itertools import combinations

import pytest
from conftest import ROOT

from toolkit.core.fields import BOOLEANS
from toolkit.core.sets_apart import PARTS, overlaps
from toolkit.core.table import Option, Table


def declare(recipe, *lines: str) -> None:
    """Put lines into run.sh, after its options."""
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("stages() {", "\n".join([*lines, "stages() {"])))


def test_a_switch_is_read_in_every_spelling_that_configs_know_and_nothing_else(tmp_path):
    words = [spelling for word in BOOLEANS for spelling in (word, word.title(), word.upper())]
    script = tmp_path / "run.sh"
    script.write_text(f'. {ROOT}/utils/recipe.sh\nfor word in "$@"; do switched told "$word"; done\n')
    done = subprocess.run(["bash", str(script), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["true" if BOOLEANS[word.lower()] else "false" for word in words]
    for word in ("maybe", "tru", "2", "نعم"):
        done = subprocess.run(["bash", str(script), word], capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr == f"error: --told is true or false, not {word}\n"


@pytest.mark.parametrize(("word", "mode"), [("TRUE", "(empty)"), ("No", "untold")])
def test_a_recipe_sees_a_switch_as_true_or_false_whatever_was_typed(recipe, word, mode):
    declare(recipe, "told=true # false: nobody wrote any", "configure() { [[ $told == true ]] || mode=untold; }")
    code, output = recipe("--help", "--told", word)
    assert code == 0 and any(line.split()[:2] == ["--mode", mode] for line in output.splitlines()), output


@pytest.mark.parametrize("look", ["--plan", "--list", "--dry-run"])
def test_a_value_that_is_no_value_of_a_switch_is_refused_by_calls_that_only_look(recipe, look):
    declare(recipe, "told=true # false: nobody wrote any")
    assert recipe(look, "--told", "maybe")[1] == "error: --told is true or false, not maybe\n"


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("folder/whisper", "transcripts"),
        ("to_distill/whisper", "allow-contamination"),
        ("folder/ssl", "allow-contamination"),
        ("mini/instruct", "allow-contamination"),
        ("mini/superb", "random"),
        ("harness/star", "random"),
    ],
)
def test_every_switch_of_the_templates_is_one(name, option):
    words = ["./run.sh", f"--{option}", "maybe"]
    done = subprocess.run(words, cwd=ROOT / "egs" / name, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr == f"error: --{option} is true or false, not maybe\n"


def test_a_config_that_is_a_link_to_nowhere_is_refused_by_name_and_no_other_taken(recipe):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("--config conf/two.yaml", '--config "$(config two)"'))
    shared = recipe.folder / "run/conf/two.yaml"  # of a template it would be the folder beside it
    shared.parent.mkdir(parents=True)
    (recipe.folder / "conf/two.yaml").rename(shared)
    assert "run/conf/two.yaml" in recipe("--dry-run")[1]
    (recipe.folder / "conf/two.yaml").symlink_to("/gone/two.yaml")
    code, output = recipe()
    assert code == 2 and "the config is a link to /gone/two.yaml, which is not there" in output
    assert "conf/two.yaml" in output and recipe.made() == []


@pytest.mark.parametrize(
    ("train", "dev", "test", "common"),
    [
        ("train", "dev", "test", []),
        ("test/", "dev", "test", ["--train and --test both name test"]),
        ("train", "train", "train test", [f"--{a} and --{b} both name train" for a, b in combinations(PARTS, 2)]),
        ("train", "dev", "test dev", ["--dev and --test both name dev"]),
        ("*", "dev", "تجربة", ["--train and --dev both name dev", "--train and --test both name تجربة"]),
        ("*train*", "dev", "test test_noisy", []),
        ("TRAIN", "train", "test", []),
    ],
)
def test_a_set_is_of_one_part_alone(train, dev, test, common):
    options = [Option(*each, "") for each in zip(PARTS, (train, dev, test), strict=True)]
    assert [e.what for e in overlaps(Table(options, [], ["--dev", dev]))] == common
    assert overlaps(Table(options[:1], [], [])) == []


def test_a_recipe_alone_may_choose_on_the_set_that_it_tests_on():
    options = [Option("dev", "mgb5_dev", ""), Option("test", "mgb5_dev", "")]
    assert (
        overlaps(Table(options, [], ["--plan"])) == [] and len(overlaps(Table(options, [], ["--test=mgb5_dev"]))) == 1
    )


def test_a_set_of_two_parts_is_refused_before_the_first_stage(recipe):
    declare(recipe, "train=train # set to learn from", "test=test # set to test on")
    for words in ((), ("--plan",)):
        code, output = recipe("--train", "test", *words)
        assert code == 2 and "--train and --test both name test" in output and recipe.made() == []
    assert "warning: --train and --test both name test" in recipe("--train", "test", "--list")[1]


def test_a_config_that_nobody_reads_for_its_ending_or_case_is_told(recipe):
    for name in ("one.yml", "Two.yaml", "three.YAML", "another.yaml", "notes.txt"):
        recipe.config(name, "add: 5\n")
    code, output = recipe("--dry-run")
    lines = [line.split("  where:  ")[1] for line in output.splitlines() if "where:" in line]
    assert code == 0 and lines == ["conf/Two.yaml", "conf/one.yml", "conf/three.YAML"], output
    assert output.count("warning: no stage reads a config of this name") == 3 and "remedy: call it two.yaml" in output
