"""Convert the weights of a model from pickles (pytorch_model.bin, also in parts) to model.safetensors, once.

python3 -m toolkit.models.convert FOLDER
python3 -m toolkit.models.convert FILE.ckpt --model egs/TEMPLATE/star/conf/student.yaml --out models/star

A folder of an adapter (adapter_model.bin) is converted likewise. Safetensors whose names have the name of a wrapper in
them (`_orig_mod.` of torch.compile, `module.` of DistributedDataParallel) are written anew without, parts as one file.
A Whisper of an older program gets its tokenizer.json and generation_config.json, made of vocab.json, merges.txt and
config.json. The second form makes a folder of a Lightning checkpoint of STaR's public code; a config says its shape.

A pickle can hold code. So it is read in a process of its own, which accepts tensors and nothing else; a pickle with
anything more is refused. Every tensor keeps its type and values, and its name but for a wrapper's. The pickles stay
where they are.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.config import build, read_yaml
from ..core.errors import UserError, told
from ..core.files import atomic
from ..core.job import child_environment
from .config import HubertConfig
from .model_files import (
    ADAPTER_PICKLE,
    ADAPTER_WEIGHTS,
    CONFIG,
    INDEX,
    PICKLE,
    PICKLE_INDEX,
    WEIGHTS,
    has_pickles,
    has_weights,
    read_mapping,
    shapes_of,
    weight_files,
)
from .wrapped_names import unwrap, unwrapped

READER = "toolkit.models.pickled"


def convert(source: Path, out: Path, name: str = WEIGHTS) -> int:
    """Write the tensors of pickles to the file `name` of the folder `out`. Returns their number.

    Raises UserError if the pickles hold anything but finite tensors, or if the process that reads them is killed.

    Args:
        source: folder of a model with pickles, or the pickle of an adapter.
    """
    with atomic(out / name) as temporary:
        answer = _read_apart(source, temporary)
        count = len(shapes_of(temporary))
        if count != answer["tensors"]:
            raise UserError(f"{count} tensors were written of {answer['tensors']}", str(source), "convert it again")
        if _wrapped([temporary]):
            with atomic(temporary) as plain:  # a file that is read is not written over
                unwrap([temporary], plain)
    return count


def _read_apart(folder: Path, out: Path) -> dict[str, Any]:
    """What the process that reads the pickles answers. Raises UserError if it refuses them or does not live to answer.

    Raises OSError if it met one, e.g. a full disk.
    """
    words = [sys.executable, "-m", READER, str(folder), str(out)]
    done = subprocess.run(
        words,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        answer: dict[str, Any] = json.loads(lines[-1])
        if "errno" in answer:
            raise OSError(answer["errno"], answer["reason"], answer["file"])
        if "problem" in answer:
            raise UserError(answer["problem"], answer["where"], answer["remedy"])
        return answer
    files = [folder] if folder.is_file() else [folder / n for n in weight_files(folder, PICKLE, PICKLE_INDEX)]
    size = sum(file.stat().st_size for file in files) / 1e9
    if done.returncode < 0:
        problem = f"the process that reads the pickles was ended by {signal.Signals(-done.returncode).name}"
        remedy = f"SIGKILL: the memory was probably full; {3 * size:.1f} GB should do"
        raise UserError(problem, str(folder), remedy)
    reason = " ".join(done.stderr.split()[-40:])
    raise UserError(f"the process that reads the pickles failed: {reason}", str(folder), "fetch the model again")


def main(words: list[str] | None = None) -> None:
    """The command line."""
    doc, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        "python3 -m toolkit.models.convert",
        description=doc,
        epilog=more,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder with pytorch_model.bin or adapter_model.bin, or a file"
    )
    parser.add_argument(
        "--model", nargs="+", type=Path, help="for a file: config, or several, whose section `model` is the shape"
    )
    parser.add_argument("--out", type=Path, help="for a file: the folder to make")
    call = parser.parse_args(words)
    with told(1, str(call.folder)):
        if call.folder.is_file():
            if not call.model or call.out is None:
                raise UserError(
                    "a checkpoint alone", str(call.folder), "say its shape by --model and a folder by --out"
                )
            convert_checkpoint(call.folder, call.model, call.out)
        else:
            convert_folder(call.folder)


def convert_checkpoint(path: Path, shapes: Sequence[Path], out: Path) -> None:
    """Make a Hugging Face folder of the student in a Lightning checkpoint; heads that only training needs are dropped.

    Raises UserError for a file that is none, or whose weights do not fit the section `model` of the configs
    `shapes`, of which a later one is laid over the earlier.
    """
    config = build(HubertConfig, read_yaml(*shapes).get("model", {}), ", ".join(map(str, shapes)), "model.")
    with tempfile.TemporaryDirectory() as folder:
        _read_apart(path, Path(folder) / WEIGHTS)
        from .fairseq import hubert_of  # imports torch
        from .hugging_face import save_pretrained
        from .tensors import read_tensors

        model = hubert_of(read_tensors(Path(folder) / WEIGHTS), config, path)
        save_pretrained(model, out)
    print(f"{out}: {sum(p.numel() for p in model.parameters()):,} weights of {path}")


def convert_folder(folder: Path) -> None:
    """Convert the folder's pickles and print what was done; if it has safetensors already, say so and do nothing.

    A Whisper also gets the files that it lacks and can give (older_files.py).

    Raises UserError for a folder without weights, and for a file that is no safetensors although it is named so.
    """
    folder = folder / "hf" if (folder / "hf").is_dir() else folder
    made = _complete(folder)
    adapter = folder / ADAPTER_PICKLE
    for name in (WEIGHTS, ADAPTER_WEIGHTS):
        if (folder / name).is_file():
            shapes_of(folder / name)  # raises for what only has the name
    if has_weights(folder) and _wrapped(files := [folder / name for name in weight_files(folder)]):
        _write_unwrapped(files, folder / WEIGHTS)
    elif (folder / ADAPTER_WEIGHTS).is_file() and _wrapped([folder / ADAPTER_WEIGHTS]):
        _write_unwrapped([folder / ADAPTER_WEIGHTS], folder / ADAPTER_WEIGHTS)
    elif made and has_weights(folder):
        pass
    elif has_weights(folder) or ((folder / ADAPTER_WEIGHTS).is_file() and not has_pickles(folder)):
        print(f"{folder} has its weights as safetensors already: nothing to do")
    elif has_pickles(folder):
        count = convert(folder, folder)
        print(f"{folder / WEIGHTS}: {count} tensors; the pickles are where they were and are not needed any more")
    elif adapter.is_file():
        count = convert(adapter, folder, ADAPTER_WEIGHTS)
        print(f"{folder / ADAPTER_WEIGHTS}: {count} tensors; the pickle is where it was and is not needed any more")
    else:
        remedy = f"name a folder with {PICKLE}, {PICKLE_INDEX} or {ADAPTER_PICKLE}"
        raise UserError("no weights to convert", str(folder), remedy)


def _complete(folder: Path) -> list[str]:
    if not (folder / CONFIG).is_file() or read_mapping(folder / CONFIG).get("model_type") != "whisper":
        return []
    from .older_files import complete

    made = complete(folder)
    for name in made:
        print(f"{folder / name}: made of the older files beside it, which say the same")
    return made


def _wrapped(files: Sequence[Path]) -> bool:
    """True if names of weights have the name of a wrapper in them."""
    return any(unwrapped(name) != name for path in files for name in shapes_of(path))


def _write_unwrapped(files: Sequence[Path], out: Path) -> None:
    with atomic(out) as temporary:
        count = unwrap(files, temporary)
    if out.name == WEIGHTS and (index := out.with_name(INDEX)).is_file():
        index.rename(index.with_name(f"{INDEX}.aside-before"))  # of the parts, whose names it has
    print(f"{out}: {count} tensors, by the names that the network itself has; nothing else of them was changed")


if __name__ == "__main__":
    main()
