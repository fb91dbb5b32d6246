"""Task type `slots`, and balanced draws of `classify`. Oracles: closed forms, torch's cross-entropy, scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import balanced_accuracy_score
from tones import CONFIG, results, task_of

from toolkit.core.record import Ledger
from toolkit.data.kaldi import Utterance
from toolkit.models.heads import LayerMix, PooledHead
from toolkit.tasks.base import Example, Notes, TaskData, Unusable
from toolkit.tasks.types.classify import TYPE as CLASSIFY
from toolkit.tasks.types.slots import TYPE, SlotData
from toolkit.train.engine.objective import At
from toolkit.train.objectives.classify import Features
from toolkit.train.objectives.slots import Slots

SIZES = (6, 14, 4)  # actions, objects and locations of Fluent Speech Commands


def read(labels: dict[str, list[str]], **more: Any) -> tuple[SlotData, Notes]:
    notes = Notes(Ledger("t"))
    rows = {
        part: [(Utterance(f"{part}{i}", "", 0.0, None, f"s{i}", 1.0), i, 50, label) for i, label in enumerate(of_part)]
        for part, of_part in labels.items()
    }
    return TYPE.read("ic", task_of("slots", **more), rows, 50.0, notes), notes  # type: ignore[arg-type]


def pooled(classes: int, hidden: int = 256, dim: int = 768, states: int = 13) -> PooledHead:
    mix = LayerMix(torch.zeros(states, dim), torch.ones(states, dim))
    return PooledHead(mix, hidden, classes, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("classes", "parameters"), [(12, 199_948), (sum(SIZES), 203_032), (1251, 518_371), (4, 197_892)]
)
def test_utterance_heads_of_the_published_width_have_the_published_sizes(classes: int, parameters: int) -> None:
    """KS, IC, SID and ER on 13 states of width 768, the 13 layer weights aside."""
    assert sum(p.numel() for p in pooled(classes).parameters()) - 13 == parameters


def test_the_loss_is_the_sum_of_the_slots_cross_entropies() -> None:
    head = pooled(sum(SIZES), 8, 6, 2)
    objective = Slots(Features(), head, SIZES)
    batch = {
        "states_NLD": torch.randn(5, 2, 6, generator=torch.Generator().manual_seed(1)),
        "lengths_B": torch.ones(5, dtype=torch.int64),
    }
    targets = torch.stack([torch.arange(5) % size for size in SIZES], 1)
    terms = objective({**batch, "targets": targets.flatten()}, At(0, 0, 1))
    scores = head(batch["states_NLD"], batch["lengths_B"]).split(SIZES, -1)
    expected = sum(F.cross_entropy(s, targets[:, k]) for k, s in enumerate(scores))
    assert torch.allclose(torch.as_tensor(terms["loss"].sum) / terms["loss"].weight, torch.as_tensor(expected))
    best = torch.stack([s.argmax(-1) for s in scores], 1)
    assert torch.equal(objective.values(batch), best)
    assert int(terms["accuracy"].sum) == int((best == targets).all(1).sum())


def test_an_utterance_is_right_if_all_of_its_slots_are() -> None:
    labels = {
        "train": ["on light kitchen", "off heat kitchen", "on heat hall"],
        "dev": ["on light hall"],
        "test": ["on light kitchen", "off heat hall", "on radio hall"],
    }
    data, notes = read(labels)
    assert data.values == (("off", "on"), ("heat", "light"), ("hall", "kitchen")) and data.classes == 6
    assert [e.target.tolist() for e in data.parts["test"]] == [[1, 1, 1], [0, 0, 0], [1, -1, 0]]
    assert notes.counts["ic.test.object unseen in training"] == 1
    answers = {"test0": "on light kitchen", "test1": "off light hall", "test2": "on heat hall"}
    assert TYPE.figure(data, data.parts["test"], answers) == pytest.approx(100 / 3)
    fitted: Any = type("F", (), {"predictions": answers})
    scores = TYPE.score(data, fitted, False, 1)
    assert {f.metric.name: round(f.value, 4) for f in scores.figures} == {
        "accuracy": 33.3333,
        "action": 100.0,
        "object": 33.3333,
        "location": 100.0,
    }
    assert scores.chance == 0  # all labels are as frequent: off heat kitchen, the first of them, is none of test


def test_a_label_of_two_words_names_the_utterance_and_the_slots() -> None:
    with pytest.raises(Unusable, match=r"train1 has 'on light', which is not 3 words: action object location"):
        read({"train": ["on light kitchen", "on light"], "dev": [], "test": []})


def test_slots_run_from_a_table_to_a_result(run: Callable[..., Path], corpus: Path) -> None:
    for name in ("train", "dev", "test"):
        lines = (corpus / "data" / name / "utt2lang").read_text().splitlines()
        made = [f"{id} {label} {'odd' if int(id[-1]) % 2 else 'even'}\n" for id, label in map(str.split, lines)]
        (corpus / "data" / name / "utt2both").write_text("".join(made))
    task = task_of("slots", 40, (3e-2,), "utt2both", slots=("loudness", "number"), hidden=8, batch=8)
    out = run(replace(CONFIG, tasks={"both": task}, rows=("fbank",)))
    result = results(out, "fbank", "both")
    assert result.decides.value > 80 and result.figures[1].metric.name == "loudness"  # odd ones are the loud ones


def labelled(counts: dict[str, int]) -> TaskData:
    config = task_of("classify", label="utt2word", balanced=True)
    examples = [
        Example(Utterance(f"{label}{i}", "", 0.0, None, "s", 1.0), 0, np.array([k]), label)
        for k, (label, count) in enumerate(counts.items())
        for i in range(count)
    ]
    return TaskData("ks", config, {"train": examples, "dev": examples}, list(counts), len(counts))


def test_balanced_training_draws_every_class_equally_often() -> None:
    data = labelled({"unknown": 900, "yes": 95, "silence": 5})
    rng = np.random.default_rng(1)
    drawn = [i for _ in range(9) for i in CLASSIFY.order(data, list(range(1000)), rng)]
    counts = Counter(data.parts["train"][i].reference for i in drawn)
    assert len(drawn) == 9000 and all(abs(n - 3000) < 200 for n in counts.values())  # 4.5 standard deviations


def test_balanced_dev_is_the_mean_of_the_classes_accuracies() -> None:
    data = labelled({"unknown": 40, "yes": 9, "silence": 3})
    rng = np.random.default_rng(2)
    answers = {e.id: np.array([rng.integers(3)]) for e in data.parts["dev"]}
    truth = [int(e.target[0]) for e in data.parts["dev"]]
    expected = 100 * balanced_accuracy_score(truth, [int(a[0]) for a in answers.values()])
    assert CLASSIFY.figure(data, data.parts["dev"], answers) == pytest.approx(expected)


def test_without_balance_every_utterance_comes_once() -> None:
    data = labelled({"a": 3, "b": 1})
    plain = replace(data, config=replace(data.config, balanced=False))
    assert CLASSIFY.order(plain, [3, 1, 2, 0], np.random.default_rng(0)) == [3, 1, 2, 0]
