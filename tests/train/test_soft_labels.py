"""What is kept of a teacher: against its own logits window by window, and as what a student learns from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packed import WINDOW_SECONDS, distillation

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.models.vocabulary import Vocabulary
from toolkit.models.whisper_files import load_whisper
from toolkit.train import soft_labels, whisper
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.objectives.config import Seq2SeqConfig
from toolkit.train.objectives.seq2seq import IGNORED
from toolkit.train.soft_store import SoftLabels
from toolkit.train.whisper_config import WhisperTraining, WindowConfig
from toolkit.train.whisper_speech import Hearing
from toolkit.train.window_speech import WindowSpeech

OPTIM = OptimConfig(peak_lr=3e-3, warmup=2, schedule="constant")
DATA = WindowConfig(windows=2, micro_batches=2, window_seconds=WINDOW_SECONDS, timestamps=0.4, previous=0.6)
LOOP = LoopConfig(total_steps=9, log_every=1, checkpoint_every=2, tensorboard=False)
CONFIG = WhisperTraining(Seq2SeqConfig(top=20), DATA, OPTIM, LOOP)
WAYS = [(False, False), (False, True), (True, False), (True, True)]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = distillation(tmp_path_factory.mktemp("recipe"))
    keep(folder, folder / "soft")
    return folder


def keep(recipe: Path, out: Path, config: WhisperTraining = CONFIG, ins: tuple[str, ...] = ("packs/train", "teacher")):
    """The step in this process; returns the folder."""
    out.mkdir(parents=True, exist_ok=True)
    soft_labels.run(Step(config, [recipe / name for name in ins], out, ["train.soft_labels", "--out", "x"]))
    return out


def fit(recipe: Path, out: Path, taught: str | Path, config: WhisperTraining = CONFIG) -> Path:
    ins = [recipe / name for name in ("packs/train", "packs/dev", "student", taught)]
    whisper.run(Step(config, ins, out, ["train.whisper", "--out", "x"]))
    return out


def with_objective(**fields: Any) -> WhisperTraining:
    return replace(CONFIG, objective=replace(CONFIG.objective, **fields))


def with_data(**fields: Any) -> WhisperTraining:
    return replace(CONFIG, data=replace(DATA, **fields))


def log_of(out: Path) -> np.ndarray:
    return np.genfromtxt(out / "loss.tsv", names=True, delimiter="\t")


def speech(recipe: Path) -> WindowSpeech:
    return WindowSpeech(recipe / "packs/train", Vocabulary.read(recipe / "teacher"), DATA, 80, 448)


def test_the_likeliest_tokens_are_those_of_the_teacher_that_hears_the_window_alone(recipe: Path) -> None:
    """In float64, from the logits of all positions and all tokens; of every way to show every window."""
    teacher, windows, soft = load_whisper(recipe / "teacher").double(), speech(recipe), SoftLabels(recipe / "soft")
    before = 0
    for row in range(len(windows)):
        with torch.no_grad():
            states_BSD = teacher.encoder(windows.mels_of([row])[0].double())
        for timed, told in WAYS:
            tokens, labels = windows.shown(row, timed, told)
            before += told and labels[0] == IGNORED
            with torch.no_grad():
                logits_LV = teacher.logits(teacher.decoder(torch.tensor(tokens)[None], states_BSD))[0] / 2.0
            probabilities = torch.exp(logits_LV[torch.tensor(labels) != IGNORED])
            wanted_NV = (probabilities / probabilities.sum(1, keepdim=True)).log()
            kept, logprobs = soft.of(row, timed, told)
            assert kept.shape == logprobs.shape == (len(wanted_NV), 20)
            at_NK = wanted_NV.gather(1, torch.tensor(kept)).numpy()
            np.testing.assert_allclose(logprobs, at_NK, rtol=1e-3, atol=1e-3)  # kept in float16
            np.testing.assert_allclose(logprobs, wanted_NV.topk(20).values.numpy(), rtol=1e-3, atol=1e-3)
            assert all(len(set(tokens_K)) == 20 for tokens_K in kept.tolist())
    assert before  # some windows are told a text


def test_a_student_of_all_tokens_learns_what_the_teacher_itself_teaches(recipe: Path, tmp_path: Path) -> None:
    tokens = load_whisper(recipe / "teacher").config.vocab_size
    every = with_objective(top=tokens)
    kept = fit(recipe, tmp_path / "kept", keep(recipe, tmp_path / "soft", every), every)
    heard = fit(recipe, tmp_path / "heard", "teacher", with_objective(top=0))
    for name in ("loss", "ce", "kl", "accuracy"):
        np.testing.assert_allclose(log_of(kept)[name], log_of(heard)[name], rtol=2e-3, atol=2e-3)


def test_the_divergence_of_some_tokens_is_no_more_than_that_of_all(recipe: Path, tmp_path: Path) -> None:
    """Of the first step, in which the student is the same; the labels' part of the loss is the same to the bit."""
    partial = log_of(fit(recipe, tmp_path / "some", "soft"))
    every = log_of(fit(recipe, tmp_path / "all", "teacher", with_objective(top=0)))
    assert 0 < partial["kl"][0] < every["kl"][0] and partial["ce"][0] == every["ce"][0]


def test_a_student_comes_nearer_to_what_was_kept(recipe: Path, tmp_path: Path) -> None:
    alone = with_objective(preset="own", ce=0.0, kl=1.0)
    kl = log_of(fit(recipe, tmp_path, "soft", replace(alone, loop=replace(LOOP, total_steps=40))))["kl"]
    assert kl[-8:].mean() < 0.5 * kl[:8].mean()


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stop", [1, 4])
def test_resumed_equals_uninterrupted_to_the_bit(
    recipe: Path, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Hearing.batch

    def until(self: Hearing, step: int, number: int) -> Any:
        if step >= stop:
            raise Stopped
        return original(self, step, number)

    with monkeypatch.context() as patch:
        patch.setattr(Hearing, "batch", until)
        with pytest.raises(Stopped):
            fit(recipe, tmp_path / "out", "soft")
    one, two = fit(recipe, tmp_path / "out", "soft"), fit(recipe, tmp_path / "whole", "soft")
    for name in ("hf/model.safetensors", "loss.tsv"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


FILES = ("tokens.npy", "logprobs.npy", "counts.npy", "soft.json")


def test_the_bytes_do_not_depend_on_how_many_work(recipe: Path, tmp_path: Path) -> None:
    config = tmp_path / "distil.yaml"
    data = {"windows": 2, "micro_batches": 2, "window_seconds": 2, "timestamps": 0.4, "previous": 0.6}
    config.write_text(json.dumps({"objective": {"top": 20}, "data": data, "loop": {"total_steps": 9}}))
    command = [sys.executable, "-m", "toolkit.train.soft_labels", "--config", str(config)]
    command += ["--in", "packs/train", "teacher", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=recipe, env={**os.environ, "SAWT_NJ": "2"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (recipe / "soft" / name).read_bytes()


def test_what_was_stopped_goes_on_with_the_shards_that_are_missing(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> int:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(soft_labels, "join_parts", stop)
        with pytest.raises(Stopped):
            keep(recipe, tmp_path)
    made = sorted((tmp_path / "shards").iterdir())
    shutil.rmtree(made[1])
    (made[0] / "kept").touch()
    keep(recipe, tmp_path)
    assert (made[0] / "kept").exists()  # it was not made again
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (recipe / "soft" / name).read_bytes()


def test_the_card_and_the_model_name_the_teacher_that_was_not_there(recipe: Path, tmp_path: Path) -> None:
    out = fit(recipe, tmp_path, "soft") / "hf"
    assert json.loads((out / "config.json").read_text())["sawt"]["teacher"] == "teacher"
    assert "its teacher teacher" in (out / "README.md").read_text()
    assert "of the teacher's 20 likeliest tokens" in (out / "README.md").read_text()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (with_objective(top=0), "objective.top is 0, and there are soft labels"),
        (with_objective(top=19), "another objective.top"),
        (with_objective(temperature=1.0), "another objective.temperature"),
        (with_data(time_masks=1), "SpecAugment"),
    ],
)
def test_a_config_that_they_were_not_made_with_is_refused(
    recipe: Path, tmp_path: Path, config: WhisperTraining, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        fit(recipe, tmp_path, "soft", config)


def test_windows_that_they_were_not_made_of_and_ways_to_show_them_are_refused(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="soft labels of other windows"):
        fit(recipe, tmp_path / "a", keep(recipe, tmp_path / "dev", ins=("packs/dev", "teacher")))
    bare = keep(recipe, tmp_path / "bare", with_data(timestamps=0, previous=0))
    with pytest.raises(UserError, match=r"another data.timestamps, data.previous"):
        fit(recipe, tmp_path / "b", bare)
    fit(recipe, tmp_path / "c", "soft", with_data(timestamps=0, previous=0))  # more was kept than is asked for


def test_a_teacher_or_its_soft_labels_and_not_both(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"objective\.top is 20, and there are no soft labels"):
        fit(recipe, tmp_path, "teacher")
    ins = [recipe / name for name in ("packs/train", "student", "teacher", "soft")]
    with pytest.raises(UserError, match="2 models, 1 of soft labels"):
        whisper.run(Step(CONFIG, ins, tmp_path, ["train.whisper"]))


@pytest.mark.parametrize("fields", [{"top": 0}, {"top": 10**6}])
def test_a_number_of_tokens_that_cannot_be_kept_is_refused(
    recipe: Path, tmp_path: Path, fields: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match="how many tokens of each position to keep"):
        keep(recipe, tmp_path / "soft", with_objective(**fields))


def test_damaged_soft_labels_are_refused(recipe: Path, tmp_path: Path) -> None:
    for name, message in (("tokens.npy", "damaged soft labels"), ("counts.npy", "damaged soft labels")):
        shutil.copytree(recipe / "soft", tmp_path / name)
        whole = (tmp_path / name / name).read_bytes()
        (tmp_path / name / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(UserError, match=message):
            fit(recipe, tmp_path / "out", tmp_path / name)


@pytest.mark.parametrize("fields", [{"top": -1}, {"top": 5, "mse": 1.0}, {"top": 5, "preset": "labels"}])
def test_what_is_kept_serves_the_divergence_alone(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"objective\.top (needs mse 0|must be 0 or more)"):
        Seq2SeqConfig(**fields)
