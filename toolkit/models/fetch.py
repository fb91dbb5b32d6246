"""Fetch a Whisper from the Hugging Face hub into a folder of its own, from which later steps read it."""

from __future__ import annotations

import shutil

from ..core.files import atomic
from ..core.step import Step, main
from .config import FetchConfig
from .whisper import parameter_count
from .whisper_files import CONFIG, INDEX, TRAVELS, find_model, read_whisper_config, weight_files


def run(step: Step[FetchConfig]) -> None:
    """Copy config, weights and tokenizer into hf/."""
    folder = find_model(step.config.model)
    count = parameter_count(read_whisper_config(folder))
    names = {CONFIG, INDEX, *TRAVELS, *weight_files(folder)}
    with atomic(step.out / "hf") as temporary:
        temporary.mkdir(parents=True)
        for name in sorted(names):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, temporary / name)
    step.counts["parameters"] = count
    print(f"{step.config.model}: {count:,} parameters")


if __name__ == "__main__":
    main(run)
