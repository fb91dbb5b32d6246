"""Convert a Whisper from a Hugging Face folder to CTranslate2's format, in which faster-whisper and others run it.

Input: the Hugging Face folder. Output: model.bin, config.json, vocabulary.json and the files of the tokenizer.

python3 -m toolkit.models.export --in exp/student/hf --out exp/student/ctranslate2 --quantization int8
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ..core.errors import UserError
from ..core.files import read_json, remove, write_json
from ..core.step import Step, main
from .config import ExportConfig
from .model_files import PREPROCESSOR, refuse_pickles
from .token_ids import GENERATION, TOKENIZER
from .vocabulary import Vocabulary
from .whisper_files import find_model, load_whisper, read_whisper_config

INSTALL = "install it into the environment of this toolkit: .venv/bin/pip install ctranslate2==4.8.5"
MODEL = "model.bin"
COPIED = (TOKENIZER, GENERATION, PREPROCESSOR)
TOLD = ("vocab_size", "num_mel_bins", "max_target_positions")  # of config.json: CTranslate2's own does not state it


def require_ctranslate2(module: str = "ctranslate2") -> Any:
    """The optional module. Raises UserError with the command to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as e:
        raise UserError(f"CTranslate2 cannot be used here: {e}", "", INSTALL) from None


def to_ctranslate2(folder: Path, out: Path, quantization: str) -> None:
    """Convert the Hugging Face folder. model.bin is moved to `out` last: if it is there, the model is complete.

    Raises UserError if CTranslate2 is not installed, or `folder` is not a complete multilingual Whisper.
    """
    converters = require_ctranslate2("ctranslate2.converters")
    config = whisper_config(folder)
    load_whisper(folder)  # refuses what torch refuses, in the same words: the two must write the same text
    temporary = out / "converted.tmp"
    remove(temporary)
    try:
        converter = converters.TransformersConverter(str(folder), copy_files=list(COPIED))
        converter.convert(str(temporary), quantization=quantization)
    except (ValueError, RuntimeError, SafetensorError, OSError) as e:
        remove(temporary)
        if isinstance(e, OSError) and e.errno is not None:  # of the machine; transformers' own have no number
            raise
        message = f"CTranslate2 cannot convert it: {' '.join(str(e).split())[:300]}"
        raise UserError(message, str(folder), "see that transformers loads the folder") from None
    told = {name: config[name] for name in TOLD if name in config}
    write_json(temporary / "config.json", {**read_json(temporary / "config.json"), **told})
    for path in sorted(temporary.iterdir(), key=lambda p: (p.name == MODEL, p.name)):
        os.replace(path, out / path.name)
    temporary.rmdir()


def whisper_config(folder: Path) -> dict[str, Any]:
    """config.json of a Hugging Face folder that is a complete multilingual Whisper.

    Raises UserError for any other, and for a preprocessor that makes other spectrograms than the network takes.
    """
    Vocabulary.read(folder)
    config: dict[str, Any] = read_json(folder / "config.json")
    if config.get("model_type") != "whisper":
        message = f"a model of the type {config.get('model_type')}, no Whisper"
        raise UserError(message, str(folder / "config.json"), "name a Hugging Face folder of a Whisper")
    refuse_pickles(folder)
    if not any(folder.glob("model*.safetensors")):
        raise UserError("no model.safetensors there", str(folder), "copy the weights there, or name another folder")
    if not (folder / PREPROCESSOR).is_file():
        raise UserError(f"no {PREPROCESSOR} there", str(folder), "copy it from the model that this one was made of")
    read_whisper_config(folder)
    return config


def run(step: Step[ExportConfig]) -> None:
    folder = find_model(step.input(0, "the Hugging Face folder of a Whisper"))
    to_ctranslate2(folder, step.out, step.config.quantization)
    megabytes = (step.out / MODEL).stat().st_size / 1e6
    print(f"{step.out}: {megabytes:.1f} MB in {step.config.quantization}; faster-whisper loads this folder as it is")


if __name__ == "__main__":
    main(run)
