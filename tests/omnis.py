"""A Qwen2.5-Omni thinker of the true class, small enough for a test: random weights, the encoder of a tiny Whisper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from whispers import tiny_whisper_folder

from toolkit.core.config import build
from toolkit.core.files import write_json
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.instruct import run as make_items
from toolkit.data.instruct_config import InstructConfig
from toolkit.data.kaldi import write_data_dir
from toolkit.models.config import HearConfig, SmallOmniConfig
from toolkit.models.hear import run as hear
from toolkit.models.omni import Omni
from toolkit.models.small_omni import make, texts_of
from toolkit.models.tensors import read_tensors, write_tensors

ASK = {
    "transcribe": {"answer": "transcript", "instructions": ["اكتب ما تسمع", "write it"], "max_new_tokens": 40},
    "summarise": {"answer": "report", "instructions": ["لخص"], "max_new_tokens": 40},
    "dialect": {
        "answer": "label",
        "instructions": ["ما اللهجة", "which dialect"],
        "labels": {"MSA": ["فصحى", "standard"], "EGY": ["مصري", "Egyptian"]},
        "max_new_tokens": 20,
    },
}
TASKS = {
    "asr": {"ask": "transcribe", "table": "text"},
    "summary": {"ask": "summarise", "table": "utt2summary"},
    "dialect": {"ask": "dialect", "table": "utt2lang"},
}
SHAPE = SmallOmniConfig(hidden_size=32, layers=2, heads=2, key_heads=1, intermediate_size=48, vocabulary=320)
TONES = {"قرأت كتابا": 300, "ذهبت إلى السوق": 600, "شربت القهوة": 1200}  # what is said, and the tone that stands for it


def write_sets(folder: Path, count: int = 12) -> Path:
    """Data directories train, dev and test: tones of three heights, each with text, summary and dialect."""
    random = np.random.default_rng(0)
    for name, utterances in (("train", count), ("dev", 4), ("test", 6)):
        tables: dict[str, dict[str, str]] = {t: {} for t in ("wav.scp", "text", "utt2spk", "utt2summary", "utt2lang")}
        for i in range(utterances):
            text, hertz = list(TONES.items())[i % 3]
            seconds = 0.5 + 0.25 * (i % 4)
            moments = np.arange(round(seconds * 16000)) / 16000
            wave = 0.3 * np.sin(2 * np.pi * hertz * moments) + 0.01 * random.standard_normal(len(moments))
            id, path = f"{name}{i:02}", folder / "audio" / f"{name}{i:02}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, wave, 16000)
            row = (str(path), text, f"s{i % 2}", f"تقرير {text.split()[-1]}", ("MSA", "EGY")[i % 2])
            for table, value in zip(tables, row, strict=True):
                tables[table][id] = value
        write_data_dir(folder / name, tables)
    return folder


def items_config(**changes: object) -> InstructConfig:
    tree = {"tasks": TASKS, "ask": ASK, **changes}
    return build(InstructConfig, tree, "test")


def step_of(config: object, ins: list[Path], out: Path, name: str = "data.instruct") -> Step:
    out.mkdir(parents=True, exist_ok=True)
    return Step(config, ins, out, [name, "--out", str(out)], ledger=Ledger(name))


def write_items(folder: Path, sets: Path, **changes: object) -> Step:
    """The step that has made the items of `sets` in `folder`."""
    step = step_of(items_config(**changes), [sets], folder)
    make_items(step)
    return step


def write_omni(folder: Path, items: Path, whisper: Path | None = None, **shape: object) -> Omni:
    """A model in folder/hf; `whisper` is made beside it unless it is given."""
    whisper = whisper or learnt_positions(tiny_whisper_folder(folder.parent / "whisper", d=16, layers=2))
    config = build(SmallOmniConfig, {**vars(SHAPE), **shape}, "test")
    return make(config, whisper, texts_of(items), folder / "hf")


def learnt_positions(whisper: Path) -> Path:
    """Give a Whisper a table of positions that no formula gives, as releases have up to rounding."""
    weights = read_tensors(whisper / "model.safetensors")
    weights["model.encoder.embed_positions.weight"] *= 1.25
    write_tensors(whisper / "model.safetensors", weights, {"format": "pt"})
    return whisper


def write_heard(folder: Path, items: Path, model: Path, precision: str = "fp32") -> Step:
    step = step_of(HearConfig(precision=precision), [items, model], folder, "models.hear")
    hear(step)
    return step


def world(folder: Path) -> Path:
    """A folder with sets, items, base and heard."""
    write_sets(folder / "sets")
    write_items(folder / "items", folder / "sets")
    write_omni(folder / "base", folder / "items")
    write_heard(folder / "heard", folder / "items", folder / "base")
    write_json(folder / "made.json", {"random": True})
    return folder
