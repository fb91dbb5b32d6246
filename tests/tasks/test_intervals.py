"""What is drawn anew for a task's intervals: speakers where there are enough of them, else utterances."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tones import task_of

from toolkit.core.results import Figure, TaskResult
from toolkit.core.schema import read
from toolkit.data.kaldi import Utterance
from toolkit.score.bootstrap import ratio_interval
from toolkit.tasks.base import Example, Fitted, TaskData
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.results import write_results
from toolkit.tasks.spelt import Spelling
from toolkit.tasks.upstream import Row
from toolkit.text.tokens import Characters

SPEAKERS, EACH, FRAMES = 6, 5, 20
LIMITS = {"frames": (0.0, 1.0), "classify": (0.0, 1.0), "ctc": (0.0, np.inf)}


def task(type: Any) -> TasksConfig:
    """A task `t` of that type."""
    label = "utt2lang" if type == "classify" else ""
    return TasksConfig(tasks={"t": task_of(type, label=label)}, seed=3)


def scored(folder: Path, row: str, type: str, seed: int, speakers: int = SPEAKERS, one_each: bool = False) -> Path:
    """Result files of a row whose speakers are read well and badly; with `one_each` a speaker is a label."""
    rng, config, examples, predictions = np.random.default_rng(seed), task(type), [], {}
    for i in range(SPEAKERS * EACH):
        speaker = i % speakers
        utterance = Utterance(f"u{i:02d}", "", 0.0, None, f"متحدث{speaker}", 1.0)
        wrong = rng.uniform(size=FRAMES) < 0.1 + 0.12 * speaker
        if type == "ctc":
            target, reference = np.zeros(FRAMES, np.int64), "ب" * FRAMES
            predictions[utterance.id] = "".join("ت" if w else "ب" for w in wrong)
        else:
            size = FRAMES if type == "frames" else 1
            target = np.full(size, speaker if one_each else i // speakers % 2)
            target[: size // 4] = -1  # frames without a phone
            predictions[utterance.id], reference = np.where(wrong[:size], 1 - target % 2, target), ""
        examples.append(Example(utterance, i, target, reference))
    labels, parts = [f"l{n}" for n in range(speakers)], {"train": examples, "dev": [], "test": examples}
    fields = ("t", config.tasks["t"], parts, labels, speakers)
    data = Spelling(*fields, Characters(["بت"])) if type == "ctc" else TaskData(*fields)
    (folder / row).mkdir()
    write_results(folder / row, Row(row, row, row), config, data, Fitted(0.1, {}, predictions, [1.0], {}))
    return folder / row


def counts(folder: Path) -> tuple[list[str], np.ndarray]:
    """Speakers [N], and what was counted of how much [N, 2], by the first metric of the items' table."""
    rows = [line.split("\t") for line in (folder / "t.items.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    return [row[1] for row in rows], np.array([[float(row[4]), float(row[5])] for row in rows])


def figure_of(folder: Path) -> Figure:
    """The deciding figure of the task."""
    return read(TaskResult, folder / "t.json", lambda path, why: AssertionError(f"{path}: {why}")).decides


@pytest.mark.parametrize("type", ["frames", "classify", "ctc"])
def test_intervals_are_drawn_over_speakers(type: str, tmp_path: Path) -> None:
    folder, seed = scored(tmp_path, "it1.base", type, 1), 3
    speakers, mine = counts(folder)
    result = figure_of(folder)
    assert (result.blocks, result.block_count) == ("speaker", SPEAKERS)
    one = ratio_interval(mine[:, 0], mine[:, 1], speakers, seed, LIMITS[type])
    assert [result.low, result.value, result.high] == pytest.approx([100 * one.low, 100 * one.estimate, 100 * one.high])
    over_utterances = ratio_interval(mine[:, 0], mine[:, 1], None, seed, LIMITS[type])
    assert one.high - one.low > 1.5 * (over_utterances.high - over_utterances.low)  # the choice tells


@pytest.mark.parametrize(
    ("speakers", "one_each"), [(3, False), (SPEAKERS, True)], ids=["few speakers", "a speaker a label"]
)
def test_utterances_are_drawn_where_speakers_are_few_or_each_label_has_one(
    speakers: int, one_each: bool, tmp_path: Path
) -> None:
    folder = scored(tmp_path, "fbank", "classify", 1, speakers, one_each)
    result, (_, mine) = figure_of(folder), counts(folder)
    assert (result.blocks, result.block_count) == ("utterance", SPEAKERS * EACH)
    one = ratio_interval(mine[:, 0], mine[:, 1], None, 3, (0.0, 1.0))
    assert (result.low, result.high) == pytest.approx((100 * one.low, 100 * one.high))
