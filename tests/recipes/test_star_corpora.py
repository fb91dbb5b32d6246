"""The STaR recipes of real corpora on small trees in the true layouts: a random teacher, students of a few steps."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch
from conftest import House
from networks import TINY
from trees import tones, write_lines

from toolkit.data.kaldi import write_data_dir
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained

pytestmark = pytest.mark.recipe

STUDENT = """model:
  num_hidden_layers: 2
  hidden_size: 16
  intermediate_size: 32
  num_attention_heads: 2
  conv_dim: [8, 8, 8, 8, 8, 16]
  conv_kernel: [20, 3, 3, 3, 2, 2]
  conv_stride: [10, 2, 2, 2, 2, 2]
  num_conv_pos_embeddings: 8
  num_conv_pos_embedding_groups: 2
  normalize_waveform: {normalize}
data: {{micro_seconds: 4, micro_batches: 1}}
loop: {{total_steps: 4, log_every: 2, validate_every: 4, checkpoint_every: 2}}"""
TASK = "type: ctc, title: ASR, steps: 3, batch: 4, hidden: 8, validate_every: 0, lr: [1e-2]"
UNITS = "features: {kind: layer, layer: 1}\nsample: {frames: 2000, utterances: 1.0, strata: none}\nkmeans: {k: 8}"


def conf(folder: Path, tasks: str, normalize: str) -> str:
    """Configs of a run of seconds; as an option's value."""
    write_lines(folder / "student.yaml", STUDENT.format(normalize=normalize))
    write_lines(folder / "units.yaml", "data: {lengths: [0.8]}")
    write_lines(folder / "by_teacher.yaml", UNITS)
    write_lines(folder / "tasks.yaml", "cost_utterances: 1", "cost_seconds: 0.5", f"tasks: {tasks}")
    return str(folder)


def teacher(folder: Path, normalize: bool) -> None:
    shape = replace(TINY, conv_dim=(8,) * 6, conv_kernel=(20, 3, 3, 3, 2, 2), conv_stride=(10, 2, 2, 2, 2, 2))
    config = replace(shape, num_hidden_layers=4, normalize_waveform=normalize)
    model = Hubert(config)
    initialise(model, config, torch.Generator().manual_seed(1))
    save_pretrained(model, folder)


def ways(exp: Path) -> dict[str, dict]:
    return {way["name"]: way for way in json.loads((exp / "ways/ways.json").read_text())["ways"]}


@pytest.mark.long
def test_librispeech_from_its_tree_to_the_table(
    new_house: Callable[[], House], tmp_path_factory: pytest.TempPathFactory
) -> None:
    house, top = new_house(), tmp_path_factory.mktemp("librispeech")
    importlib.import_module("trees.librispeech").make(top / "tree", tones(24))
    teacher(top / "teacher", normalize=False)
    sets = "train: librispeech_train_clean_100, dev: librispeech_dev_clean, test: librispeech_test_clean"
    configs = conf(top / "conf", f"{{asr: {{{TASK}, sets: {{{sets}}}}}}}", "false")
    words = ["--librispeech", str(top / "tree"), "--teacher", str(top / "teacher"), "--conf", configs]
    words += ["--losses", "both units", "--seeds", "1 2", "--once", "mse", "--early", "50", "--augment", "noise"]
    code, written = house.run("librispeech/star", *words)
    assert code == 0, written
    exp = house.root / "egs/librispeech/star/exp"
    seeds = {name: way.get("seeds", 1) for name, way in ways(exp).items()}
    assert seeds == {"teacher": 1, "both": 2, "both at 50 %": 1, "units": 2, "units at 50 %": 1, "mse": 1}
    table = (exp / "RESULTS.md").read_text(encoding="utf-8")
    assert "## Ways of distilling" in table and "STaR is better than FitHuBERT's loss" in table
    assert "## Temporal structure" in table and "Table 3" in table
    resolved = json.loads((exp / "both/s1/record.json").read_text())["config"]
    assert resolved["data"]["augment"]["how"] == "noise"


@pytest.mark.long
def test_harness_compares_dialect_by_star_and_by_units(
    new_house: Callable[[], House], tmp_path_factory: pytest.TempPathFactory
) -> None:
    house, top = new_house(), tmp_path_factory.mktemp("harness")
    clips = tones(24)
    teacher(top / "ssl/exp/it2/L", normalize=True)
    for number, name in enumerate(("train", "dev", "adi5_train", "adi5_dev", "adi5_test")):
        tables: dict[str, dict[str, str]] = {"wav.scp": {}, "utt2spk": {}, "utt2dur": {}, "utt2lang": {}}
        for i, clip in enumerate(clips[: 24 - 4 * number]):
            id, path = f"{name}-{i:02d}", top / "wav" / f"{name}-{i:02d}.wav"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, clip.wave_N, 16000)
            of_id = {"wav.scp": str(path), "utt2spk": id, "utt2dur": "1.0", "utt2lang": ("EGY", "GLF")[i % 2]}
            for table, value in of_id.items():
                tables[table][id] = value
        write_data_dir(top / "ssl/dump/sets" / name, tables)
    task = "type: classify, label: utt2lang, steps: 3, batch: 4, lr: [1e-2]"
    sets = "train: adi5_train, dev: adi5_dev, test: adi5_test"
    configs = conf(top / "conf", f"{{dialect: {{{task}, sets: {{{sets}}}}}}}", "true")
    words = ["--ssl", str(top / "ssl"), "--conf", configs, "--seeds", "1", "--once", "", "--early", ""]
    code, written = house.run("harness/star", *words)
    assert code == 0, written
    exp = house.root / "egs/harness/star/exp"
    told = {entry["text"]: entry for entry in json.loads((exp / "ways/ways.json").read_text())["directions"]}
    question = told["Dialect survives better by STaR than by units"]
    assert question["task"] == "dialect" and question["outcome"] != "not tested" and "difference" in question
