"""The whisper recipe of every corpus is listed; some go all the way, on small trees and with a random Whisper."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, House
from trees import record, speech
from whispers import tiny_whisper_folder

from toolkit.data.kaldi import DataDir

pytestmark = pytest.mark.recipe

CORPORA = ("mgb2", "mgb3", "mgb5", "qasr", "commonvoice", "fleurs", "masc")
OF_THE_PAPER = (*CORPORA, "arabic_speech_corpus", "casablanca")
DIALECTS = ("alg", "jor", "pal", "uae", "yem", "egy", "mor", "mau")
VARIABLES = (*(name.upper() for name in OF_THE_PAPER), "CORPUS")
SMALL = ("--conf", "conf/small", "--students", "DW-1-1", "--allow-contamination")  # trees repeat sentences
TO_PACK = (*SMALL, "--stop-stage", "pack")
TESTS = ("CV15", "MGB2", "MGB3", "MGB5", "FLEURS", "ALG", "JOR", "PAL", "UAE", "YEM")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_whisper_folder(tmp_path_factory.mktemp("models") / "tiny", seed=1, ends=True))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """tree("mgb2") is the folder of that corpus, made once; no two corpora have the same audio."""
    top, made = tmp_path_factory.mktemp("corpora"), dict[str, Path]()

    def make(name: str) -> Path:
        if name not in made:
            more = {"dialects": ("Algeria", "Jordan", "Palestine", "UAE", "Yemen")} if name == "casablanca" else {}
            clips = speech(24, seed=1 + OF_THE_PAPER.index(name))
            importlib.import_module(f"trees.{name}").make(top / name, clips, **more)
            made[name] = top / name
        return made[name]

    return make


@pytest.fixture(scope="module")
def house(new_house: Callable[[], House]) -> House:
    return new_house()


def windows(recipe: Path, name: str) -> list[dict]:
    lines = (recipe / "dump/packs" / name / "windows.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_recipe_of_this_kind_is_known_here() -> None:
    recipes = {p.parts[-3] for p in (ROOT / "egs").glob("*/whisper/run.sh")}
    dialects = {f"dialect_{dialect}" for dialect in DIALECTS}
    assert recipes == {*CORPORA, *dialects, "folder", "to_distill", "mini", "asterisk"}


@pytest.mark.parametrize("name", sorted(p.parts[-3] for p in (ROOT / "egs").glob("*/whisper/run.sh")))
def test_every_recipe_lists_ten_stages_without_a_corpus(
    name: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    code, output = house.run(f"{name}/whisper", "--list")
    assert code == 0, output
    stages = [line.split()[1] for line in output.splitlines() if line[:3].strip()]
    wanted = "data sample adapt pseudo_label select pack student distil evaluate results"
    assert stages == wanted.split()


@pytest.mark.parametrize("name", ["mgb2", "dialect_alg"])
def test_a_corpus_is_labelled_and_packed(name: str, tree, house: House, teacher: str) -> None:
    corpus = str(tree("casablanca" if name.startswith("dialect") else name))
    call = (f"{name}/whisper", "--corpus", corpus, "--teacher", teacher, *TO_PACK)
    code, output = house.run(*call)
    assert code == 0, output
    recipe = house.root / "egs" / name / "whisper"
    utterances = {u.id for u in DataDir.read(recipe / "dump/sample").utterances}
    packed = {arm: {u["id"] for w in windows(recipe, arm) for u in w["utterances"]} for arm in ("unfiltered", "truth")}
    assert packed["unfiltered"] and packed["unfiltered"] <= utterances and packed["truth"] == utterances
    code, output = house.run(*call)
    assert code == 0 and "nothing to do" in output, output


def test_recordings_without_transcripts_go_all_the_way(house: House, teacher: str, tmp_path: Path) -> None:
    for i, clip in enumerate(speech(30)):
        record(tmp_path / "تسجيلات" / f"متكلم {i % 6}" / f"{i}.wav", clip.wave_N)
    limits = (
        house.root / "egs/folder/whisper/conf/label_free.yaml"
    )  # of a network that knows nothing, none is confident
    limits.write_text('keep:\n  unfiltered: ""\n  confident: "confidence >= -9"\n', encoding="utf-8")
    words = ("--corpus", str(tmp_path / "تسجيلات"), "--teacher", teacher, "--transcripts", "false", *SMALL)
    code, output = house.run("folder/whisper", *words)
    assert code == 0, output
    recipe = house.root / "egs/folder/whisper"
    heard = DataDir.read(recipe / "dump/by_teacher/test_by_teacher").tables["text"]
    again = (recipe / "exp/eval/teacher/test_by_teacher/text").read_text(encoding="utf-8").splitlines()
    assert heard == {id: text for id, _, text in (line.partition(" ") for line in again)}
    results = (recipe / "exp/RESULTS.md").read_text(encoding="utf-8")
    assert "nobody wrote transcripts" in results and "test_by_teacher" in results
    assert "are RANDOM." in results.splitlines()[2]
    limits.unlink()


def test_the_papers_recipe_draws_from_all_corpora_and_has_ten_test_sets(tree, house: House, teacher: str) -> None:
    corpora = [word for name in OF_THE_PAPER for word in (f"--{name.replace('_', '-')}", str(tree(name)))]
    to_sample = (*SMALL, "--stop-stage", "sample")
    call = ("to_distill/whisper", *corpora, "--teacher", teacher, "--count", "30", "--arms", "filtered", *to_sample)
    code, output = house.run(*call)
    assert code == 0, output
    dump = house.root / "egs/to_distill/whisper/dump"
    sample = DataDir.read(dump / "sample")
    assert len(sample) == 30 and set(sample.tables["utt2corpus"].values()) == {
        *(f"{name}_train" for name in ("mgb2", "mgb5", "fleurs", "commonvoice", "qasr", "arabic_speech_corpus")),
        "mgb3_adapt",
        "masc_clean_train",
    }
    assert {path.name for path in (dump / "test").iterdir() if path.is_dir() and path.name[0] != "."} == set(TESTS)
    assert all(len(DataDir.read(dump / "test" / name)) for name in TESTS)


@pytest.mark.long
def test_the_papers_recipe_tells_of_each_student_what_it_gained(tree, house: House, teacher: str) -> None:
    folders = [word for top in ("data", "dump", "exp") for word in (f"--{top}", f"few/{top}")]
    (house.root / "egs/to_distill/whisper/conf/small").mkdir(exist_ok=True)
    two = house.root / "egs/to_distill/whisper/conf/small/DW-2-1.yaml"
    two.write_text("encoder_layers: 2\ndecoder_layers: 1\n", encoding="utf-8")
    words = ("--corpora", "fleurs", "--fleurs", str(tree("fleurs")), "--arms", "filtered", "--teacher", teacher)
    words = (*words, *SMALL, "--students", "DW-1-1 DW-2-1", "--top", "16", *folders)
    code, output = house.run("to_distill/whisper", *words)
    assert code == 0, output
    few = house.root / "egs/to_distill/whisper/few"
    scores = json.loads((few / "exp/scores/systems.json").read_text(encoding="utf-8"))
    assert (few / "dump/soft/filtered/soft.json").is_file()  # of one teacher, for both
    assert [t["name"] for t in scores["tests"]] == ["FLEURS"] and scores["profiles"][-1].startswith("to-distill")
    held = {(p["system"], p["against"]) for p in scores["pairs"]}
    for student in ("DW-1-1", "DW-2-1"):
        assert (f"{student}.filtered", f"{student}.undistilled") in held
        record_of = json.loads((few / f"exp/{student}/filtered/record.json").read_text(encoding="utf-8"))
        packed = len((few / "dump/packs/filtered/windows.jsonl").read_text(encoding="utf-8").splitlines())
        assert record_of["counts"]["windows"] == packed
        steps = (few / f"exp/{student}/filtered/loss.tsv").read_text(encoding="utf-8").splitlines()
        assert len(steps) - 1 == -(-packed // 4)  # once over the windows, four a step
    two.unlink()


def test_five_corpora_make_a_recipe_and_an_unknown_one_does_not(house: House) -> None:
    untouched = [word for top in ("data", "dump", "exp") for word in (f"--{top}", f"untouched/{top}")]
    code, output = house.run("to_distill/whisper", "--list", "--corpora", "mgb2 fleurs", *untouched)
    assert code == 0 and "untouched/dump/test/FLEURS" in output and "test/ALG" not in output and "masc" not in output, (
        output
    )
    code, output = house.run("to_distill/whisper", "--list", "--corpora", "mgb2 flers")
    assert code == 2 and "--corpora: no corpus flers" in output, output
    code, output = house.run("to_distill/whisper", "--list", "--corpora", "qasr")
    assert code == 2 and "test set of the paper" in output, output


def test_a_corpus_whose_folder_is_not_told_is_refused_before_anything_runs(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    words = ("--corpora", "mgb2 fleurs", "--mgb2", str(tmp_path), "--data", "data2")
    code, output = house.run("to_distill/whisper", *words, "--stop-stage", "data")
    assert code == 2 and "or the variable FLEURS" in output and "QASR" not in output, output
    assert not (house.root / "egs/to_distill/whisper/data2").exists()
