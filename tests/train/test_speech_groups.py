"""Batches of a pre-training run carry the group that their micro-batch is of."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from networks import TINY

from toolkit.data.kaldi import write_data_dir
from toolkit.data.labels import LabelHeader, write_labels
from toolkit.train.config import DataConfig, PretrainConfig
from toolkit.train.speech import PretrainInputs, Speech

LANGUAGES = {"ARB": 12, "ENG": 6, "FRA": 3}
MODEL = replace(TINY, conv_dim=(8,) * 6, conv_kernel=(20, 3, 3, 3, 2, 2), conv_stride=(10, 2, 2, 2, 2, 2))
DATA = DataConfig(lengths=(1.0,), micro_seconds=3.0, micro_batches=2)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> PretrainInputs:
    """Utterances of three languages; all units of a language are its number."""
    folder = tmp_path_factory.mktemp("speech")
    tables: dict[str, dict[str, str]] = {name: {} for name in ("wav.scp", "utt2spk", "utt2dur", "utt2lang")}
    arrays = []
    for number, (language, count) in enumerate(LANGUAGES.items()):
        for id in (f"{language}{i:02}" for i in range(count)):
            soundfile.write(folder / f"{id}.wav", np.full(17000, 0.1), 16000)
            row = (str(folder / f"{id}.wav"), id, str(17000 / 16000), language)
            for table, value in zip(tables.values(), row, strict=True):
                table[id] = value
            arrays.append(np.full((17000 - 400) // 320 + 1, number, np.uint16))
    write_data_dir(folder / "data", tables)
    header = LabelHeader(50.0, 3, "hash", "layer 3", "1-based", 0, 0)
    write_labels(folder / "labels", header, list(tables["utt2spk"]), arrays, check=False)
    return PretrainInputs.read([folder / "data", folder / "labels"])


def opened(inputs: PretrainInputs, data: DataConfig) -> Speech:
    return Speech(PretrainConfig(model=MODEL, data=data), inputs, lambda *row: None)


def test_a_batch_is_of_the_language_that_it_names(inputs: PretrainInputs) -> None:
    speech = opened(inputs, replace(DATA, balance="utt2lang", shares={"ENG": 0.5}))
    batches = [speech.batch(step, number) for step in range(30) for number in (0, 1)]
    for batch in batches:
        assert np.unique(batch["labels_BT"]).tolist() == [list(LANGUAGES).index(batch["group"])]
    names = [batch["group"] for batch in batches]
    assert {name: names.count(name) / 60 for name in LANGUAGES} == pytest.approx(
        {"ARB": 0.4, "ENG": 0.5, "FRA": 0.1}, abs=2 / 60
    )
    assert speech.counts["share_of_ENG"] == 0.5 and speech.counts["share_of_ARB"] == pytest.approx(0.4)
    assert "ENG: 50.0 % of the audio-seconds" in speech.summary


def test_without_shares_a_batch_is_of_no_group_and_the_crops_still_unpack(inputs: PretrainInputs) -> None:
    speech = opened(inputs, DATA)
    batch = speech.batch(3, 1)
    assert batch["group"] == ""
    crops = speech.train.batch(*speech.sampler.micro(3, 1))
    assert all(np.array_equal(batch[name], crops[name]) for name in ("wave_BN", "labels_BT"))
