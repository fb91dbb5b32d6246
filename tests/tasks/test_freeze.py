"""What trains in a row of the probes, and by which set features are standardised; on a dozen noises."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from noises import noise_corpus
from safetensors.torch import load_file
from tones import task_of

from toolkit.core.files import read_json
from toolkit.core.step import Step
from toolkit.data.kaldi import DataDir
from toolkit.models.encoder import load_encoder
from toolkit.tasks import fit
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.feed import Feed
from toolkit.tasks.upstream import Fbank

TASK = task_of("frames", steps=3, lr=(1e-2,), batch=2)
CONFIG = TasksConfig(tasks={"phone": TASK}, rows=("fbank", "models"), cost_utterances=1, cost_seconds=0.1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise_corpus(tmp_path_factory.mktemp("corpus"))


def run(corpus: Path, config: TasksConfig, out: Path) -> Path:
    fit.run(Step(config, [corpus / "data", corpus / "exp/it1/base"], out, ["tasks.fit"]))
    return out


@pytest.mark.parametrize("freeze", [True, False])
def test_a_frozen_network_is_no_part_of_what_is_trained_and_another_is(
    freeze: bool, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_encoder(corpus / "exp/it1/base").state_dict()
    out = run(corpus, replace(CONFIG, freeze=freeze), tmp_path)
    row = "it1.base" if freeze else "it1.base.tuned"
    names = {name: load_file(out / name / "phone.safetensors") for name in ("fbank", row)}
    assert all(name.startswith("head.") for name in names["fbank"])
    assert read_json(out / "fbank/row.json").get("frozen", True) is True
    network = {n.removeprefix("features.encoder."): t for n, t in names[row].items() if n[:5] != "head."}
    assert network.keys() == (set() if freeze else before.keys())
    assert freeze or any(not torch.equal(t, before[n]) for n, t in network.items())
    assert read_json(out / row / "row.json").get("frozen", True) is freeze


def test_a_networks_own_rate_is_the_one_of_the_config(corpus: Path, tmp_path: Path) -> None:
    """All but frozen at a billionth of the head's rate; weight decay goes by the rate too."""
    before = load_encoder(corpus / "exp/it1/base").state_dict()
    moved = {}
    for rate in (1e-9, 1.0):
        config = replace(CONFIG, rows=("models",), freeze=False, encoder_lr=rate)
        after: Any = load_file(run(corpus, config, tmp_path / f"{rate}") / "it1.base.tuned/phone.safetensors")
        moved[rate] = max(float((after[f"features.encoder.{n}"] - t).abs().max()) for n, t in before.items())
    assert moved[1e-9] < 1e-6 < 1e-3 < moved[1.0]


KILLED = """
import os, signal, sys
from pathlib import Path
here = Path(sys.argv[1])
sys.path[:0] = [str(here), str(here.parent)]
from test_freeze import TUNED, run
from toolkit.train.engine import loop
honest = loop.save
def save(out, state, *rest):
    honest(out, state, *rest)
    if out.name == "lr1" and state.step == 2:
        os.kill(os.getpid(), signal.SIGKILL)
loop.save = save
run(Path(sys.argv[2]), TUNED, Path(sys.argv[3]))
"""
TUNED = replace(
    CONFIG,
    tasks={"phone": replace(TASK, lr=(1e-2, 1e-3), batch=3)},
    rows=("models",),
    freeze=False,
    checkpoint_every=1,
)


def test_a_network_whose_tuning_was_killed_ends_with_the_same_bytes(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kill falls into the second rate, after a checkpoint: the first rate is not trained again."""
    whole, killed = (tmp_path / name for name in ("whole", "killed"))
    run(corpus, TUNED, whole)
    argv = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(corpus), str(killed)]
    ended = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not (killed / "it1.base.tuned/phone.json").exists()
    honest, steps = Feed.step, []

    def step(self: Feed, number: int, micro: int) -> dict[str, Any]:
        steps.append(number)
        return honest(self, number, micro)

    monkeypatch.setattr(Feed, "step", step)
    run(corpus, TUNED, killed)
    assert steps == [2], "goes on from the checkpoint of the second rate"
    for name in ("phone.json", "phone.hyp", "phone.items.tsv", "phone.safetensors", "row.json"):
        path = f"it1.base.tuned/{name}"
        assert (killed / path).read_bytes() == (whole / path).read_bytes()


def test_features_are_standardised_by_the_frames_of_the_training_set(corpus: Path, tmp_path: Path) -> None:
    out = run(corpus, replace(CONFIG, rows=("fbank",)), tmp_path)
    head = load_file(out / "fbank/phone.safetensors")
    states = [Fbank().states(torch.from_numpy(u.audio()))[:, 0] for u in DataDir.read(corpus / "data/train")]
    frames_ND = torch.cat(states).double()
    torch.testing.assert_close(head["head.mix.mean_LD"][0].double(), frames_ND.mean(0), atol=2e-2, rtol=0)
    torch.testing.assert_close(head["head.mix.std_LD"][0].double(), frames_ND.std(0), atol=2e-2, rtol=0)
