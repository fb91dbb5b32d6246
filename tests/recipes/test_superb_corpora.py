"""The SUPERB suites on small trees in the corpora's true layouts, with heads of a few steps."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, House
from trees import Clip, record, tones, write_lines

from toolkit.core.config import read_yaml
from toolkit.data.kaldi import DataDir, write_data_dir

pytestmark = pytest.mark.recipe

FEW = {"steps": 3, "batch": 4, "hidden": 8, "validate_every": 0, "lr": "[1e-2]"}


def few_steps(recipe: Path, folder: Path) -> Path:
    """A folder with the recipe's tasks.yaml, of which each task takes a few steps of a small head, and one rate."""
    tasks = read_yaml(recipe / "tasks.yaml")["tasks"]
    lines = [
        f"like: {recipe / 'tasks.yaml'}",
        "checkpoint_every: 10",
        "cost_utterances: 1",
        "cost_seconds: 0.5",
        "tasks:",
    ]
    for name in tasks:
        lines += [f"  {name}:", *(f"    {field}: {value}" for field, value in FEW.items())]
    write_lines(folder / "tasks.yaml", *lines)
    return folder


def made(name: str, folder: Path, clips: Sequence[Clip], **more: Any) -> str:
    """The tree of a corpus; its folder as an option's value."""
    importlib.import_module(f"trees.{name}").make(folder, clips, **more)
    return str(folder)


SUPERB = ("librispeech", "speech_commands", "fluent_speech_commands", "voxceleb1", "iemocap")


@pytest.fixture(scope="module")
def superb(new_house: Callable[[], House], tmp_path_factory: pytest.TempPathFactory) -> tuple[House, list[str], str]:
    """A run of egs/superb without IEMOCAP: the house, the options, what it printed."""
    house, top = new_house(), tmp_path_factory.mktemp("corpora")
    folders = {name: made(name, top / name, tones(48)) for name in SUPERB}
    words = sorted({word.upper() for clip in tones(48) for word in clip.text.split()})
    write_lines(top / "lexicon.txt", *(f"{word} {' '.join(word)}" for word in words))
    commands = Path(folders.pop("speech_commands"))
    options = [
        "--conf",
        str(few_steps(ROOT / "egs/TEMPLATE/superb/conf", top / "conf")),
        "--lexicon",
        str(top / "lexicon.txt"),
    ]
    options += ["--speech-commands", str(commands / "train"), "--speech-commands-test", str(commands / "test")]
    options += [
        word
        for name, folder in folders.items()
        if name != "iemocap"
        for word in (f"--{name.replace('_', '-')}", folder)
    ]
    code, written = house.run("superb/superb", *options)
    assert code == 0, written
    return house, [*options, "--iemocap", folders["iemocap"]], written


def test_a_corpus_that_is_not_given_leaves_its_task_out_and_the_run_says_so(
    superb: tuple[House, list[str], str],
) -> None:
    house, _, written = superb
    assert "er is left out: no data directory iemocap" in written
    tasks = house.root / "egs/superb/superb/exp/tasks"
    assert {p.stem for p in (tasks / "fbank").glob("*.json")} >= {"pr", "asr", "ks", "ic", "sid"}
    assert not (tasks / "fbank/er.json").exists()


def test_a_corpus_that_is_added_brings_its_task_and_all_six_are_scored(superb: tuple[House, list[str], str]) -> None:
    house, options, _ = superb
    exp = house.root / "egs/superb/superb/exp"
    before = (exp / "tasks/fbank/sid.json").stat().st_mtime_ns
    code, written = house.run("superb/superb", *options)
    assert code == 0, written
    (row,) = json.loads((exp / "superb/superb.json").read_text())["rows"]
    assert set(row["values"]) == {"PR", "ASR", "KS", "SID", "IC", "ER"}
    folds = json.loads((exp / "tasks/fbank/er.json").read_text())["folds"]
    assert [fold["left_out"] for fold in folds] == [f"Session{k}" for k in range(1, 6)]
    assert row["values"]["ER"] == pytest.approx(sum(fold["value"] for fold in folds) / 5)
    assert (exp / "tasks/fbank/sid.json").stat().st_mtime_ns == before
    assert "KS acc. % ↑" in (exp / "RESULTS.md").read_text(encoding="utf-8")


def test_without_a_corpus_the_error_names_the_options(new_house: Callable[[], House]) -> None:
    house = new_house()
    code, written = house.run("superb/superb")
    assert code != 0 and "an empty input" in written
    assert all(f"--{name.replace('_', '-')}" in written for name in SUPERB)


@pytest.fixture(scope="module")
def arabic(new_house: Callable[[], House], tmp_path_factory: pytest.TempPathFactory) -> tuple[House, str]:
    """A run of egs/arabic on KSUEmotions, Casablanca and Common Voice, and on data directories of another recipe."""
    house, top = new_house(), tmp_path_factory.mktemp("arabic")
    clips = tones(60)
    folders = {name: made(name, top / name, clips) for name in ("ksuemotions", "casablanca", "commonvoice")}
    conf = few_steps(ROOT / "egs/arabic/superb/conf", top / "conf")
    write_lines(conf / "sid.yaml", "fewest_utterances: 4")
    options = [word for name, folder in folders.items() for word in (f"--{name}", folder)]
    of_another_recipe(house.root / "egs/folder/ssl/data", clips)
    code, written = house.run("arabic/superb", "--conf", str(conf), "--corpora", "../../folder/ssl/data", *options)
    assert code == 0, written
    return house, written


def of_another_recipe(folder: Path, clips: Sequence[Clip]) -> None:
    """adi17_{train,dev,test} of one dialect a loudness, with paths relative to the recipe that made them."""
    for part, chosen in zip(("train", "dev", "test"), (clips[:8], clips[8:12], clips[12:16]), strict=True):
        ids = [f"{part}-{i:02}" for i in range(len(chosen))]
        for id, clip in zip(ids, chosen, strict=True):
            record(folder / f"audio/{id}.wav", clip.wave_N)
        tables = {
            "wav.scp": {id: f"data/audio/{id}.wav" for id in ids},
            "utt2spk": {id: id for id in ids},
            "utt2dur": {id: f"{clip.seconds:g}" for id, clip in zip(ids, chosen, strict=True)},
            "utt2lang": {id: ("EGY", "MOR")[i % 2] for i, id in enumerate(ids)},
        }
        write_data_dir(folder / f"adi17_{part}", tables)


def test_the_arabic_suite_scores_the_tasks_of_the_corpora_that_are_given(arabic: tuple[House, str]) -> None:
    house, written = arabic
    exp = house.root / "egs/arabic/superb/exp"
    results = {p.stem: json.loads(p.read_text()) for p in (exp / "tasks/fbank").glob("*.json")}
    assert results.keys() >= {"asr_cv", "did17", "did_casablanca", "er_ksu", "sid"}
    assert len(results["er_ksu"]["folds"]) == 5
    for absent in ("asr", "asr_sada", "pr", "did5", "did_sada", "er_baved", "er_anad"):
        assert f"{absent} is left out: no data directory" in written and absent not in results
    (row,) = json.loads((exp / "superb/superb.json").read_text())["rows"]
    assert set(row["values"]) == {"SID", "ER"}
    table = (exp / "RESULTS.md").read_text(encoding="utf-8")
    assert "DID Casablanca acc. % ↑" in table and "HuBERT base" not in table


def test_dialects_of_casablanca_are_told_apart_in_one_set(arabic: tuple[House, str]) -> None:
    house, _ = arabic
    data = house.root / "egs/arabic/superb/data/casablanca"
    assert {p.parent.name for p in data.glob("*/wav.scp")} == {
        f"casablanca_{part}" for part in ("train", "dev", "test")
    }
    for part in ("train", "dev", "test"):
        assert {*DataDir.read(data / f"casablanca_{part}").tables["utt2lang"].values()} == {"ALG", "YEM"}
