"""Clips of an audio LLM that are no speech, or stop decoding: heard once, heard in every step, or heard for answers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import omnis
import pytest
import soundfile

from toolkit.core.config import build
from toolkit.core.record import Ledger, read_ledger
from toolkit.data.audio import AudioError
from toolkit.data.bad_clips import FOLDER, BadClipsOfRun
from toolkit.data.batches import is_empty
from toolkit.data.instruct_items import read_part
from toolkit.data.listen import WARNED
from toolkit.models.heard import Heard
from toolkit.models.omni import load_omni
from toolkit.pseudo.answer import AnswerConfig
from toolkit.pseudo.answer import run as answer
from toolkit.score.given_answers import read_answers
from toolkit.train.engine.ranks import World
from toolkit.train.instruct import InstructInputs, bad_clips_of, learn
from toolkit.train.instruct_config import InstructTraining
from toolkit.train.instructed import Batches, Dev, Live, rows_of

TUNING = {
    "adapt": {"rank": "4", "alpha": "8"},
    "data": {"batch": "4", "micro_items": "2", "cache": "no", "samples": "2"},
    "schedule": [{"type": "uniform", "equal": "yes"}],
    "loop": {"total_steps": "6", "log_every": "1", "tensorboard": "no", "checkpoint_every": "2", "validate_every": "3"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return omnis.world(tmp_path_factory.mktemp("omni"))


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Path:
    """A copy whose audio may be spoilt."""
    omnis.write_sets(tmp_path / "sets")
    omnis.write_items(tmp_path / "items", tmp_path / "sets")
    shutil.copytree(made / "base", tmp_path / "base")
    return tmp_path


def test_hearing_leaves_out_training_clips_that_are_no_speech_and_warns_of_others(world: Path) -> None:
    for id, scale in (("train03", 0.0), ("test01", 0.0), ("dev01", 32768.0)):
        wave, _ = soundfile.read(world / f"sets/audio/{id}.wav")
        soundfile.write(world / f"sets/audio/{id}.wav", wave * scale, 16000, "FLOAT")
    (world / "sets/audio/test02.wav").write_bytes(b"RIFF")
    step = omnis.write_heard(world / "heard", world / "items", world / "base")
    assert {row[2] for row in step.ledger.rows} == {"silent", "unreadable"} and len(step.ledger.rows) == 2
    warned = read_ledger(world / "heard" / WARNED)
    assert sorted(row[2] for row in warned) == ["out of range", "silent"]
    heard, clips = Heard(world / "heard"), {item.audio: item.path for item in read_part(world / "items/train")}
    lost = [audio for audio, path in clips.items() if path.endswith("train03.wav")]
    assert [row[0] for row in step.ledger.rows if row[2] == "silent"] == lost and lost[0] not in heard
    assert all(row[0] in heard for row in warned)


def test_the_items_of_a_bad_clip_leave_their_micro_batch_and_the_others_are_the_same_bytes(world: Path) -> None:
    omni, table = load_omni(world / "base"), read_part(world / "items/train")
    strict, run = Live(omni), BadClipsOfRun(world / "bad")
    rows = rows_of(table, omni, strict, 0, lambda *_: None)
    numbers = [n for n, row in enumerate(rows) if row.item.task == "asr"][:5]
    whole = Batches(rows, omni, strict, "sample").of(numbers, "asr")
    Path(rows[numbers[2]].item.path).unlink()
    with pytest.raises(AudioError, match="no such recording"):
        Batches(rows, omni, strict, "sample").of(numbers, "asr")
    lenient = Batches(rows, omni, Live(omni, bad_clips_of(table, run, trained=True)), "sample")
    batch, kept = lenient.of(numbers, "asr"), [0, 1, 3, 4]
    assert batch["left"].kept == kept and batch["ids_BT"].tobytes() == whole["ids_BT"][kept].tobytes()
    for b, old in enumerate(kept):
        own, was = batch["row_A"] == b, whole["row_A"] == old
        for name in ("position_A", "target_A", "weight_A"):
            assert batch[name][own].tobytes() == whole[name][was].tobytes(), name
    assert all((a == whole["mels"][k]).all() for a, k in zip(batch["mels"], kept, strict=True))
    assert is_empty(lenient.of([numbers[2]], "asr"))
    ledger = Ledger("train.instruct")
    run.settle(ledger)
    assert [(row[0], row[2]) for row in ledger.rows] == [(rows[numbers[2]].item.audio, "missing")]


def test_a_tuning_that_hears_in_every_step_goes_on_without_bad_clips_of_training_and_dev(world: Path) -> None:
    config = build(InstructTraining, TUNING, "test")
    (world / "sets/audio/dev02.wav").unlink()
    (world / "sets/audio/train05.wav").write_bytes(b"RIFF")
    step = omnis.step_of(config, [], world / "out", "train.instruct")
    inputs = InstructInputs.read([world / "items/train", world / "items/dev", world / "base"])
    learn(config, inputs, step, World.alone(), "x")
    rows = np.genfromtxt(world / "out/loss.tsv", names=True, missing_values="-")
    assert np.isfinite(rows["loss"]).all() and (world / "out/hf/adapter_model.safetensors").is_file()
    ledger = Ledger("train.instruct")
    BadClipsOfRun(world / "out" / FOLDER).settle(ledger)
    assert sorted(row[2] for row in ledger.rows) == ["missing", "unreadable"]
    omni = load_omni(world / "base")
    clips = bad_clips_of(read_part(world / "items/dev"), BadClipsOfRun(world / "bad"), trained=False)
    dev_rows = rows_of(read_part(world / "items/dev"), omni, Live(omni), 0, lambda *_: None)
    dev = Dev(Batches(dev_rows, omni, Live(omni, clips), "sample"), 2)
    assert any("left" in dev(i) for i in range(len(dev)))


def test_items_whose_clip_cannot_be_decoded_are_answered_with_nothing(world: Path) -> None:
    config: Any = AnswerConfig(batch=3)
    (world / "sets/audio/test02.wav").unlink()
    step = omnis.step_of(config, [world / "items/test", world / "base"], world / "answers", "pseudo.answer")
    answer(step)
    items = read_part(world / "items/test")
    lost = {item.key for item in items if item.path.endswith("test02.wav")}
    assert {row[0] for row in step.ledger.rows} == lost and {row[2] for row in step.ledger.rows} == {"missing"}
    given = {f"{a.task}/{a.id}": a.text for a in read_answers(world / "answers")}
    assert given.keys() == {item.key for item in items} and all(given[key] == "" for key in lost)
