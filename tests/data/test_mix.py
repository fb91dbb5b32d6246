"""Several corpora as one: data.mix."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from trees import record, speech

from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.data.mix import MixConfig, find_sets, run


def corpus(folder: Path, name: str, language: str, audio: str = "") -> None:
    """Sets <name>_train and <name>_dev of two clips each below `folder`, audio beside them (or at `audio`)."""
    for part, clips in (("train", speech()[:2]), ("dev", speech()[2:4])):
        path = folder / f"{name}_{part}"
        ids = [f"{name}{clip.speaker}-{part}{i}" for i, clip in enumerate(clips)]
        for id, clip in zip(ids, clips):
            record(folder / "audio" / f"{id}.wav", clip.wave_N)
        write_data_dir(
            path,
            {
                "wav.scp": {id: f"{audio or folder / 'audio'}/{id}.wav" for id in ids},
                "utt2spk": {id: id.partition("-")[0] for id in ids},
                "utt2dur": {id: f"{clip.seconds:.4f}" for id, clip in zip(ids, clips)},
                "utt2lang": dict.fromkeys(ids, language),
                "text": {id: clip.text for id, clip in zip(ids, clips)},
            },
        )


def mix(cwd: Path, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "toolkit.data.mix", *words]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=os.environ)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def two(tmp_path: Path) -> Path:
    corpus(tmp_path / "a", "mgb2", "ARA")
    corpus(tmp_path / "b", "libri", "ENG")
    return tmp_path


def test_training_sets_go_together_and_every_set_stays_by_its_own_name(two: Path) -> None:
    code, output = mix(two, "--in", "a", "b", "--out", "data")
    assert code == 0, output
    names = {p.parent.name for p in (two / "data").glob("*/wav.scp")}
    assert names == {"train", "dev", "mgb2_train", "mgb2_dev", "libri_train", "libri_dev"}
    train = DataDir.read(two / "data/train")
    assert sorted(train.tables["utt2lang"].values()) == ["ARA", "ARA", "ENG", "ENG"]
    parts = [DataDir.read(two / "data" / f"{name}_train") for name in ("libri", "mgb2")]
    assert train.tables["text"] == parts[0].tables["text"] | parts[1].tables["text"]


def test_sets_that_are_judged_by_other_limits_are_named_where_they_become_one(two: Path) -> None:
    (two / "a/mgb2_train/judged.json").write_text('{"limits": {"max_clipped": 0.2}}')
    code, output = mix(two, "--in", "a", "b", "--out", "data")
    assert code == 0, output
    told = "max_clipped 0.2 holds for all, the loosest that is stated: mgb2_train 0.2, libri_train 0.05 (default)"
    assert output.count("holds for all") == 1 and told in output


def test_the_config_says_which_sets_go_together(two: Path) -> None:
    code, output = mix(two, "--in", "a", "b", "--out", "data", "--train", "mgb2_*n", "--dev", "libri_dev")
    assert code == 0, output
    assert set(DataDir.read(two / "data/train").tables["utt2lang"].values()) == {"ARA"}
    assert set(DataDir.read(two / "data/dev").tables["utt2lang"].values()) == {"ENG"}


def test_what_one_corpus_does_not_say_is_unknown_and_no_table_is_lost(two: Path) -> None:
    programmes = {f"{line.split()[0]} حلقة" for line in open(two / "a/mgb2_train/utt2spk", encoding="utf-8")}
    (two / "a/mgb2_train/utt2prog").write_text("\n".join(sorted(programmes)) + "\n", encoding="utf-8")
    (two / "b/libri_train/text").unlink()
    code, output = mix(two, "--in", "a", "b", "--out", "data")
    assert code == 0, output
    train = DataDir.read(two / "data/train")
    assert sorted(train.tables["utt2prog"].values()) == ["unknown", "unknown", "حلقة", "حلقة"]
    assert sum(not text for text in train.tables["text"].values()) == 2


def test_audio_paths_of_another_recipe_still_lead_to_its_audio(tmp_path: Path) -> None:
    recipe = tmp_path / "egs/mgb2/ssl"
    corpus(recipe / "data", "mgb2", "ARA", audio="data/audio")  # relative to the recipe, as its own steps write it
    (recipe / "run.sh").write_text("", encoding="utf-8")
    here = tmp_path / "egs/harness/ssl"
    here.mkdir(parents=True)
    code, output = mix(here, "--in", "../../mgb2/ssl/data", "--out", "data")
    assert code == 0, output
    sources = (here / "data/train/wav.scp").read_text(encoding="utf-8").split()[1::2]
    assert sources and all((here / source).is_file() for source in sources)


def test_sets_of_two_recipes_that_are_called_alike_get_their_recipes_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for recipe, name, language in (("A", "mgb2", "ARA"), ("B", "libri", "ENG")):
        corpus(tmp_path / recipe / "data", name, language)
        for part in ("train", "dev"):
            (tmp_path / recipe / "data" / f"{name}_{part}").rename(tmp_path / recipe / "data" / part)
    folders = [tmp_path / "A/data", tmp_path / "B/data"]
    run(Step(MixConfig(), folders, tmp_path / "data", ["data.mix"], ledger=Ledger("data.mix")))
    names = {p.parent.name for p in (tmp_path / "data").glob("*/wav.scp")}
    assert names == {"train", "dev", "A_train", "A_dev", "B_train", "B_dev"}
    assert sorted(DataDir.read(tmp_path / "data/train").tables["utt2lang"].values()) == ["ARA", "ARA", "ENG", "ENG"]
    assert f"A_train is {tmp_path}/A/data/train" in capsys.readouterr().out
    assert find_sets([tmp_path / "A/data"]).keys() == {"A_train", "A_dev"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--in", "a", "a/mgb2_dev"), "two sets called mgb2_dev"),
        (("--in", "a", "--train", "qasr_train"), "no set is called qasr_train"),
        (("--in", "a", "--dev", "*"), "sets in train and in dev: mgb2_train"),
        (("--in", "a/audio"), "no data directory is here"),
    ],
)
def test_what_cannot_be_mixed_is_told(two: Path, words: tuple[str, ...], why: str) -> None:
    code, output = mix(two, *words, "--out", "data")
    assert code == 1 and why in output and "Traceback" not in output, output
