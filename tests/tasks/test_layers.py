"""Heads on one state alone, and on some of the states; and room for the states on the disk."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from noises import SHAPE, noise_corpus
from safetensors.torch import load_file
from tones import results, task_of

from toolkit.core.errors import UserError
from toolkit.core.results import LayerResults, System, TaskResult
from toolkit.core.rows import ABOUT
from toolkit.core.schema import read
from toolkit.core.step import Step
from toolkit.models.encoder import encoder_shape
from toolkit.tasks import fit
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.feed import Feed
from toolkit.tasks.unit import Fit
from toolkit.tasks.upstream import Network

TASKS = {
    "phone": task_of("frames", steps=3, lr=(1e-2, 1e-3), batch=2),
    "dialect": task_of("classify", label="utt2lang", steps=3, lr=(1e-2,), batch=2),
}
CONFIG = TasksConfig(tasks=TASKS, rows=("models",), cost_utterances=1, cost_seconds=0.1, checkpoint_every=1)
LAYER_WISE = replace(CONFIG, layer_wise=True)
STATES = SHAPE.num_hidden_layers + 1


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise_corpus(tmp_path_factory.mktemp("corpus"))


def run(corpus: Path, config: TasksConfig, out: Path) -> Path:
    out.mkdir(exist_ok=True)
    fit.run(Step(config, [corpus / "data", corpus / "exp/it1/base"], out, ["tasks.fit"]))
    return out


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(corpus, LAYER_WISE, tmp_path_factory.mktemp("whole"))


def unread(path: Path, why: str) -> Exception:
    return AssertionError(f"{path}: {why}")


def layers(out: Path) -> LayerResults:
    return read(LayerResults, out / "it1.base/layers.json", unread)


def test_each_state_alone_scores_as_it_does_where_no_other_is_cached(corpus: Path, whole: Path, tmp_path: Path) -> None:
    for layer in range(STATES):
        out = run(corpus, replace(CONFIG, cache_layers=(layer,)), tmp_path / f"{layer}")
        for task in TASKS:
            single = read(TaskResult, out / f"it1.base/{task}.json", unread)
            (result,) = (entry for entry in layers(whole).tasks if entry.task == task)
            assert result.test.keys() == set(range(STATES)) == result.dev.keys()
            assert result.test[layer] == single.decides
            assert (result.title, result.chance) == (single.title, single.chance)
            assert single.chosen.layer_weights is None
            if len(TASKS[task].lr) > 1:
                assert result.dev[layer] == single.chosen.dev[f"{single.chosen.lr:g}"]


def test_layers_are_measured_on_dev_even_where_there_is_one_rate(whole: Path) -> None:
    (dialect,) = (entry for entry in layers(whole).tasks if entry.task == "dialect")
    assert len(dialect.dev) == STATES and all(0 <= percent <= 100 for percent in dialect.dev.values())


def test_a_layer_wise_run_leaves_one_file_a_row(whole: Path) -> None:
    assert [p.name for p in (whole / "it1.base").iterdir() if p.name != ABOUT] == ["layers.json"]
    system = layers(whole).system
    assert (system.name, system.title, system.model) == ("it1.base", "iteration 1 (it1.base)", "it1.base")
    assert not (whole / "work").exists()


def test_features_of_all_layers_are_computed_once(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, honest = [], Network.states

    def counted(self: Network, wave_N: torch.Tensor) -> torch.Tensor:
        seen.append(len(wave_N))
        return honest(self, wave_N)

    monkeypatch.setattr(Network, "states", counted)
    run(corpus, LAYER_WISE, tmp_path)
    assert len(seen) == 6 + 3 + 3  # utterances of train, dev and test


def test_a_layer_that_is_done_is_not_done_again_after_a_stop(
    corpus: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, train, trained = Feed.step, Fit._train, []

    def begins(self: Fit, lr: float, folder: Path) -> Any:
        trained.append(self.label)
        return train(self, lr, folder)

    def step(self: Feed, number: int, micro: int) -> dict[str, Any]:
        if trained[-1] == "it1.base phone layer 1" and number == 1 and "stopped" not in trained:
            trained.append("stopped")
            raise KeyboardInterrupt
        return honest(self, number, micro)

    monkeypatch.setattr(Fit, "_train", begins)
    monkeypatch.setattr(Feed, "step", step)
    with pytest.raises(KeyboardInterrupt):
        run(corpus, LAYER_WISE, tmp_path)
    before = len(trained)
    run(corpus, LAYER_WISE, tmp_path)
    assert "it1.base phone layer 0" in trained[:before] and "it1.base phone layer 0" not in trained[before:]
    path = "it1.base/layers.json"
    assert (tmp_path / path).read_bytes() == (whole / path).read_bytes()


def test_heads_mix_only_the_states_that_are_cached(corpus: Path, tmp_path: Path) -> None:
    rows = ("fbank", "random", "models")
    out = run(corpus, replace(CONFIG, rows=rows, cache_layers=(1,)), tmp_path)
    for row in ("fbank", "random.it1.base", "it1.base"):
        assert load_file(out / row / "phone.safetensors")["head.mix.mean_LD"].shape[0] == 1
        assert read(TaskResult, out / row / "phone.json", unread).chosen.layer_weights is None
    assert read(System, out / "it1.base/row.json", unread).layers == 1


def test_a_fine_tuned_network_gives_the_states_that_are_named(corpus: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, tasks={"phone": TASKS["phone"]}, freeze=False, cache_layers=(0,))
    out = run(corpus, config, tmp_path)
    assert read(TaskResult, out / "it1.base.tuned/phone.json", unread).chosen.layer_weights is None


def test_a_state_that_a_network_has_not_is_refused_by_name(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cache_layers names state 2, and it1\.base has states 0 to 1"):
        run(corpus, replace(CONFIG, cache_layers=(0, 2)), tmp_path)


@pytest.mark.parametrize("numbers", [(0, 0), (4, 2), (-1, 3)])
def test_states_must_be_rising_numbers(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cache_layers must be rising"):
        replace(CONFIG, cache_layers=numbers)
    with pytest.raises(ValueError, match="states must be rising"):
        replace(TASKS["phone"], states=numbers)


def test_a_task_gets_the_states_that_its_section_names(corpus: Path, tmp_path: Path) -> None:
    """As where these are the only ones that are computed; the other task keeps all."""
    own = {**TASKS, "phone": replace(TASKS["phone"], states=(1,))}
    mixed = run(corpus, replace(CONFIG, tasks=own), tmp_path / "mixed")
    alone = run(corpus, replace(CONFIG, cache_layers=(1,)), tmp_path / "alone")
    whole = run(corpus, CONFIG, tmp_path / "whole")
    for task, same in (("phone", alone), ("dialect", whole)):
        name = f"it1.base/{task}.safetensors"
        assert (mixed / name).read_bytes() == (same / name).read_bytes()
        result = results(mixed, "it1.base", task)
        assert result.states == ((1,) if task == "phone" else ())
        assert replace(result, states=()) == results(same, "it1.base", task)


def test_states_that_are_not_there_are_refused_by_the_tasks_name(corpus: Path, tmp_path: Path) -> None:
    far = {"phone": replace(TASKS["phone"], states=(0, 5))}
    with pytest.raises(UserError, match=r"tasks\.phone\.states names state 5, and it1\.base has states 0 to 1"):
        run(corpus, replace(CONFIG, tasks=far), tmp_path)
    with pytest.raises(ValueError, match=r"tasks\.phone\.states: state 5 is not in cache_layers"):
        replace(CONFIG, tasks=far, cache_layers=(0, 1))
    with pytest.raises(ValueError, match="with layer_wise a head gets one state"):
        replace(LAYER_WISE, tasks=far)


def test_layers_of_a_network_that_trains_are_refused() -> None:
    with pytest.raises(ValueError, match="layer_wise needs freeze"):
        replace(LAYER_WISE, freeze=False)


def test_the_shape_is_told_without_the_weights(corpus: Path) -> None:
    assert encoder_shape(corpus / "exp/it1/base") == (SHAPE.hidden_size, SHAPE.num_hidden_layers)
