"""Convert a Whisper of another program (ggml of whisper.cpp, model.bin of CTranslate2) to a Hugging Face folder.

python3 -m toolkit.models.foreign_whisper whisper-tiny.bin --tokenizer FOLDER --out downloads/whisper-tiny

Weights are written in float32, which holds float16 exactly; quantised weights are refused. Neither format has the files
of the tokenizer and of generation: these come from FOLDER, which must be of a Whisper of the same size.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from ..core.errors import UserError, told
from ..core.files import atomic, read_json, sha256_of, write_json
from ..core.links import absent
from .ctranslate2_files import is_ctranslate2, read_ctranslate2
from .foreign import Foreign
from .ggml import is_ggml, read_ggml
from .input_settings import HOP, RATE, refuse_other_mels
from .model_files import CONFIG, PREPROCESSOR, WEIGHTS
from .tensors import write_tensors
from .token_ids import GENERATION
from .vocabulary import Vocabulary
from .whisper_files import TRAVELS

SOURCE = "source.json"
FORMER = ("_name_or_path", "transformers_version", "forced_decoder_ids")  # the last: generate() refuses it by now


def read_foreign(path: Path) -> Foreign:
    """The network of a file in one of the two formats. Raises UserError for any other file."""
    if not path.is_file():
        raise UserError(absent(path, "file"), str(path), "mend the path, or fetch it")
    if is_ggml(path):
        return read_ggml(path)
    if is_ctranslate2(path):
        return read_ctranslate2(path)
    remedy = "name a file of whisper.cpp (ggml-*.bin), or the model.bin of a Whisper in CTranslate2's format"
    raise UserError("neither a ggml file nor a CTranslate2 model of Whisper", str(path), remedy)


def convert(path: Path, tokenizer: Path, out: Path) -> Foreign:
    """Write the Whisper of a foreign file to the Hugging Face folder `out`; model.safetensors comes last.

    Raises UserError for a file that cannot be read exactly, for a tokenizer of another Whisper, and if `out` already
    holds a model.
    """
    if (out / WEIGHTS).exists() or ((out / CONFIG).exists() and not (out / SOURCE).exists()):  # half of ours is not
        raise UserError("a model is already here", str(out), "name a new folder, or move the old one aside")
    Vocabulary.read(tokenizer)  # refuses what is no multilingual Whisper's
    if not (tokenizer / PREPROCESSOR).is_file():
        problem = f"no {PREPROCESSOR} there"
        raise UserError(problem, str(tokenizer), "name a Hugging Face folder of the same Whisper")
    foreign = read_foreign(path)
    config = fitting_config(tokenizer, foreign)
    refuse_other_mels(tokenizer, foreign.sizes["num_mel_bins"], 2 * foreign.sizes["max_source_positions"] * HOP / RATE)
    generation = {name: value for name, value in read_json(tokenizer / GENERATION).items() if name not in FORMER}
    out.mkdir(parents=True, exist_ok=True)
    for name in TRAVELS:
        if name != GENERATION and (tokenizer / name).is_file():
            with atomic(out / name) as temporary:
                shutil.copyfile(tokenizer / name, temporary)
    write_json(out / GENERATION, generation)
    write_json(out / SOURCE, {"file": path.name, "sha256": sha256_of(path), "format": foreign.kind})
    write_json(out / CONFIG, config)
    with atomic(out / WEIGHTS) as temporary:
        write_tensors(temporary, foreign.tensors, {"format": "pt"})
    return foreign


def fitting_config(tokenizer: Path, foreign: Foreign) -> dict[str, Any]:
    """config.json of the network. Raises UserError if that of the tokenizer's folder is of another size."""
    config: dict[str, Any] = read_json(tokenizer / CONFIG)
    differing = [
        f"{name} {config.get(name)}, not {size}" for name, size in foreign.sizes.items() if config.get(name) != size
    ]
    if differing:
        message = f"the tokenizer is of another Whisper than the weights: {', '.join(differing)}"
        raise UserError(message, str(tokenizer / CONFIG), "name a folder of the same size")
    kept = {name: value for name, value in config.items() if name not in FORMER and name != "torch_dtype"}
    return {**kept, "dtype": "float32"}


def main(words: list[str] | None = None) -> None:
    """The command line."""
    doc, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        "python3 -m toolkit.models.foreign_whisper",
        description=doc,
        epilog=more,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="ggml file, or model.bin of CTranslate2")
    parser.add_argument(
        "--tokenizer", type=Path, required=True, metavar="FOLDER", help="with the files of the tokenizer"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="Hugging Face folder to write")
    call = parser.parse_args(words)
    with told(1, str(call.out)):
        foreign = convert(call.file, call.tokenizer, call.out)
        size = f"{len(foreign.tensors)} tensors, {foreign.parameters:,} parameters"
        print(f"{call.out}: {size}, exact, from {foreign.kind}")


if __name__ == "__main__":
    main()
