"""Task type `phones`: PER of what a linear CTC head spells. Oracle of the figure: editdistance, phone by phone."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import editdistance
import numpy as np
import pytest
from tones import results, task_of

from toolkit.core.record import Ledger
from toolkit.data.kaldi import DataDir, Utterance
from toolkit.tasks.base import Example, Notes
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.examples import build
from toolkit.tasks.features import SetFeatures
from toolkit.tasks.spelt import Spelling
from toolkit.tasks.types.phones import TYPE


def read(tmp_path: Path, spoken: dict[str, dict[str, str]], **more: object) -> tuple[Spelling, Notes]:
    """The task over sets whose phones are given, as a .ctm or, with a `label`, as a table of that name."""
    config = task_of("phones", **more)  # type: ignore[arg-type]
    sets, features = {}, {}
    for name, table in spoken.items():
        (tmp_path / name).mkdir()
        times = (f"{id} 1 {0.1 * i:.1f} 0.1 {p}\n" for id, text in table.items() for i, p in enumerate(text.split()))
        (tmp_path / name / config.table).write_text("".join(times))
        sets[name] = DataDir(
            tmp_path / name, {config.table: table}, [Utterance(id, "", 0.0, None, "s", 1.0) for id in table]
        )
        features[name] = SetFeatures(tmp_path / name, list(table), [9] * len(table), (1, 2), [])
    notes = Notes(Ledger("test"))
    data = build("pr", config, sets, features, 50.0, notes)
    assert isinstance(data, Spelling)
    return data, notes


@pytest.mark.parametrize("label", ["", "utt2phones"])
def test_phones_are_tokens_however_many_letters_they_have(tmp_path: Path, label: str) -> None:
    spoken = {"train": {"a": "sˤ aː b", "b": "b aː sil"}, "dev": {"c": "b"}, "test": {"d": "aː tˤ b"}}
    data, notes = read(tmp_path, spoken, label=label, exclude=("sil",))
    assert data.tokens.symbols == ["aː", "b", "sˤ"] and data.classes == 4  # and the blank
    assert [e.target.tolist() for e in data.parts["train"]] == [[3, 1, 2], [2, 1]]
    test = data.parts["test"][0]
    assert test.reference == "aː tˤ b" and test.target.tolist() == [1, 2]  # what training lacks cannot be right
    assert notes.counts["pr.test.phone unseen in training"] == 1
    assert data.tokens.files("pr") == {"pr.tokens.txt": "<blank>\naː\nb\nsˤ\n".encode()}


@pytest.mark.parametrize(("stride", "kept"), [(1, ["a", "b"]), (2, ["a"])])
def test_training_utterances_too_short_for_their_phones_are_in_the_ledger(
    tmp_path: Path, stride: int, kept: list[str]
) -> None:
    spoken = {"train": {"a": "x y", "b": "x x x x x"}, "dev": {"c": "x"}, "test": {"d": "x x x x x"}}
    data, notes = read(tmp_path, spoken, stride=stride)  # 9 frames; five equal phones have a blank between each two
    assert [e.id for e in data.parts["train"]] == kept and [e.id for e in data.parts["test"]] == ["d"]
    dropped = [("b", "too short for its transcript", "task pr: 9 frames, stride 2, for 5 phones")]
    assert [(id, reason, detail) for id, _, reason, detail in notes.ledger.rows] == (dropped if stride == 2 else [])


def test_the_figure_is_edits_of_phones_over_phones() -> None:
    rng = random.Random(1)
    texts = [" ".join(rng.choices(["aː", "a", "sˤ", "s", "b"], k=rng.randint(1, 9))) for _ in range(80)]
    spoken = dict(zip(map(str, range(40)), zip(texts[:40], texts[40:], strict=True), strict=True))
    examples = [example(id, reference) for id, (reference, _) in spoken.items()]
    edits = sum(editdistance.eval(reference.split(), answer.split()) for reference, answer in spoken.values())
    figure = TYPE.figure(None, examples, {id: answer for id, (_, answer) in spoken.items()})
    assert figure == pytest.approx(100 * edits / sum(len(reference.split()) for reference, _ in spoken.values()))


def example(id: str, reference: str) -> Example:
    return Example(Utterance(id, "", 0.0, None, "s", 1.0), 0, np.zeros(0, int), reference)


def test_a_linear_head_reads_the_phones_of_tones(run: Callable[..., Path]) -> None:
    tasks = {"pr": task_of("phones", steps=200, lr=(3e-2,), batch=8, hidden=16)}
    out = run(TasksConfig(tasks=tasks, rows=("fbank",), checkpoint_every=100, cost_utterances=2, cost_seconds=0.5))
    result = results(out, "fbank", "pr")
    assert [f.metric.name for f in result.figures] == ["per"] and result.decides.has_interval
    assert result.decides.value < 50, result.decides  # three tones; always the same phone gives more
    lines = (out / "fbank/pr.items.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["utterance", "speaker", "reference", "answer", "per", "per.of"] and len(lines) == 12


def test_a_width_below_1_is_refused() -> None:
    with pytest.raises(ValueError, match="hidden must be at least 1"):
        task_of("phones", hidden=0)
