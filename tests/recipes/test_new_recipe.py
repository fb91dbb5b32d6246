"""Recipes made by copying: utils/new-recipe and utils/check-recipe."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, House


@pytest.fixture
def house(new_house) -> House:
    return new_house()


def call(house: House, *words: str) -> tuple[int, str]:
    env = {**os.environ, "SAWT_PYTHON": str(ROOT / ".venv/bin/python3")}
    done = subprocess.run(words, cwd=house.root, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def test_a_copy_has_its_values_and_nothing_that_runs_have_made(house: House) -> None:
    for name in ("data", "dump", "exp"):
        (house.root / "egs/dialect_alg/ssl" / name).mkdir()
    code, output = call(house, "utils/new-recipe", "dialect_sud", "--like", "egs/dialect_alg", "--dialect", "SUD")
    assert code == 0, output
    new = house.root / "egs/dialect_sud/ssl"
    assert [p.name for p in new.iterdir()] == ["run.sh"] and os.access(new / "run.sh", os.X_OK)
    old = (house.root / "egs/dialect_alg/ssl/run.sh").read_text(encoding="utf-8").splitlines()
    changed = set((new / "run.sh").read_text(encoding="utf-8").splitlines()) - set(old)
    assert [line.split()[0] for line in changed] == ["dialect=SUD"]
    assert call(house, "utils/check-recipe", "egs/dialect_sud")[0] == 0


def test_a_value_with_spaces_and_quotes_stays_one_word(house: House) -> None:
    corpus = "/corpora/لهجة 'مغربية'; touch $HOME/x"
    code, output = call(house, "utils/new-recipe", "darija", "--like", "folder", f"--corpus={corpus}")
    assert code == 0, output
    code, output = house.run("darija/ssl", "--list")
    assert code == 0 and corpus in output, output


def test_a_recipe_may_say_where_the_corpus_lies_in_an_option(house: House) -> None:
    code, output = call(house, "utils/new-recipe", "darija", "--like", "egs/folder", "--corpus", "/corpora/darija")
    assert code == 0, output
    code, output = call(house, "utils/check-recipe", "egs/darija")
    assert (code, output) == (0, "egs/darija/instruct: good\negs/darija/ssl: good\negs/darija/whisper: good\n")


def test_every_kind_of_a_corpus_is_copied_or_the_one_that_is_named(house: House) -> None:
    code, output = call(house, "utils/new-recipe", "darija", "--like", "egs/dialect_alg", "--dialect", "MOR")
    assert code == 0 and "cd egs/darija/ssl or cd egs/darija/whisper" in output, output
    for kind in ("ssl", "whisper"):
        code, output = house.run(f"darija/{kind}", "--help")
        assert code == 0 and "--dialect             MOR" in output, output
    words = ("utils/new-recipe", "sudan", "--like", "egs/dialect_alg")
    code, output = call(house, *words, "--kind", "whisper", "--dialect", "ALG")
    assert code == 0 and [p.name for p in (house.root / "egs/sudan").iterdir()] == ["whisper"], output
    assert call(house, *words, "--kind", "ssl")[0] == 0  # beside it
    assert call(house, "utils/check-recipe", "sudan")[1] == "egs/sudan/ssl: good\negs/sudan/whisper: good\n"
    code, output = call(house, *words, "--kind", "ssl")
    assert code == 2 and "egs/sudan/ssl is there already" in output
    code, output = call(house, *words, "--kind", "star")
    assert code == 2 and "no recipe of the kind star" in output and "it has ssl, whisper" in output


def test_a_config_is_asked_for_by_a_word_of_an_option_that_a_stage_goes_through(house: House) -> None:
    conf = house.root / "egs/asterisk/whisper/conf"
    assert (conf / "DW-4-2.yaml").is_file()  # of students=DW-4-2
    (conf / "DW-4-3.yaml").write_text("encoder_layers: 4\ndecoder_layers: 3\n")
    code, output = call(house, "utils/check-recipe", "asterisk")
    assert code == 1 and "conf/DW-4-3.yaml: no stage asks for a config of this name; did you mean DW-4-2?" in output, (
        output
    )
    assert output.count(": no stage") == 1


def test_an_empty_corpus_names_the_variable_that_says_where_it_lies(house: House) -> None:
    env = {name: value for name, value in os.environ.items() if name != "CASABLANCA"}
    env["SAWT_PYTHON"] = str(ROOT / ".venv/bin/python3")
    recipe = house.root / "egs/dialect_alg/ssl"
    ended = subprocess.run(["./run.sh"], cwd=recipe, env=env, capture_output=True, text=True)
    assert ended.returncode == 2 and "or the variable CASABLANCA" in ended.stderr, ended.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("x", "--like", "egs/dialect_algg"), "did you mean egs/dialect_alg?"),
        (("mini", "--like", "egs/dialect_alg"), "egs/mini is there already"),
        (("../x", "--like", "egs/dialect_alg"), "cannot name a recipe"),
        (("x", "--like", "egs/dialect_alg", "--dialekt", "SUD"), "no line dialekt="),
        (("x", "--like", "egs/dialect_alg", "--dialect", "ALG\nnj=5"), "cannot be printed"),
        (("x", "--like", "egs/dialect_alg", "--dialect", "ALG # mine"), "a value with a #"),
        (("x", "--like", "egs/dialect_alg", "--dialect", "\udcff"), "cannot be printed"),
        (("x", "--like", "egs/dialect_alg", "SUD"), "write --option value"),
    ],
)
def test_what_cannot_be_copied_is_told_without_a_traceback(house: House, words: tuple[str, ...], why: str) -> None:
    code, output = call(house, "utils/new-recipe", *words)
    assert code == 2 and why in output and "Traceback" not in output, output
    assert not (house.root / "egs/x").exists()


def spoil_link(recipe: Path) -> str:
    (recipe / "conf").mkdir()
    (recipe / "conf/it1.yaml").symlink_to("../../../TEMPLATE/ssl/conf/it1.yaml")
    return "conf/it1.yaml: a link"


def spoil_path(recipe: Path) -> str:
    with open(recipe / "run.sh", "r+", encoding="utf-8") as f:
        text = f.read().replace('--in "$corpus"', "--in /home/somebody/casablanca")
        f.seek(0)
        f.write(text)
    return "run.sh:10: an absolute path, /home/somebody/casablanca"


def spoil_config(recipe: Path) -> str:
    (recipe / "conf").mkdir()
    (recipe / "conf/it11.yaml").write_text("seed: 1\n")
    return "conf/it11.yaml: no stage asks for a config of this name; did you mean it1?"


def spoil_name(recipe: Path) -> str:
    text = (recipe / "run.sh").read_text(encoding="utf-8")
    (recipe / "run.sh").write_text(
        text.replace('--in "$corpus"', '--in "../../dialect_alg/ssl/data"'), encoding="utf-8"
    )
    return "it names its own folder"


def spoil_mode(recipe: Path) -> str:
    (recipe / "run.sh").chmod(0o644)
    return "not executable"


def spoil_pipeline(recipe: Path) -> str:
    text = (recipe / "run.sh").read_text(encoding="utf-8")
    (recipe / "run.sh").write_text(text.replace("\nprepare", "\n:" * 40 + "\nprepare"), encoding="utf-8")
    return "what recipes share belongs into the template"


def spoil_end(recipe: Path) -> str:
    text = (recipe / "run.sh").read_text(encoding="utf-8")
    (recipe / "run.sh").write_text(text.replace('recipe "$@"', "recipe"), encoding="utf-8")
    return "its last line is not"


@pytest.mark.parametrize(
    "spoil", [spoil_link, spoil_path, spoil_config, spoil_name, spoil_mode, spoil_pipeline, spoil_end]
)
def test_a_recipe_that_breaks_a_rule_is_named_with_the_rule(house: House, spoil) -> None:
    wanted = spoil(house.root / "egs/dialect_alg/ssl")
    code, output = call(house, "utils/check-recipe", "dialect_alg")
    assert code == 1 and wanted in output, output
