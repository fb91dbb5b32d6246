"""What the races of Whisper are run on: a released model, real clips, windows of 30 s with labels.

The clips are prompts of 2 to 12 s of the Asterisk telephone exchange, the same for everyone at 16 kHz: all English
ones, which have transcripts, and Spanish ones until there are enough. Silence and tones are left out.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from toolkit.core.errors import UserError
from toolkit.core.job import parenthood
from toolkit.data.audio import read_audio, write_wav
from toolkit.data.kaldi import DataDir
from toolkit.models.student import make_student
from toolkit.models.vocabulary import Vocabulary
from toolkit.models.whisper import pick_layers
from toolkit.models.whisper_files import load_whisper, save_whisper

from .arrays import RATE
from .inputs import SEED, BenchInputs
from .race import OURS, ROOT
from .whisper_clips import TABLE, Clip, clip_path, read_clips

CLIPS, LEAST_SECONDS, MOST_SECONDS = 300, 2.0, 12.0
LANGUAGES = ("en", "es")
WINDOW_SECONDS = 30
LEAST_TOKENS, MOST_TOKENS = 20, 60
STUDENT_LAYERS = 2  # of the decoder; the encoder is the teacher's whole


def write_clips(folder: Path, clips: Sequence[tuple[Clip, np.ndarray]]) -> None:
    """The wav files and the table."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip, wave_N in clips:
        write_wav(clip_path(folder, clip), wave_N)
    lines = (f"{c.id}\t{c.language}\t{c.seconds}\t{c.transcript}\n" for c, _ in clips)
    (folder / TABLE).write_text("".join(lines), encoding="utf-8")


def model(inputs: BenchInputs, size: str) -> Path:
    """A released Whisper, tiny or base, as a Hugging Face folder. Raises UserError if it cannot be had."""
    return inputs.made(f"whisper-{size}", lambda out: _tool("fetch_whisper.sh", "--size", size, "--out", str(out)))


def clips(inputs: BenchInputs) -> Path:
    """Folder of clips. Raises UserError if the prompts cannot be had."""

    def make(out: Path) -> None:
        prompts = inputs.made("asterisk", lambda path: _tool("fetch_asterisk.sh", "--out", str(path)))
        config, data = out.with_name("clips.yaml"), out.with_name("clips-data")
        config.write_text(f"languages: [{', '.join(LANGUAGES)}]\ntranscript: verbatim\n", encoding="utf-8")
        command = [str(OURS), "-m", "toolkit.data.corpora.asterisk", "--config", str(config)]
        _run([*command, "--in", str(prompts), "--out", str(data)])
        write_clips(out, _chosen(data, max(8, int(CLIPS * inputs.scale))))

    return inputs.made("whisper-clips", make)


def _chosen(data: Path, count: int) -> list[tuple[Clip, np.ndarray]]:
    parts = ("train", "dev", "test")
    texts = {id: text for part in parts for id, text in DataDir.read(data / f"{part}_en").tables["text"].items()}
    speech_prompts = {id.split("-", 2)[2] for id in texts}  # prompts that are speech
    clips_by_language: dict[str, list[tuple[Clip, np.ndarray]]] = {language: [] for language in LANGUAGES}
    for utterance in sorted((u for part in parts for u in DataDir.read(data / part).utterances), key=lambda u: u.id):
        language, _, prompt = utterance.id.split("-", 2)
        if LEAST_SECONDS <= utterance.seconds <= MOST_SECONDS and prompt in speech_prompts:
            clip = Clip(utterance.id, language, round(utterance.seconds, 3), texts.get(utterance.id, ""))
            clips_by_language[language].append((clip, utterance.audio()))
    order = np.random.default_rng(SEED).permutation(len(clips_by_language["es"]))
    english = clips_by_language["en"][: max(count - len(order), count * 5 // 8)]
    spanish = [clips_by_language["es"][i] for i in sorted(order[: count - len(english)])]
    return [*english, *spanish]


def student(inputs: BenchInputs) -> Path:
    """whisper-tiny with two blocks of its decoder, as published students are made."""

    def make(out: Path) -> None:
        teacher = model(inputs, "tiny")
        whisper = load_whisper(teacher)
        shape = whisper.config
        picks = pick_layers(shape.decoder_layers, STUDENT_LAYERS)
        save_whisper(make_student(whisper, list(range(shape.encoder_layers)), picks), out, teacher)

    return inputs.made("whisper-student", make)


def windows(inputs: BenchInputs, count: int) -> Path:
    """`count` windows [B, N] of 30 s of the clips one after the other, and labels of 20 to 60 tokens, random ones.

    An .npz: waves, tokens (one after the other), lengths.
    """

    def make(path: Path) -> None:
        folder, rng = clips(inputs), np.random.default_rng(SEED)
        vocabulary = Vocabulary.read(model(inputs, "tiny"))
        speech = np.concatenate([read_audio(str(clip_path(folder, clip))) for clip in read_clips(folder)])
        size = WINDOW_SECONDS * RATE
        waves = np.resize(speech, count * size).reshape(count, size)
        lengths = rng.integers(LEAST_TOKENS, MOST_TOKENS + 1, count)
        lengths[:2] = LEAST_TOKENS, MOST_TOKENS
        np.savez(path, waves=waves, tokens=rng.integers(0, vocabulary.end, lengths.sum()), lengths=lengths)

    return inputs.made("windows.npz", make)


def _tool(name: str, *words: str) -> None:
    _run([str(ROOT / "tools" / name), *words])


def _run(command: Sequence[str]) -> None:
    """Raises UserError if it fails; it has said why."""
    if subprocess.run(command, cwd=ROOT, env={**os.environ, **parenthood()}).returncode:
        raise UserError("an input of the races was not made, as said above", " ".join(command), "mend that, and rerun")
