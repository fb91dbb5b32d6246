"""What the races of the audio LLM are run on: SYNTHETIC speech, the encoder of Whisper-tiny, a small text model.

Two tasks: transcripts of sentences, and dialects, whose answers are of two or three tokens. Clips are whole multiples
of 320 samples, so that mel frames of a clip alone and of a padded batch are equally many: the peer's would differ.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np

from toolkit.core.errors import UserError
from toolkit.core.files import TEMPORARY
from toolkit.core.job import parenthood
from toolkit.data.audio import write_wav
from toolkit.data.kaldi import DataDir, write_data_dir

from .inputs import BenchInputs
from .race import OURS, ROOT
from .whisper_inputs import model

GRID = 320  # samples
TRAIN, TEST, BASE_STEPS = 640, 240, 400
CONFIG = """
tasks:
  asr: {{ask: transcribe, table: text, draw: {{train: {{count: {train}}}, test: {{count: {test}}}}}}}
  dialect: {{ask: dialect, table: utt2lang, draw: {{train: {{count: {half}}}, test: {{count: {test}}}}}}}
ask:
  transcribe: {{answer: transcript, instructions: [اكتب ما تسمع], max_new_tokens: 60}}
  dialect: {{answer: label, instructions: [ما اللهجة], max_new_tokens: 60}}
profile: sawt
"""
BASE = """
adapt: {{how: full}}
schedule: [{{type: uniform}}]
optim: {{peak_lr: 3e-3, warmup: 0.05, schedule: cosine, clip: 1.0}}
data: {{samples: 0}}
loop: {{total_steps: {steps}, log_every: 50, tensorboard: no}}
"""


def folder(inputs: BenchInputs) -> Path:
    """A folder with items, start (the untrained model), heard (fp32), and base (trained)."""

    def make(out: Path) -> None:
        out.mkdir(parents=True)
        sets = inputs.made("instruct-audio", lambda path: _on_grid(inputs.corpus, path))
        count = max(8, int(TRAIN * inputs.scale)), max(8, int(TEST * inputs.scale))
        (out / "items.yaml").write_text(CONFIG.format(train=count[0], test=count[1], half=count[0] // 2))
        (out / "base.yaml").write_text(BASE.format(steps=max(4, int(BASE_STEPS * inputs.scale))))
        _run("data.instruct", "--config", out / "items.yaml", "--in", sets, "--out", out / "items")
        _run("models.small_omni", "--in", out / "items", model(inputs, "tiny"), "--out", out / "start")
        hear = ("--precision", "fp32", "--in", out / "items", out / "start")
        _run("models.hear", *hear, "--out", out / "heard")
        ins = (out / "items/train", out / "heard", out / "start")
        _run("train.instruct", "--config", out / "base.yaml", "--in", *ins, "--out", out / "base")

    return inputs.made("instruct", make)


def _on_grid(corpus: Path, out: Path) -> None:
    """Copies of train and test whose clips are whole multiples of GRID samples."""
    for name in ("train", "test"):
        _copied(DataDir.read(corpus / name), out / name, out.with_name(out.name.removesuffix(TEMPORARY)) / "audio")


def _copied(data: DataDir, target: Path, place: Path) -> None:
    """`place`: where the audio will lie, once what is being written has its name."""
    audio = target.parent / "audio"
    audio.mkdir(parents=True, exist_ok=True)
    tables = {name: dict(table) for name, table in data.tables.items() if name in ("text", "utt2spk", "utt2lang")}
    tables |= {"wav.scp": {}, "utt2dur": {}}
    arabic = [u for u in data if tables["utt2lang"][u.id] != "ENG"]
    for utterance in arabic:
        wave = utterance.audio()
        wave = np.pad(wave, (0, -len(wave) % GRID))
        write_wav(audio / f"{utterance.id}.wav", wave)
        tables["wav.scp"][utterance.id] = str(place / f"{utterance.id}.wav")
        tables["utt2dur"][utterance.id] = f"{len(wave) / 16000:.4f}"
    ids = tables["wav.scp"].keys()
    write_data_dir(target, {name: {id: table[id] for id in ids if id in table} for name, table in tables.items()})


def _run(step: str, *words: str | Path) -> None:
    env = {**os.environ, **parenthood(), "SAWT_NJ": "2", "PYTHONPATH": str(ROOT)}
    if subprocess.run([str(OURS), "-m", f"toolkit.{step}", *map(str, words)], cwd=ROOT, env=env).returncode:
        raise UserError("an input of the race was not made, as said above", step, "mend that, and rerun")
