"""The shipped configs of SUPERB's tasks say what the benchmark's paper, its code and its published sizes say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from toolkit.core.config import load_config
from toolkit.models.heads import LayerMix
from toolkit.score.config import SuperbConfig
from toolkit.tasks.base import TaskData
from toolkit.tasks.config import TasksConfig

CONF = Path(__file__).resolve().parents[2] / "egs/TEMPLATE/superb/conf"
SEVEN, THREE = tuple(10.0**-k for k in range(1, 8)), (1e-1, 1e-2, 1e-3)
# Task -> outputs of its head in the reference code, published size (13 states of width 768), steps, steps between looks
# at dev, utterances in a step, rates tried, rate of the benchmark's config.
TABLE = {
    "pr": (74, 215_882, 100_000, 1000, 16 * 2, (1e-2,), 1e-2),
    "asr": (32, 42_828_832, 200_000, 2000, 32, (1e-4,), 1e-4),
    "ks": (12, 199_948, 200_000, 5000, 32, SEVEN, 1e-4),
    "ic": (6 + 14 + 4, 203_032, 200_000, 5000, 32, SEVEN, 1e-4),
    "sid": (1251, 518_371, 200_000, 5000, 8 * 4, THREE, 1e-4),
    "er": (4, 197_892, 30_000, 1000, 4 * 8, SEVEN, 1e-4),
}


def loaded(name: str) -> TasksConfig:
    return load_config(TasksConfig, CONF / f"{name}.yaml")


@pytest.mark.parametrize("name", TABLE)
def test_a_task_has_the_benchmarks_sizes_steps_and_optimiser(name: str) -> None:
    outputs, size, steps, looks, batch, rates, _ = TABLE[name]
    config = loaded("tasks")
    task = config.resolved(config.tasks[name])
    mix = LayerMix(torch.zeros(13, 768), torch.ones(13, 768))
    data = TaskData(name, task, {}, [], outputs)
    head = task.implementation.head(data, mix, torch.Generator().manual_seed(0))
    assert sum(p.numel() for p in head.parameters()) == size + 13  # and a weight for each hidden state
    assert (task.steps, task.validate_every, task.batch) == (steps, looks, batch)
    assert task.lr == pytest.approx(rates)
    assert (task.optimizer, task.schedule, task.warmup, task.weight_decay, task.clip) == ("adam", "constant", 0, 0, 1)
    assert task.betas == (0.9, 0.999) and task.eps == 1e-8  # torch's own, which the reference leaves as they are
    assert not config.standardise and config.final_norm and config.protocol == "strict"


def test_the_benchmarks_code_has_the_same_rates_and_its_own_batches() -> None:
    config = loaded("superb-compat")
    assert config.protocol == "superb-compat" and config.schedule == "constant" and config.warmup == 0
    assert all(task.lr == pytest.approx(TABLE[name][5]) for name, task in config.tasks.items())
    batches = {"ks": 32, "ic": 32, "sid": 1, "er": 4, "pr": 1, "asr": 1}  # s3prl: ctc/data.py, EVAL_BATCH_SIZE = 1
    assert {name: task.eval_batch for name, task in config.tasks.items()} == batches
    assert {name for name, task in config.tasks.items() if task.gain_db} == {"ks"} and config.tasks["ks"].gain_db == -3
    strict = loaded("tasks").tasks
    for name, task in config.tasks.items():
        assert (task.steps, task.batch, task.sets) == (strict[name].steps, strict[name].batch, strict[name].sets)


def test_star_has_schedules_and_ten_times_the_rate_for_speakers() -> None:
    config = loaded("star")
    assert (config.protocol, config.schedule) == ("star", "linear")
    rises = {"pr": 1400, "asr": 1400, "ks": 1400, "ic": 1000, "sid": 5000, "er": 1400}
    assert {name: task.warmup for name, task in config.tasks.items()} == rises
    rates = {name: row[-1] * (10 if name == "sid" else 1) for name, row in TABLE.items()}
    assert {name: task.lr for name, task in config.tasks.items()} == {
        n: pytest.approx((lr,)) for n, lr in rates.items()
    }


def test_measures_name_tasks_and_every_set_is_one_that_a_corpus_module_writes() -> None:
    measures = load_config(SuperbConfig, CONF / "superb.yaml").measures
    config = loaded("tasks")
    assert {value.split()[0] for value in measures.values()} == {*config.tasks}
    written = {
        name
        for corpus in ("librispeech", "speech_commands", "fluent_speech_commands", "voxceleb1", "iemocap")
        for name in _sets_of(corpus)
    }
    assert {task.sets.of(part) for task in config.tasks.values() for part in ("train", "dev", "test")} <= written


def _sets_of(corpus: str) -> set[str]:
    """Names of sets of a corpus module: those with published counts, and the dev set of one whose dev is its own."""
    from importlib import import_module

    module = import_module(f"toolkit.data.corpora.{corpus}")
    if corpus == "librispeech":
        return {module.set_name(subset) for subset in module.SUBSETS}
    if corpus == "iemocap":
        return {"iemocap"}
    return {*module.PUBLISHED, *([module.DEV] if corpus == "speech_commands" else [])}
