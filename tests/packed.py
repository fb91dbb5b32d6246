"""Speech packed for a Whisper: tones with Arabic transcripts, in windows of 2 s, a teacher and a student of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from whispers import tiny_whisper_folder

from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.kaldi import write_data_dir
from toolkit.models import student
from toolkit.models.student import StudentConfig
from toolkit.pseudo import pack
from toolkit.pseudo.pack import PackConfig

RATE = 16000
WINDOW_SECONDS = 2.0
TEXTS = (  # vowel signs, tatweel, a presentation form, two kinds of Arabic digits, a word of Latin letters
    "ذَهَبَ الولدُ",
    "ما بعرف",
    "كتـــاب ٣",
    "ﻻ إله",
    "سنة ۱۹۹۹",
    "كيف حالك؟",
    "نعم OK",
)


def write_speech(folder: Path, name: str, count: int, speakers: int = 2, seed: int = 0) -> Path:
    """data/<name> with a recording of 0.4 to 1.1 s of each utterance, a tone of its own in noise."""
    random = np.random.default_rng([seed, *name.encode()])
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "utt2spk": {}, "utt2dur": {}, "text": {}}
    (folder / "wav").mkdir(parents=True, exist_ok=True)
    for i in range(count):
        speaker = f"{name}{i % speakers}"
        id, samples = f"{speaker}-{i:03d}", int(random.integers(round(0.4 * RATE), round(1.1 * RATE)))
        tone = np.sin(2 * np.pi * (200 + 150 * i) * np.arange(samples) / RATE)
        path = folder / "wav" / f"{id}.wav"
        soundfile.write(path, 0.3 * tone + random.normal(0, 0.01, samples), RATE)
        row = (str(path), speaker, str(samples / RATE), TEXTS[i % len(TEXTS)])
        for table, value in zip(tables.values(), row, strict=True):
            table[id] = value
    write_data_dir(folder / "data" / name, tables)
    return folder / "data" / name


def pack_speech(data: Path, model: Path, out: Path, **config: float | str) -> Path:
    """Windows of a data directory's transcripts."""
    settings = PackConfig(labels="truth", window_seconds=WINDOW_SECONDS, **config)  # type: ignore[arg-type]
    out.mkdir(parents=True, exist_ok=True)
    pack.run(Step(settings, [data, model], out, ["pseudo.pack"], ledger=Ledger("pseudo.pack")))
    return out


def make_student(teacher: Path, out: Path, encoder: Sequence[int], decoder: Sequence[int]) -> Path:
    """A student of these blocks of the teacher's, in out/hf."""
    config = StudentConfig(len(encoder), len(decoder), tuple(encoder), tuple(decoder))
    out.mkdir(parents=True, exist_ok=True)
    student.run(Step(config, [teacher], out, ["models.student"]))
    return out


def distillation(folder: Path, utterances: int = 14) -> Path:
    """A recipe's folder: data/{train,dev}, packs/{train,dev}, teacher of 3 and 3 blocks, student of 3 and 2."""
    teacher = tiny_whisper_folder(folder / "teacher", layers=3)
    for name, count in (("train", utterances), ("dev", 5)):
        pack_speech(write_speech(folder, name, count), teacher, folder / "packs" / name)
    make_student(teacher, folder / "student", (0, 1, 2), (0, 2))
    return folder
