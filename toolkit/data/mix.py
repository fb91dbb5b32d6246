"""Put corpora together: their training sets become `train`, their dev sets `dev`; every set also keeps its own name.

python3 -m toolkit.data.mix --config conf/mix.yaml --in FOLDER... --out data
A FOLDER is a data directory, or holds several, e.g. data/ of another recipe. Labels are unchanged, so training can
balance corpora of unequal size by utt2lang (data.balance). Audio is not copied. A speaker is called alike in all sets;
of two corpora that have one speaker id, the ids of both get the corpus's name in front (speakers.py). Sets called train
or dev, and those of one name, get the name of their folder in front: A_train of A/data/train.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.errors import UserError
from ..core.step import Step, main
from .edit import combine
from .find import data_dirs, matching, read_from_here
from .folder_names import named_sets
from .kaldi import PHONES, SEGMENTS, UNKNOWN, WAV, DataDir, copy_phones, write_data_dir
from .speakers import SpeakersConfig, told_apart
from .tables import TEXT

TOGETHER = ("train", "dev")
LABELS = ("utt2lang", "utt2emotion", "utt2prog", "utt2orig")


@dataclass(frozen=True)
class MixConfig(SpeakersConfig):
    """Which sets are put together: names, or patterns such as `librispeech_train_*`."""

    train: tuple[str, ...] = ("*train*",)
    """sets that together become `train`: names or patterns"""
    dev: tuple[str, ...] = ("*dev*",)
    """sets that together become `dev`: names or patterns"""

    def of(self, part: str) -> tuple[str, ...]:
        patterns: tuple[str, ...] = getattr(self, part)
        return patterns


def find_sets(folders: Sequence[Path]) -> dict[str, Path]:
    """Name -> data directory, for every folder that is one or holds several.

    Sets of one name, and those called `train` or `dev`, get the name of their folder in front: A_train of A/data/train.

    Raises UserError for a folder without one, and for a set that is named twice.
    """
    return named_sets([path for folder in folders for path in data_dirs(folder)], TOGETHER)


def filled(parts: Sequence[DataDir]) -> list[DataDir]:
    """The sets, each with every table of labels (utt2lang, utt2prog, ...) and text that any of them has.

    Missing values are `unknown`, or an empty text. Else the table would be lost for all sets, and with it the
    programmes or prompts that a set shares with a test set.
    """
    every = {name for part in parts for name in part.tables if name in LABELS or TEXT.fullmatch(name)}
    return [
        replace(
            part,
            tables={**{name: dict.fromkeys((u.id for u in part), _nothing(name)) for name in every}, **part.tables},
        )
        for part in parts
    ]


def _nothing(table: str) -> str:
    return "" if TEXT.fullmatch(table) else UNKNOWN


def run(step: Step[MixConfig]) -> None:
    step.input(0, "folders of data directories")
    sets = find_sets(step.ins)
    together = {part: matching(list(sets), step.config.of(part), f"--{part}") for part in TOGETHER}
    if both := set(together["train"]) & set(together["dev"]):
        raise UserError(f"sets in train and in dev: {', '.join(sorted(both))}", "the config", "name each once")
    apart = told_apart(step, [read_from_here(path) for path in sets.values()], step.config.speakers)
    read = dict(zip(sets, apart, strict=True))
    for name, data in read.items():
        _write(step, name, data.tables, [data])
    for part, names in together.items():
        if not names:
            raise UserError(f"no set becomes {part}", f"`{part}` of the config", f"name some of {', '.join(sets)}")
        tables, left = combine(filled([read[name] for name in names]))
        print(f"{part}: {' + '.join(names)}", *left, sep="\n  ")
        _write(step, part, tables, [read[name] for name in names])


def _write(step: Step[MixConfig], name: str, tables: Mapping[str, Mapping[str, str]], parts: Sequence[DataDir]) -> None:
    write_data_dir(step.out / name, tables)
    if any((part.path / PHONES).is_file() for part in parts):
        copy_phones([part.origin for part in parts], step.out / name, tables.get(SEGMENTS, tables[WAV]))
    languages: dict[str, float] = {}
    for part in parts:
        for u in part.utterances:
            label = tables.get("utt2lang", {}).get(u.id, "")
            languages[label] = languages.get(label, 0.0) + u.seconds / 3600
    hours = math.fsum(languages.values())
    step.counts |= {f"{name}_utterances": sum(map(len, parts)), f"{name}_hours": round(hours, 4)}
    summary = ", ".join(f"{label} {h:.2f}" for label, h in sorted(languages.items()) if label)
    print(f"{name}: {sum(map(len, parts)):,} utterances, {hours:.2f} h" + (f" ({summary})" if summary else ""))


if __name__ == "__main__":
    main(run)
