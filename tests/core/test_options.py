"""Options of a recipe: switches and numbers, sets that are named twice, folders that nobody reads or may write to."""

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


def test_a_config_that_an_option_misspells_is_not_to_be_renamed(recipe):
    declare(recipe, "students=DW # students: configs")
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("conf/two.yaml", '"conf/$students.yaml"'))
    (recipe.folder / "conf/two.yaml").rename(recipe.folder / "conf/DW.yaml")
    code, output = recipe("--students", "dw", "--plan")
    assert code == 2 and "call it dw.yaml" not in output and "did you mean DW.yaml?" in output, output


def called(folder: str, *words: str) -> str:
    """What a recipe of this project prints, in the recipe's folder."""
    done = subprocess.run(["./run.sh", *words, "--plan"], cwd=ROOT / "egs" / folder, capture_output=True, text=True)
    return f"{done.returncode} {done.stderr}"


@pytest.mark.parametrize("value", ["0", "-5", "1.5", "1e3", "007", "x", "9" * 30])
def test_a_number_of_segments_or_tokens_is_a_whole_one_from_1_in_digits(value):
    for option, most in (("count", 999999999999), ("top", 51866)):
        assert called("folder/whisper", f"--{option}", value) == (
            f"2 error: --{option}: a whole number from 1 to {most}, not {value}\n"
        )


def test_numbers_of_segments_and_tokens_that_can_be_are_taken():
    assert called("folder/whisper", "--top", "51867").startswith("2 error: --top: ")
    assert not called("folder/whisper", "--count", "7", "--top", "51866").startswith("2 error: --")


@pytest.mark.parametrize(
    ("folder", "option", "value"),
    [("mini/star", "seeds", "1 1"), ("mini/star", "losses", "mse mse"), ("mini/instruct", "arms", "tpc uniform tpc")],
)
def test_a_word_that_stands_twice_in_an_option_is_told(folder, option, value):
    last = value.split()[-1]
    assert called(folder, f"--{option}", value) == f"2 error: --{option}: {last} stands there twice; name each once\n"


def test_another_whisper_may_be_of_the_hub_wherever_the_teacher_may(recipe):
    words = ["./run.sh", "--proxy", "openai/whisper-small", "--teacher", "openai/whisper-tiny", "--dry-run"]
    done = subprocess.run(words, cwd=ROOT / "egs/folder/whisper", capture_output=True, text=True)
    made = {"openai/whisper-tiny": "dump/teacher", "openai/whisper-small": "dump/proxy_model"}
    assert all(f"toolkit.models.fetch --model {id} --out {folder}\n" in done.stdout for id, folder in made.items())
    assert "--in dump/sample dump/proxy_model --out dump/proxy/sample\n" in done.stdout


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (".", "it is the recipe's folder"),
        ("..", "the recipe's folder is in it"),
        ("conf/new", "it is in conf, which is of the recipe itself"),
        (f"{ROOT}/egs/TEMPLATE", "it is a folder of the project"),
        (f"{ROOT}/egs/TEMPLATE/star/conf/x", "it is a folder of the project"),
        (f"{ROOT}/egs/mini/ssl", "it is a folder of the project"),
        (f"{ROOT}/toolkit/exp", "it is a folder of the project"),
        ("مكالمات", "it holds files that are not of this recipe, a/b/call.wav for one"),
        (f"{ROOT}/egs/mini/ssl/exp_of_tests", ""),
        (f"{ROOT}/egs/mini/ssl/local/x", "it is a folder of the project"),
        (f"{ROOT}/egs/mini", "it is a folder of the project"),
        (f"{ROOT}/egs/mini/data_of_tests", ""),
        ("new", ""),
        ("begun", ""),
    ],
)
def test_outputs_go_into_no_folder_of_the_recipe_the_project_or_a_user(recipe, value, why):
    declare(recipe, "exp=exp # where results go")
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("exp/two", '"$exp/two"').replace("--out exp/three", '--out "$exp/three"'))
    for name in ("مكالمات/a/b/call.wav", "begun/two/log/run.log", "begun/two/.lock"):
        (recipe.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (recipe.folder / name).write_text("")
    code, output = recipe("--exp", value, "--plan")
    wanted = f"error: outputs do not go here: {why}\n  where:  --exp {value}\n"
    assert (code, wanted in output) == ((2, True) if why else (0, False)), output


def test_outputs_go_where_outputs_are(recipe):
    declare(recipe, "exp=exp # where results go")
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("exp/two", '"$exp/two"').replace("--out exp/three", '--out "$exp/three"'))
    assert recipe("--exp", "mine")[0] == 0 and recipe("--exp", "mine", "--plan")[0] == 0


def test_a_folder_that_no_stage_reads_is_told_with_what_to_do(recipe):
    declare(recipe, "mgb3= # folder of MGB-3, unless --corpora leaves it out", "speed=1 # of the voice")
    for look in ((), ("--plan",)):
        code, output = recipe("--mgb3", "corpus/mgb3", *look)
        remedy = "leave --mgb3 out, or have it read: folder of MGB-3, unless --corpora leaves it out"
        assert code == 2 and "error: no stage of this call reads --mgb3" in output and remedy in output
    assert recipe("--speed", "2", "--corpus", "./corpus/", "--plan")[0] == 0


def test_a_folder_that_is_not_there_is_told_to_be_relative_to_the_recipes_folder(recipe):
    output = recipe("--corpus", "تسجيلات", "--plan")[1]
    assert f"needs تسجيلات: no such file or folder in {recipe.folder}, the recipe's folder" in output
    assert "needs /تسجيلات: no such file or folder\n" in recipe("--corpus", "/تسجيلات", "--plan")[1]


def test_results_of_the_preset_of_the_tests_are_not_published(recipe):
    declare(recipe, "preset=quick # quick, or nano (the tests)")
    assert recipe()[0] == 0
    (recipe.folder / "exp/three/RESULTS.md").write_text("# Results")
    assert recipe("--publish")[0] == 0
    (recipe.folder / "RESULTS.md").write_text("# Full")
    code, output = recipe("--publish", "--preset", "nano")
    assert code == 2 and "its figures are of nothing" in output
    assert (recipe.folder / "RESULTS.md").read_text() == "# Full"
