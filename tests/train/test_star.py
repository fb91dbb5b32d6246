"""`python3 -m toolkit.train.star` from the outside: what it writes, refuses and survives; the published sizes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import transformers
from networks import SMALL, TINY

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.data.kaldi import write_data_dir
from toolkit.models.config import hubert_parameters
from toolkit.models.encoder import load_encoder
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.models.macs import benchmark_macs
from toolkit.train.star import refuse_unlike
from toolkit.train.star_config import StarTraining

ROOT = Path(__file__).resolve().parents[2]
FRAMES = {"conv_dim": (8,) * 6, "conv_kernel": (20, 3, 3, 3, 2, 2), "conv_stride": (10, 2, 2, 2, 2, 2)}  # the published
TEACHER = replace(TINY, num_hidden_layers=4, hidden_size=24, num_attention_heads=3, **FRAMES)
CONFIG = """
model:
  num_hidden_layers: 2
  hidden_size: 16
  intermediate_size: 32
  num_attention_heads: 2
  conv_dim: 8 8 8 8 8 16
  conv_kernel: 20 3 3 3 2 2
  conv_stride: 10 2 2 2 2 2
  projection: no
  num_conv_pos_embeddings: 8
  num_conv_pos_embedding_groups: 2
  init: fan_in
objective:
  states_mb: 0.5 # room for some utterances
  losses: {layer_wise: {scale: width}, mse: {heads: yes, weight: [0, 1], between: [0.5, 0.5]}}
data: {micro_seconds: 6, micro_batches: 2, longest: 4}
optim: {peak_lr: 1e-3}
loop: {total_steps: 12, log_every: 3, validate_every: 6, checkpoint_every: 3, tensorboard: no, keep_at: [0.25]}
"""
INS = ("data/train", "data/dev", "teacher")
MADE = ("hf/model.safetensors", "hf/config.json", "hf/README.md", "at/25/hf/model.safetensors", "loss.tsv")
SAMPLES = {"frame": 400, "nothing": 399, "silence": 20000, "minute": 960000}  # beside clips of 0.2 to 3 s


def write_teacher(folder: Path, seed: int = 5, **changes) -> Path:
    config = replace(TEACHER, **changes)
    model = Hubert(config)
    initialise(model, config, torch.Generator().manual_seed(seed))
    save_pretrained(model, folder)
    return folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/train, data/dev, teacher and star.yaml."""
    folder, random = tmp_path_factory.mktemp("recipe"), np.random.default_rng(0)
    (folder / "wav").mkdir()
    for part, count in (("train", 14), ("dev", 3)):
        samples = {f"{part}{i:02}": int(random.integers(3200, 48000)) for i in range(count)}
        samples |= {f"{part}-{name}": n for name, n in SAMPLES.items()} if part == "train" else {}
        tables: dict[str, dict[str, str]] = {"wav.scp": {}, "utt2spk": {}, "utt2dur": {}}
        for id, n in samples.items():
            path, loud = folder / "wav" / f"{id}.wav", 0.0 if "silence" in id else 0.1
            soundfile.write(path, random.standard_normal(n) * loud, 16000)
            tables["wav.scp"][id], tables["utt2spk"][id], tables["utt2dur"][id] = str(path), id, f"{n / 16000:.5f}"
        write_data_dir(folder / "data" / part, tables)
    write_teacher(folder / "teacher")
    (folder / "star.yaml").write_text(CONFIG)
    return folder


def start(recipe: Path, out: str, *more: str, ins: tuple[str, ...] = INS) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "toolkit.train.star", "--config", "star.yaml", *more, "--in", *ins, "--out", out]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(argv, cwd=recipe, env=dict(os.environ), start_new_session=True, **pipes)


def call(recipe: Path, out: str, *more: str, ins: tuple[str, ...] = INS) -> tuple[int, str]:
    process = start(recipe, out, *more, ins=ins)
    written, _ = process.communicate(timeout=300)
    return process.returncode, written


def made(recipe: Path, out: str) -> dict[str, bytes]:
    return {name: (recipe / out / name).read_bytes() for name in MADE}


@pytest.fixture(scope="module")
def whole(recipe: Path) -> str:
    code, written = call(recipe, "exp/whole")
    assert code == 0, written
    assert "learns layer_wise + 0 to 1 mse through heads (code-mean) of teacher" in written
    assert "of 1 utterances, which are longer than data.longest, pieces are heard" in written
    return "exp/whole"


def test_the_student_in_transformers_has_equal_states(recipe: Path, whole: str) -> None:
    ours = load_encoder(recipe / whole)
    theirs, info = transformers.HubertModel.from_pretrained(recipe / whole / "hf", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    wave_BN = torch.randn(1, 8000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        states = ours.states(wave_BN)
        expected = theirs.eval()(wave_BN, output_hidden_states=True).hidden_states
    for state, want in zip(states, expected, strict=True):
        torch.testing.assert_close(state, want, rtol=1e-4, atol=1e-5)
    assert "272 of the weights in this folder are an identity" in (recipe / whole / "hf/README.md").read_text()
    told = read_json(recipe / whole / "hf/config.json")["sawt"]
    assert told["teacher"] == "teacher" and told["losses"] == "layer_wise + 0 to 1 mse through heads (code-mean)"


def test_of_odd_clips_those_with_a_frame_are_heard_and_the_other_is_in_the_ledger(recipe: Path, whole: str) -> None:
    dropped = (recipe / whole / "dropped.tsv").read_text().splitlines()
    rows = [["train-nothing", "shorter than a frame"], ["train-silence", "silent"]]
    assert [line.split("\t")[::2] for line in dropped] == rows
    counts = read_json(recipe / whole / "record.json")["counts"]
    assert (counts["utterances"], counts["left_out_bad_clips"]) == (17, 1)


def test_a_loss_that_begins_later_has_cells_from_then_on(recipe: Path, whole: str) -> None:
    header, *rows = [line.split("\t") for line in (recipe / whole / "loss.tsv").read_text().splitlines()]
    column = header.index("mse")
    assert [row[column] == "-" for row in rows] == [True, True, False, False]
    assert all(np.isfinite(float(row[header.index("loss")])) for row in rows)


def test_killed_anywhere_it_ends_bit_for_bit_as_one_that_nobody_killed(recipe: Path, whole: str) -> None:
    kills = 0
    for step in (3, 6, 9):
        process = start(recipe, "exp/killed")
        while process.poll() is None and not (recipe / f"exp/killed/checkpoints/{step:08}").exists():
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
    code, written = call(recipe, "exp/killed")
    assert code == 0 and kills, written
    assert made(recipe, "exp/killed") == made(recipe, whole)


def test_a_run_with_another_list_of_losses_does_not_go_on_from_these_weights(recipe: Path, whole: str) -> None:
    shutil.copytree(recipe / whole, recipe / "exp/other")
    (recipe / "star.yaml").write_text(CONFIG.replace("mse: {heads", "intra_layer: {}, mse: {heads"))
    try:
        code, written = call(recipe, "exp/other")
        assert code == 1 and "star.yaml" in written and "Traceback" not in written, written
    finally:
        (recipe / "star.yaml").write_text(CONFIG)


def test_a_student_hears_waveforms_as_its_teacher_does(recipe: Path, tmp_path: Path) -> None:
    teacher = write_teacher(tmp_path / "scaled", normalize_waveform=True)
    words = ("--loop.total_steps", "2", "--loop.keep_at", "")
    code, written = call(recipe, str(tmp_path / "out"), *words, ins=(*INS[:2], str(teacher)))
    assert code == 0, written
    assert load_encoder(tmp_path / "out").normalize and not load_encoder(recipe / "teacher").normalize


def test_a_teacher_that_takes_no_padding_is_refused_for_whole_utterances_and_heard_alone_if_kept(
    recipe: Path, tmp_path: Path
) -> None:
    config = transformers.WavLMConfig(**SMALL, vocab_size=10)
    transformers.WavLMModel(config).save_pretrained(tmp_path / "wavlm")
    ins, words = (*INS[:2], str(tmp_path / "wavlm")), ("--loop.total_steps", "2", "--loop.keep_at", "")
    code, written = call(recipe, str(tmp_path / "out"), *words, "--objective.states_mb", "0", ins=ins)
    assert code == 1 and "takes waveforms of one length only" in written and "Traceback" not in written, written
    code, written = call(recipe, str(tmp_path / "kept"), *words, ins=ins)
    assert code == 0, written


def test_a_teacher_of_the_same_name_with_other_weights_is_seen(recipe: Path, whole: str) -> None:
    away = recipe / "teacher.away"
    (recipe / "teacher").rename(away)
    try:
        write_teacher(recipe / "teacher", seed=6)
        shutil.copytree(recipe / whole, recipe / "exp/same")
        code, written = call(recipe, "exp/same")
        assert code == 1 and "teacher" in written and "Traceback" not in written, written
    finally:
        shutil.rmtree(recipe / "teacher")
        away.rename(recipe / "teacher")


@pytest.mark.parametrize(
    ("changes", "words", "error"),
    [
        ({"num_hidden_layers": 1}, (), "a student of 2 layers is deeper than its teacher, which has 1"),
        (
            {"conv_stride": (10, 2, 2, 2, 2, 1)},
            (),
            "the student's frames are of 400 samples every 320, those of odd of 400 every 160",
        ),
        ({}, ("--loop.best", "loss"), "the weights in the sum of losses change"),
        ({}, ("--model.hidden_size", "24"), "model.projection false needs convolutions as wide as the blocks"),
        ({}, ("--objective.teacher_layers", "2 9"), "name 2 layers from 1 to 4"),
    ],
)
def test_a_teacher_or_student_that_does_not_fit_is_refused_with_what_to_change(
    recipe: Path, tmp_path: Path, changes, words, error
) -> None:
    teacher = write_teacher(tmp_path / "odd", **changes)
    code, written = call(recipe, str(tmp_path / "out"), *words, ins=(*INS[:2], str(teacher)))
    assert code != 0 and error in written and "Traceback" not in written, written


def test_a_teacher_without_weights_is_refused(recipe: Path, tmp_path: Path) -> None:
    teacher = write_teacher(tmp_path / "empty")
    (teacher / "model.safetensors").unlink()
    code, written = call(recipe, str(tmp_path / "out"), ins=(*INS[:2], str(teacher)))
    assert code == 1 and "model.safetensors" in written and "Traceback" not in written, written


def test_a_teacher_with_broken_weights_ends_the_run_with_its_name(recipe: Path, tmp_path: Path) -> None:
    teacher = write_teacher(tmp_path / "broken")
    model = load_encoder(teacher).model
    with torch.no_grad():
        model.encoder.layers[1].attention.q_proj.weight.fill_(float("nan"))
    shutil.rmtree(teacher)
    save_pretrained(model, teacher)
    code, written = call(recipe, str(tmp_path / "out"), ins=(*INS[:2], str(teacher)))
    assert code == 1 and "broken" in written and "q_proj" in written and "holds nan" in written, written
    assert "Traceback" not in written


def test_a_teacher_whose_states_are_not_finite_is_refused(tmp_path: Path) -> None:
    """As half precision may make them of weights that are in range."""
    teacher = load_encoder(write_teacher(tmp_path / "broken"))
    with torch.no_grad():
        teacher.model.encoder.layers[1].attention.q_proj.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="states of broken are not finite"):
        refuse_unlike(load_config(StarTraining, []), teacher, tmp_path)


@pytest.mark.parametrize(("name", "parameters", "gmacs"), [("both", 22_308_592, 463.5), ("both-L", 26_626_672, 511.9)])
def test_the_published_students_have_the_published_sizes(name: str, parameters: int, gmacs: float) -> None:
    files = [ROOT / f"egs/TEMPLATE/star/conf/{part}.yaml" for part in ("student", name)]
    config = load_config(StarTraining, files).model
    parts = hubert_parameters(config)
    assert sum(parts.values()) - parts["mask embedding"] == parameters
    counted = benchmark_macs(config)
    assert counted is not None and round(counted.products / 1e9, 1) == gmacs
    with torch.device("meta"):
        model = Hubert(config)
    assert sum(p.numel() for p in model.parameters()) == sum(parts.values())
