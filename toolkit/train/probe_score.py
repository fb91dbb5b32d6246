"""From predictions to the result files of a task: <task>.json, <task>.hyp and <task>.counts.tsv.

What else reading a CTC head takes, its tokens, lies beside them; a beam search's transcripts are in <task>.beam.hyp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.files import atomic, read_json, write_json, write_text
from ..score.bootstrap import CONFIDENCE, interval, ratio_interval
from ..score.classification import confusion_matrix, label_sums, macro_f1_of_sums
from ..score.wer import characters, error_table, words
from .probe_config import ProbeConfig
from .probe_fit import Fitted, right_and_counted
from .probe_tasks import Example, TaskData
from .probe_upstream import Row

Array = np.ndarray[Any, np.dtype[Any]]


def write_results(folder: Path, row: Row, config: ProbeConfig, data: TaskData, fitted: Fitted) -> None:
    """Score the test predictions and write the files of the task into `folder`."""
    examples, task = data.parts["test"], data.config
    speakers = [e.utterance.speaker for e in examples]
    # Where each label has one speaker (one per language), speakers cannot be drawn anew without losing labels.
    pairs = {(e.utterance.speaker, int(e.target[0])) for e in examples} if task.kind == "classify" else set()
    one_each = bool(pairs) and len(pairs) == len({label for _, label in pairs})
    by_speaker = len(set(speakers)) >= config.min_speakers and not one_each
    blocks = speakers if by_speaker else None
    if task.kind == "ctc":
        scores, counts, lines = _transcripts(folder, data, fitted, blocks, config.seed)
    else:
        scores, counts, lines = _labels(data, fitted, blocks, config.seed)
    write_json(
        folder / f"{data.name}.json",
        {
            **scores,
            "row": row.row,
            "of": row.of,
            "frozen": row.frozen,
            "task": data.name,
            "kind": task.kind,
            "blocks": "speaker" if by_speaker else "utterance",
            "block_count": len(set(speakers)) if by_speaker else len(examples),
            "confidence": round(CONFIDENCE),
            "layer_weights": fitted.layer_weights if len(fitted.layer_weights) > 1 else None,
            "best_lr": fitted.lr,
            "dev_percent_by_lr": {f"{lr:g}": percent for lr, percent in fitted.dev.items()},
            **({"diverged_lr": list(fitted.diverged)} if fitted.diverged else {}),
            "steps": task.steps,
            "sets": {"train": task.sets.train, "dev": task.sets.dev, "test": task.sets.test},
        },
    )
    _write_hypotheses(folder / f"{data.name}.hyp", examples, lines)
    rows = (f"{e.id}\t{s}\t{a:.0f}\t{b:.0f}\n" for e, s, (a, b) in zip(examples, speakers, counts, strict=True))
    write_text(folder / f"{data.name}.counts.tsv", "utterance\tspeaker\tcounted\tof\n" + "".join(rows))


def _write_hypotheses(path: Path, examples: Sequence[Example], lines: Sequence[str]) -> None:
    write_text(path, "".join(f"{e.id} {line}".rstrip() + "\n" for e, line in zip(examples, lines, strict=True)))


def _transcripts(
    folder: Path, data: TaskData, fitted: Fitted, blocks: list[str] | None, seed: int
) -> tuple[dict[str, Any], Array, list[str]]:
    examples, tokens, searched = data.parts["test"], data.tokens, fitted.searched
    assert tokens
    for name, content in tokens.files(data.name).items():
        with atomic(folder / name) as temporary:
            temporary.write_bytes(content)
    references = {e.id: e.reference for e in examples}
    hypotheses = {e.id: str(fitted.predictions[e.id]) for e in examples}
    cer, wer = error_table(references, hypotheses, characters), error_table(references, hypotheses, words)
    others = {"wer": ratio_interval(*wer.edits_and_lengths(), blocks, seed).percent}
    if searched:
        for name, cut in (("cer_beam", characters), ("wer_beam", words)):
            found = error_table(references, searched.transcripts, cut).edits_and_lengths()
            others[name] = ratio_interval(*found, blocks, seed).percent
        _write_hypotheses(folder / f"{data.name}.beam.hyp", examples, [searched.transcripts[e.id] for e in examples])
    # The tables are in the order of ids, and so are the examples: they come from a data directory.
    scores = {
        "metric": "CER",
        **ratio_interval(*cer.edits_and_lengths(), blocks, seed).percent,
        "n": len(examples),
        "unit_of_n": "utterances",
        "others": others,
        "tokens": tokens.name,
        "decoding": searched.decoding if searched else None,
        "confusion": None,
        "chance_percent": None,
    }
    return scores, np.stack(cer.edits_and_lengths(), 1), [hypotheses[e.id] for e in examples]


def _labels(
    data: TaskData, fitted: Fitted, blocks: list[str] | None, seed: int
) -> tuple[dict[str, Any], Array, list[str]]:
    examples, frames = data.parts["test"], data.config.kind == "phone"
    names = np.array(data.labels)
    counts = np.stack(right_and_counted(examples, fitted.predictions), 1)
    confusions = []
    for e in examples:
        counted = e.target >= 0
        given, guessed = names[e.target[counted]], names[np.asarray(fitted.predictions[e.id])[counted]]
        confusions.append(confusion_matrix(given.tolist(), guessed.tolist(), data.labels))
    f1 = interval(label_sums(np.stack(confusions)), macro_f1_of_sums, blocks, seed, limits=(0, 1))
    scores = {
        "metric": "frame accuracy" if frames else "accuracy",
        **ratio_interval(counts[:, 0], counts[:, 1], blocks, seed, limits=(0, 1)).percent,
        "n": int(counts[:, 1].sum()),
        "unit_of_n": "frames" if frames else "utterances",
        "others": {"macro_f1": f1.percent},
        "confusion": {"labels": data.labels, "counts": sum(confusions).tolist()},  # type: ignore[union-attr]
        "chance_percent": 100.0 * chance(data.parts["train"], examples, len(names)),
    }
    lines = [" ".join(names[np.asarray(fitted.predictions[e.id])].tolist()) for e in examples]
    return scores, counts, lines


def chance(train: Sequence[Example], test: Sequence[Example], classes: int) -> float:
    """Accuracy, 0 to 1, on `test` of always answering the class (of so many) that is most frequent in `train`.

    That is what can be known unheard: which class is most frequent in the test set, only its labels tell. Of equally
    frequent ones it is the first; frames without a class do not count.
    """
    known_C, given_C = (
        np.sum([np.bincount(e.target[e.target >= 0], minlength=classes) for e in part], axis=0)
        for part in (train, test)
    )
    return float(given_C[known_C.argmax()] / given_C.sum())


def by_layer(task: str, folders: Mapping[int, Path]) -> dict[str, Any]:
    """What layers.json says of a task. `folders`: layer -> folder with the result files of its head."""
    found = {layer: read_json(folder / f"{task}.json") for layer, folder in folders.items()}
    shared = ("metric", "n", "unit_of_n", "blocks", "block_count", "confidence", "chance_percent")
    own = ("percent", "low", "high", "agreeing", "best_lr")
    layers = [
        {"layer": layer, "dev_percent": said["dev_percent_by_lr"][f"{said['best_lr']:g}"]}
        | {name: said[name] for name in own if name in said}
        for layer, said in found.items()
    ]
    return {name: next(iter(found.values()))[name] for name in shared} | {"layers": layers}
