"""The first stages of every corpus's recipe, on a small tree in the corpus's true layout."""

import importlib
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, House
from trees import speech

from toolkit.data.kaldi import DataDir
from toolkit.data.labels import Labels

pytestmark = pytest.mark.recipe

DIALECTS = ("alg", "jor", "pal", "uae", "yem", "egy", "mor", "mau")
DIALECTS_OF_CASABLANCA = ("Algeria", "Egypt", "Jordan", "Mauritania", "Morocco", "Palestine", "UAE", "Yemen")
SMALL = ("--conf", "conf/small", "--allow-contamination")  # trees repeat sentences
SHORT = ("--stage", "1", "--stop-stage", "4", *SMALL)
RECIPES = {  # recipe -> {variable with the corpus's folder: tree}
    **{name: {name.upper(): name} for name in ("mgb2", "mgb3", "mgb5", "qasr", "commonvoice", "fleurs", "masc")},
    **{f"dialect_{dialect}": {"CASABLANCA": "casablanca"} for dialect in DIALECTS},
    "harness": {name.upper(): name for name in ("mgb2", "librispeech", "ksuemotions", "adi5")},
}
OF_A_DIALECT = [f"dialect_{dialect}" for dialect in DIALECTS]
ONE_DIALECT = OF_A_DIALECT[0]  # the recipes of the rest only differ in a word
TO_UNITS = (ONE_DIALECT,)  # of which `make test` makes units; the others differ in their data alone
LIKE_ANOTHER = ("mgb5", "qasr")  # their recipes differ from those of MGB-3 and MGB-2 in their names alone
TREES = sorted({name for trees in RECIPES.values() for name in trees.values()})


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """tree("mgb2") is the folder of that corpus, made once."""
    top, made = tmp_path_factory.mktemp("corpora"), dict[str, Path]()

    def make(name: str) -> Path:
        if name not in made:
            seed = 1 + TREES.index(name)  # no two corpora have the same audio
            clips = speech(48, english=name == "librispeech", seed=seed)
            more = {"dialects": DIALECTS_OF_CASABLANCA} if name == "casablanca" else {}
            importlib.import_module(f"trees.{name}").make(top / name, clips, **more)
            made[name] = top / name
        return made[name]

    return make


@pytest.fixture(scope="module")
def house(new_house: Callable[[], House]) -> House:
    return new_house()


def test_every_recipe_of_a_corpus_is_tried_here() -> None:
    recipes = {p.parts[-3] for p in (ROOT / "egs").glob("*/ssl/run.sh")}
    assert recipes == {*RECIPES, "mini", "asterisk", "folder", "dialect_clips"}


@pytest.mark.parametrize(
    "recipe", [pytest.param(name, marks=[pytest.mark.long] * (name not in TO_UNITS)) for name in RECIPES]
)
def test_four_stages_make_units_of_a_corpus_in_its_true_layout(
    recipe: str, tree: Callable[[str], Path], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = _sets(recipe, tree, house, monkeypatch, SHORT)
    labels = Labels.open(house.root / "egs" / recipe / "ssl/dump/it1/labels")
    assert all(any(u.id in labels for u in data.utterances) for data in sets)
    code, output = house.run(f"{recipe}/ssl", *SHORT)
    assert code == 0 and "nothing to do" in output, output


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(name, marks=[pytest.mark.long] * (name in LIKE_ANOTHER))
        for name in RECIPES
        if name not in (*TO_UNITS, *OF_A_DIALECT)
    ],
)
def test_the_data_stage_reads_a_corpus_in_its_true_layout(
    recipe: str, tree: Callable[[str], Path], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(len(data) for data in _sets(recipe, tree, house, monkeypatch, ("--stop-stage", "data", *SMALL)))


def _sets(
    recipe: str,
    tree: Callable[[str], Path],
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> list[DataDir]:
    """The sets to train and to validate on, made by a run of the recipe with these words."""
    for variable, name in RECIPES[recipe].items():
        monkeypatch.setenv(variable, str(tree(name)))
    code, output = house.run(f"{recipe}/ssl", "--list")
    assert code == 0 and " it1.label " in output, output
    code, output = house.run(f"{recipe}/ssl", *words)
    assert code == 0, output
    options = dict(line.split(None, 2)[:2] for line in _help(house, recipe) if line.startswith("  --"))
    made = house.root / "egs" / recipe / "ssl/dump/sets"
    return [DataDir.read(made / options[option]) for option in ("--train", "--dev")]


@pytest.mark.parametrize("recipe", OF_A_DIALECT[1:])
def test_a_recipe_of_another_dialect_names_another_and_is_else_the_same(
    recipe: str, tree: Callable[[str], Path], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, this = (
        (house.root / "egs" / name / "ssl/run.sh").read_text(encoding="utf-8").splitlines()
        for name in (ONE_DIALECT, recipe)
    )
    changed = [new for old, new in zip(one, this, strict=True) if old != new]
    dialect = recipe.removeprefix("dialect_").upper()
    assert [line.split()[0] for line in changed] == ["#", f"dialect={dialect}"]
    made = {"data", "dump", "exp", "RESULTS.md"}  # by the test that runs it whole, where that comes before
    assert {p.name for p in (house.root / "egs" / recipe / "ssl").iterdir()} - made == {"run.sh"}
    monkeypatch.setenv("CASABLANCA", str(tree("casablanca")))
    code, listed = house.run(f"{recipe}/ssl", "--list")
    assert code == 0 and " it1.label " in listed, listed
    code, planned = house.run(f"{recipe}/ssl", "--plan", *SHORT)
    assert code == 0 and "it1.label" in planned, planned


def _help(house: House, recipe: str) -> list[str]:
    code, output = house.run(f"{recipe}/ssl", "--help")
    assert code == 0, output
    return output.splitlines()


def test_the_walk_through_of_the_readme_works_word_for_word(
    tree: Callable[[str], Path], house: House, tmp_path: Path
) -> None:
    text = (ROOT / "egs/README.md").read_text(encoding="utf-8")
    lines = text.partition("```bash\n")[2].partition("```")[0]
    assert len(lines.splitlines()) == 10 and "/corpora/casablanca" in lines
    script = "set -euo pipefail\n" + lines.replace("/corpora/casablanca", shlex.quote(str(tree("casablanca"))))
    env = {**os.environ, "SAWT_PYTHON": str(ROOT / ".venv/bin/python3")}
    done = subprocess.run(["bash", "-c", script], cwd=house.root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    made = house.root / "egs/dialect_mar/ssl"
    assert Labels.open(made / "dump/it1/labels").k == 50
    assert set(DataDir.read(made / "dump/sets/train").tables["utt2lang"].values()) == {"MOR"}
