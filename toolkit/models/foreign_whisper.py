"""A Whisper that another program has kept (ggml of whisper.cpp, CTranslate2's model.bin), to a Hugging Face folder.

python3 -m toolkit.models.foreign_whisper whisper-tiny.bin --tokenizer FOLDER --out downloads/whisper-tiny

The weights come out as they are, in float32, in which float16 is exact; quantised ones are refused. Neither format has
the files of the tokenizer and of the generation: these come from FOLDER, which must be of a Whisper of the same size.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from ..core.errors import UserError, told
from ..core.files import atomic, read_json, sha256_of, write_json
from .ctranslate2_files import is_ctranslate2, read_ctranslate2
from .foreign import Foreign
from .ggml import is_ggml, read_ggml
from .tensors import write_tensors
from .vocabulary import GENERATION, TOKENIZER, Vocabulary
from .whisper_files import CONFIG, TRAVELS, WEIGHTS

PREPROCESSOR, SOURCE = "preprocessor_config.json", "source.json"
NEEDED = (TOKENIZER, PREPROCESSOR)
FORMER = ("_name_or_path", "transformers_version", "forced_decoder_ids")  # the last: generate() refuses it by now


def read_foreign(path: Path) -> Foreign:
    """Network of a file in one of the formats. Raises UserError for any other file."""
    if not path.is_file():
        raise UserError("no such file", str(path), "mend the path, or fetch it")
    if is_ggml(path):
        return read_ggml(path)
    if is_ctranslate2(path):
        return read_ctranslate2(path)
    remedy = "name a file of whisper.cpp (ggml-*.bin), or the model.bin of a Whisper in CTranslate2's format"
    raise UserError("neither a ggml file nor a CTranslate2 model of Whisper", str(path), remedy)


def convert(path: Path, tokenizer: Path, out: Path) -> Foreign:
    """Write the Whisper of a foreign file to the Hugging Face folder `out`; model.safetensors comes last.

    Raises UserError for a file that cannot be read exactly, for a tokenizer of another Whisper, and where `out` holds
    a model already.
    """
    if (out / WEIGHTS).exists() or ((out / CONFIG).exists() and not (out / SOURCE).exists()):  # half of ours is not
        raise UserError("a model is there already", str(out), "name a new folder, or move the old one aside")
    for name in NEEDED:
        if not (tokenizer / name).is_file():
            raise UserError(f"no {name} there", str(tokenizer), "name a Hugging Face folder of the same Whisper")
    Vocabulary.read(tokenizer)  # refuses what is no multilingual Whisper's
    found = read_foreign(path)
    config = fitting_config(tokenizer, found)
    generation = {name: value for name, value in read_json(tokenizer / GENERATION).items() if name not in FORMER}
    out.mkdir(parents=True, exist_ok=True)
    for name in TRAVELS:
        if name != GENERATION and (tokenizer / name).is_file():
            with atomic(out / name) as temporary:
                shutil.copyfile(tokenizer / name, temporary)
    write_json(out / GENERATION, generation)
    write_json(out / SOURCE, {"file": path.name, "sha256": sha256_of(path), "format": found.kind})
    write_json(out / CONFIG, config)
    with atomic(out / WEIGHTS) as temporary:
        write_tensors(temporary, found.tensors, {"format": "pt"})
    return found


def fitting_config(tokenizer: Path, found: Foreign) -> dict[str, Any]:
    """config.json for the network. Raises UserError where that of the tokenizer's folder is of another size."""
    config: dict[str, Any] = read_json(tokenizer / CONFIG)
    other = [f"{name} {config.get(name)}, not {size}" for name, size in found.sizes.items() if config.get(name) != size]
    if other:
        what = f"the tokenizer is of another Whisper than the weights: {', '.join(other)}"
        raise UserError(what, str(tokenizer / CONFIG), "name a folder of the same size")
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
        found = convert(call.file, call.tokenizer, call.out)
        print(f"{call.out}: {len(found.tensors)} tensors, {found.parameters:,} parameters, from {found.kind}, exactly")


if __name__ == "__main__":
    main()
