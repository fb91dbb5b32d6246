"""Fetch a Whisper, a speech encoder or an audio LLM from the Hugging Face hub into a folder of its own.

Weights that the hub has only as pickles are converted to safetensors on the way.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from math import prod
from pathlib import Path

from ..core.files import atomic, write_json
from ..core.step import Step, main
from .config import FetchConfig
from .convert import convert
from .model_files import (
    CARD,
    CONFIG,
    INDEX,
    OF_ENCODER,
    OF_PICKLES,
    PREPROCESSOR,
    PROCESSOR,
    encoder_parameters,
    encoder_type,
    find_folder,
    from_hub,
    has_pickles,
    has_weights,
    read_mapping,
    refuse_without_weights,
    shapes_of,
    weight_files,
)
from .older_files import complete
from .omni_files import OMNI, POSITIONS, TOKENIZER_FILES, WANTED
from .whisper_files import TRAVELS, WHISPER_FILES, find_model, read_whisper_config
from .whisper_shape import parameter_count

EXAMPLES = "openai/whisper-base, facebook/hubert-base-ls960 or Qwen/Qwen2.5-Omni-7B"
SOURCE = "source.json"  # where a fetched encoder is from


def fetch_whisper(model: str, out: Path) -> int:
    """Copy config, weights and tokenizer to the folder `out`. Returns the number of parameters.

    Raises UserError for a model without weights.
    """
    folder = find_model(model)
    count = parameter_count(read_whisper_config(folder))
    folder, pickled = _with_weights(model, folder, WHISPER_FILES)
    with atomic(out) as temporary:
        _copy(folder, {CONFIG, INDEX, *TRAVELS, *([] if pickled else weight_files(folder))}, temporary)
        if pickled:
            convert(folder, temporary)
        complete(temporary)
    return count


def fetch_encoder(model: str, folder: Path, out: Path) -> int:
    """Copy config, weights and card to the folder `out`. Returns the number of parameters, without those of a head.

    Raises UserError for a model that is no speech encoder or has no weights.

    Args:
        folder: of the model, with its config.json; of a model of the hub it is in the cache, named by the revision.
    """
    kind, revision = encoder_type(folder), folder.name if _of_hub(model) else ""
    folder, pickled = _with_weights(model, folder, OF_ENCODER)
    source = {"model": model, "revision": revision, "model_type": kind, "converted_from_pickles": pickled}
    with atomic(out) as temporary:
        _copy(
            folder,
            {CONFIG, PREPROCESSOR, PROCESSOR, CARD, INDEX, *([] if pickled else weight_files(folder))},
            temporary,
        )
        if pickled:
            convert(folder, temporary)
        write_json(temporary / SOURCE, source)
        return encoder_parameters(temporary)


def _of_hub(model: str) -> bool:
    return not Path(model).exists()


def _with_weights(model: str, folder: Path, wanted: Sequence[str]) -> tuple[Path, bool]:
    """Folder of the model with its weights, and True if they are there as pickles alone. Raises UserError without any.

    Args:
        folder: of the model, with its config.json; of a model of the hub it is in the cache, named by the revision.
        wanted: files that are fetched from the hub.
    """
    if _of_hub(model):
        revision = folder.name
        folder = from_hub(model, wanted, revision)
        if not has_weights(folder):
            folder = from_hub(model, (*wanted, *OF_PICKLES), revision)
    if has_pickles(folder) and not has_weights(folder):
        print(f"{model} has its weights as pickles alone: they are converted to safetensors", flush=True)
        return folder, True
    refuse_without_weights(folder, model)
    return folder, False


def fetch_omni(model: str, out: Path) -> int:
    """Copy config, weights and tokenizer of an audio LLM to the folder `out`. Returns the number of parameters."""
    folder = find_folder(model, "audio LLM", EXAMPLES, WANTED)
    refuse_without_weights(folder, model)
    with atomic(out) as temporary:
        _copy(folder, {CONFIG, INDEX, POSITIONS, *TOKENIZER_FILES, *weight_files(folder)}, temporary)
        shapes = [shape for part in weight_files(temporary) for shape in shapes_of(temporary / part).values()]
    return sum(prod(shape) for shape in shapes)


def _copy(folder: Path, names: set[str], out: Path) -> None:
    """Copy those of the files that are there to the new folder `out`."""
    out.mkdir(parents=True)
    for name in sorted(names):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out / name)


def run(step: Step[FetchConfig]) -> None:
    """Write the model into hf/."""
    model = step.config.model
    folder = find_folder(model, "model", EXAMPLES, (CONFIG,))
    out = step.out / "hf"
    kind = read_mapping(folder / CONFIG).get("model_type")
    if kind == "whisper":
        count = fetch_whisper(model, out)
    elif kind in OMNI:
        count = fetch_omni(model, out)
    else:
        count = fetch_encoder(model, folder, out)
    step.counts["parameters"] = count
    print(f"{model}: {count:,} parameters")


if __name__ == "__main__":
    main(run)
