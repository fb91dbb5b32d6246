"""Data directories and folders of hypotheses whose texts are given, for tests of selecting. No recording is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.kaldi import write_data_dir
from toolkit.pseudo.labelled import Known, Labelled
from toolkit.pseudo.measures import Measures, measure
from toolkit.pseudo.select import SelectConfig, run
from toolkit.score.hypotheses import Header, Hypothesis, write_hypotheses
from toolkit.text.normalise import profile

SECONDS = 4.0


def hypothesis(id: str, text: str, **more: Any) -> Hypothesis:
    return replace(Hypothesis(id, text, SECONDS, "ar"), **more)


def write_data(
    folder: Path, references: Mapping[str, str | None], dialects: Mapping[str, str] | None = None, seconds: float = 4.0
) -> Path:
    """Utterances by id; None is one without a reference. No `text` at all where none has one."""
    tables: dict[str, Mapping[str, str]] = {
        "wav.scp": {id: f"/nowhere/{id}.wav" for id in references},
        "utt2spk": {id: id.partition("-")[0] for id in references},
        "utt2dur": {id: f"{seconds:g}" for id in references},
    }
    if text := {id: reference for id, reference in references.items() if reference is not None}:
        tables["text"] = text
    if dialects:
        tables["utt2lang"] = dialects
    write_data_dir(folder, tables)
    return folder


def write_labels(folder: Path, labels: Mapping[str, str | Hypothesis], model: str = "teacher", set: str = "") -> Path:
    rows = [label if isinstance(label, Hypothesis) else hypothesis(id, label) for id, label in sorted(labels.items())]
    write_hypotheses(folder, rows, Header(model, f"hash of {model}", 7, set or folder.name, {}, "greedy"))
    return folder


def measured(
    pairs: Sequence[tuple[str | None, str | Hypothesis]], name: str = "sawt", proxies: Sequence[str | None] = ()
) -> Measures:
    """Measures of (reference, label) pairs, in their order."""
    rows = []
    for i, (reference, label) in enumerate(pairs):
        row = label if isinstance(label, Hypothesis) else hypothesis(f"u{i:06d}", label)
        known = Known(row.id, "made", "EGY", row.seconds, reference)
        rows.append(Labelled(known, row, proxies[i] if proxies else None))
    return measure(rows, profile(name))


def selected(out: Path, *ins: Path, **config: Any) -> Step[SelectConfig]:
    """The step, run in this process; its files are in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    step = Step(SelectConfig(**config), list(ins), out, ["pseudo.select"], ledger=Ledger("pseudo.select"))
    run(step)
    return step
