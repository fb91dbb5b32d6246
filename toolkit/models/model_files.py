"""Folders of models in Hugging Face's format, and models on its hub: their files and their kind. Imports no torch.

No code of a model is ever run, and no pickle is ever opened here: weights are read from safetensors files alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open

from ..core.errors import UserError
from ..core.files import read_json
from ..core.links import dangling

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
PREPROCESSOR, PROCESSOR, CARD = "preprocessor_config.json", "processor_config.json", "README.md"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
OF_ENCODER = (  # that are fetched from the hub
    *(CONFIG, PREPROCESSOR, PROCESSOR, CARD),
    *(WEIGHTS, INDEX, "model-*.safetensors"),
)
OF_PICKLES = (PICKLE, PICKLE_INDEX, "pytorch_model-*.bin")
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
ADAPTER_PICKLE = "adapter_model.bin"
UNREAD = ("*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.h5", "*.msgpack")  # weights that are read nowhere
CONVERT = "python3 -m toolkit.models.convert"
POINTER = b"version https://git-lfs"
LARGEST_JSON = 1 << 26  # bytes of a description; an index of a large model has a few million
MOST_LAYERS = 256  # blocks; large releases have 48
OURS = "sawt"  # section of config.json for fields that Hugging Face does not have
PROJECTION = "feature_projection.projection"
REUSING = "sawt-hubert"  # model type of a network of ours that no type of Hugging Face describes
ENCODERS = (  # model types of speech encoders whose hidden states are read
    *("hubert", "wav2vec2", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat"),
    *("wav2vec2-conformer", "sew", REUSING),
)
KERNELS = ("attn_implementation", "_attn_implementation", "experts_implementation", "_experts_implementation")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
T = TypeVar("T")
_AGAIN = "copy or make it again"
MERGE = "merge it (peft: model.merge_and_unload().save_pretrained(FOLDER))"


def find_folder(name: Path | str, kind: str, examples: str, wanted: Sequence[str]) -> Path:
    """Folder of a model: `name` itself, its hf/, or the model with that id on the hub (fetched once, then cached).

    Raises UserError if it is none of them, and for an adapter, alone or beside a model: nothing here would add it.

    Args:
        kind, examples: for the message: "Whisper", "openai/whisper-base".
        wanted: patterns of the files that are fetched from the hub.
    """
    path = Path(name)
    for folder in (path, path / "hf"):
        refuse_adapter(folder)
        if (folder / CONFIG).is_file():
            return folder
    if gone := dangling(path) or dangling(path / CONFIG) or dangling(path / "hf" / CONFIG):
        raise UserError(f"no {kind} here: {gone}", str(name), "mend the link, or copy the files it leads to")
    if path.exists() or not HUB_ID.fullmatch(str(name)):
        raise UserError(f"no {kind} here", str(name), f"name a folder with {CONFIG}, or an id such as {examples}")
    fetched = from_hub(str(name), (*wanted, ADAPTER_CONFIG))
    refuse_adapter(fetched)
    return fetched


def from_hub(name: str, wanted: Sequence[str], revision: str | None = None) -> Path:
    """Folder in the cache with the `wanted` files of a model on the hub; its name is the revision. Raises UserError."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(wanted)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as e:
        reason = " ".join(str(e).split())[:200]
        remedy = "fetch it where there is a network (hf download), and name the folder"
        raise UserError(f"neither a folder nor to be had from the hub: {reason}", name, remedy) from None


def read_mapping(path: Path) -> dict[str, Any]:
    """The JSON mapping of a file. Raises UserError if it is missing or damaged."""
    refuse_pointer(path)
    try:
        if (size := path.stat().st_size) > LARGEST_JSON:
            raise UserError(f"{size:,} bytes, more than {LARGEST_JSON:,}")
        tree = read_json(path)
    except UserError as e:
        raise UserError(f"a broken {path.name}: {e.what}", str(path), _AGAIN) from None
    except FileNotFoundError:
        raise UserError(f"no {path.name} there", str(path.parent), _AGAIN) from None
    if not isinstance(tree, dict):
        raise UserError("a damaged file: no mapping of names to values", str(path), _AGAIN)
    if not isinstance(tree.get(OURS, {}), dict):
        raise UserError(f"a damaged file: {OURS} is no mapping of names to values", str(path), _AGAIN)
    return tree


def refuse_pointer(path: Path) -> None:
    """Raise UserError for a file that Git LFS has not fetched: a clone without it holds a few lines in its place."""
    if path.is_file():
        with open(path, "rb") as f:
            if f.read(len(POINTER)) == POINTER:
                problem = f"a Git LFS pointer, not {path.name} itself"
                raise UserError(problem, str(path), f"fetch it: git -C {shlex.quote(str(path.parent))} lfs pull")


def encoder_type(folder: Path) -> str:
    """Model type of the speech encoder in `folder`. Raises UserError if it is none, or asks for code of its own."""
    tree = read_mapping(folder / CONFIG)
    kind = tree.get("model_type", "unknown")
    refuse_kernels(tree, folder)
    if kind in ENCODERS:
        return str(kind)
    if "auto_map" in tree:
        problem = f"a model of type {kind}, which comes with code of its own (auto_map): foreign code is never run"
        raise UserError(problem, str(folder), f"these types work: {', '.join(ENCODERS)}")
    raise UserError(f"not a speech encoder: a model of type {kind}", str(folder), f"these work: {', '.join(ENCODERS)}")


def refuse_kernels(tree: Any, folder: Path) -> None:
    """Raise UserError for a config.json that asks for a kernel, which transformers would fetch from a hub and run."""
    sections = [tree]
    while sections:
        section = sections.pop()
        for name, value in section.items() if isinstance(section, dict) else ():
            asked = value.values() if isinstance(value, dict) else [value]
            if name in KERNELS and any("/" in str(kernel) for kernel in asked):
                problem = f"{CONFIG} asks for code of a hub ({name}: {value}): foreign code is never run"
                raise UserError(problem, str(folder), f"remove {name} from {CONFIG}")
            sections.append(value)


def weight_files(folder: Path, one: str = WEIGHTS, index: str = INDEX) -> list[str]:
    """Names of the files that hold the weights: one, or the parts that an index names. Raises UserError."""
    if one == WEIGHTS:
        _refuse_doubled(folder)
    if (folder / one).is_file() or not (folder / index).is_file():
        return [one]
    tree = read_json(folder / index)
    parts = tree.get("weight_map") if isinstance(tree, dict) else None
    if not isinstance(parts, dict) or not parts:
        raise UserError("a broken index of weights", str(folder / index), "copy it again")
    names = sorted({str(part) for part in parts.values()})
    if strange := [name for name in names if "/" in name or name.startswith(".")]:
        raise UserError(f"an index that leads out of its folder: {strange[0]}", str(folder / index), "copy it again")
    return names


def _refuse_doubled(folder: Path) -> None:
    """Raise UserError for weights in one file and in parts: they may be of two models, and programs take either."""
    parts = [path.name for path in sorted(folder.glob("model-*.safetensors"))]
    if parts and (folder / WEIGHTS).is_file() and (folder / INDEX).is_file():
        problem = f"weights that are there twice: {WEIGHTS}, and in parts: {parts[0]}"
        remedy = f"move away the one that is not the model, or {INDEX} and the parts if both are the same"
        raise UserError(problem, str(folder), remedy)


def has_weights(folder: Path) -> bool:
    """True if the weights are there as safetensors."""
    return (folder / WEIGHTS).is_file() or (folder / INDEX).is_file()


def has_pickles(folder: Path) -> bool:
    """True if weights are there as pickles."""
    return (folder / PICKLE).is_file() or (folder / PICKLE_INDEX).is_file()


def refuse_pickles(folder: Path, adapter: bool = False) -> None:
    """Raise UserError, with the command to type, for a folder whose weights are only there as pickles, or unread kinds.

    A folder without any weights is not refused here.
    """
    kept, pickles = (WEIGHTS, INDEX), (PICKLE, PICKLE_INDEX)
    if adapter:
        kept, pickles = (ADAPTER_WEIGHTS, ADAPTER_WEIGHTS), (ADAPTER_PICKLE, ADAPTER_PICKLE)
    if any((folder / name).is_file() for name in kept):
        return
    problem = "which can hold code: they are never loaded as they are"
    if any((folder / name).is_file() for name in pickles):
        remedy = f"convert them once: {CONVERT} {shlex.quote(str(folder))}"
        raise UserError(f"weights as pickles alone, {problem}", str(folder), remedy)
    if unread := sorted(path.name for pattern in UNREAD for path in folder.glob(pattern)):
        remedy = f"fetch the model as {kept[0]}, or as {pickles[0]}, which {CONVERT} reads; --help tells of checkpoints"
        raise UserError(f"weights as {unread[0]} alone, {problem}", str(folder), remedy)


def refuse_adapter(folder: Path) -> None:
    """Raise UserError for an adapter: nobody can tell whether the weights beside it have it already, or lack it.

    transformers would add it unasked, other readers would leave it out: the two are different models.
    """
    files = [name for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS, ADAPTER_PICKLE) if (folder / name).is_file()]
    if not files:
        return
    if not (has_weights(folder) or has_pickles(folder)):
        problem = f"an adapter ({files[0]}), which must be merged into its base first"
        raise UserError(problem, str(folder), f"{MERGE}, and name the merged model")
    problem = f"a model with an adapter beside it ({files[0]}): its weights may be those without the adapter"
    remedy = f"{MERGE}, or move the files of the adapter into a folder of their own if the weights have it already"
    raise UserError(problem, str(folder), remedy)


def refuse_without_weights(folder: Path, name: str) -> None:
    """Raise UserError if there are no safetensors; with the command to type if there are pickles. `name`: as given."""
    if has_weights(folder):
        return
    refuse_pickles(folder)
    if gone := dangling(folder / WEIGHTS):
        remedy = "mend the link, or copy the file it leads to"
        raise UserError(f"no weights here: {gone}", str(folder / WEIGHTS), remedy)
    if Path(name).exists():
        raise UserError("a model without weights", str(folder), f"{WEIGHTS} or {INDEX} must be there")
    remedy = f"python3 -m toolkit.models.fetch --model {name} --out downloads/{Path(name).name} converts such weights"
    raise UserError("the hub has no safetensors of this model", name, remedy)


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of a file, from its header. Raises UserError if the file is missing or broken."""
    return _of_header(path, lambda tensor: tuple(tensor.get_shape()))


def types_of(path: Path) -> dict[str, str]:
    """Type of each tensor's numbers (F32, BF16, I8), from the file's header. Raises UserError as shapes_of does."""
    return _of_header(path, lambda tensor: str(tensor.get_dtype()))


def _of_header(path: Path, read: Callable[[Any], T]) -> dict[str, T]:
    refuse_pointer(path)
    try:
        with safe_open(path, "numpy") as file:
            return {name: read(file.get_slice(name)) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except (SafetensorError, FileNotFoundError) as e:
        raise UserError(f"missing or broken weights: {e}", str(path), "copy or fetch them again") from None


def encoder_parameters(folder: Path) -> int:
    """Number of weights of the speech encoder in `folder`; loads none of them.

    Those of a head, e.g. of CTC, do not count, nor the identity of a network of ours that has no projection.
    """
    shapes = {name: shape for part in weight_files(folder) for name, shape in shapes_of(folder / part).items()}
    if read_mapping(folder / CONFIG).get(OURS, {}).get("projection") is False:
        shapes = {name: shape for name, shape in shapes.items() if not name.startswith(PROJECTION)}
    prefix = encoder_type(folder).replace("-", "_") + "."  # of an encoder that is saved with a head
    inside = [shape for name, shape in shapes.items() if name.startswith(prefix)] or list(shapes.values())
    return sum(prod(shape) for shape in inside)


def refuse_too_deep(folder: Path, *layers: Any) -> None:
    """Raise UserError for more blocks than any network here has: a million would be built for minutes."""
    for count in layers:
        if isinstance(count, int) and count > MOST_LAYERS:
            message = f"{CONFIG} has {count:,} blocks, and no speech network has more than {MOST_LAYERS}"
            raise UserError(message, str(folder / CONFIG), "copy or fetch it again")
