"""Data directories of other recipes, whose audio paths are relative to a folder that is not this one."""

import os

import numpy as np
import pytest
import soundfile

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.data.contamination import ContaminationConfig, run
from toolkit.data.find import data_dirs
from toolkit.data.kaldi import DataDir, write_data_dir


def clean(ins, out, train):
    """Take what is tested out of what is trained on, in this process."""
    out.mkdir()
    run(Step(ContaminationConfig(train=train, most=1.0), ins, out, ["data.contamination"]))


def test_a_folder_is_a_data_directory_or_holds_some_in_order_of_their_names(tmp_path):
    for name in ("b_test", "a_train", "audio"):
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="no data directory is here"):
        data_dirs(tmp_path)
    for name in ("b_test", "a_train"):
        (tmp_path / name / "wav.scp").touch()
    assert [path.name for path in data_dirs(tmp_path)] == ["a_train", "b_test"]
    assert data_dirs(tmp_path / "b_test") == [tmp_path / "b_test"]


def test_audio_of_another_recipe_is_heard_from_here_whichever_of_the_two_is_cleaned(tmp_path, monkeypatch):
    """Steps write audio paths relative to the folder of their recipe, so those of another one lead nowhere here."""
    here, elsewhere = tmp_path / "egs/one/ssl", tmp_path / "egs/other/ssl"
    noise_N = np.random.default_rng(1).standard_normal(16000) / 10
    for recipe, name in ((here, "x_train"), (elsewhere, "y_test"), (elsewhere, "y_train")):
        (recipe / "data").mkdir(parents=True, exist_ok=True)
        (recipe / "run.sh").write_text("", encoding="utf-8")
        wave_N = noise_N if name != "y_train" else noise_N[::-1]
        soundfile.write(recipe / f"data/{name}.wav", wave_N, 16000)
        ids = {f"{name}-1": f"data/{name}.wav"}
        tables = {"utt2spk": dict.fromkeys(ids, name), "utt2dur": dict.fromkeys(ids, "1.0000")}
        write_data_dir(recipe / "data" / name, {"wav.scp": ids, **tables})
    monkeypatch.chdir(here)
    with pytest.raises(UserError, match="1 by audio"):
        clean([here / "data", elsewhere / "data"], tmp_path / "out", train=("x_train",))
    clean([elsewhere / "data"], tmp_path / "out2", train=("*train*",))
    for name in ("y_test", "y_train"):
        (path,) = DataDir.read(tmp_path / "out2" / name).tables["wav.scp"].values()
        assert os.path.samefile(path, elsewhere / f"data/{name}.wav")
