"""Cross-entropy of single labels: what counts, what is trained, and at which rate."""

import pytest
import torch
from networks import TINY

from toolkit.models.encoder import load_encoder
from toolkit.models.heads import FrameHead, LayerMix
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.train.objectives.classify import NO_LABEL, Classify, Features
from toolkit.train.probe_upstream import Tuned

FRAMES, CLASSES = 30, 4


def head(layers: int = 2, dim: int = 3) -> FrameHead:
    mix = LayerMix(torch.zeros(layers, dim), torch.ones(layers, dim))
    return FrameHead(mix, CLASSES, torch.Generator().manual_seed(0))


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    states = torch.randn(FRAMES, 2, 3, generator=torch.Generator().manual_seed(1))
    return {"states_NLD": states, "lengths_B": torch.tensor([FRAMES])}


def test_loss_and_accuracy_are_of_the_frames_that_have_a_label(batch: dict[str, torch.Tensor]) -> None:
    objective = Classify(Features(), head())
    targets = objective.predict(batch)
    targets[10:] = (targets[10:] + 1) % CLASSES
    targets[25:] = NO_LABEL
    losses = objective({**batch, "targets": targets}, 0)
    right, count = losses.sums["accuracy"]
    assert (int(right), int(count), int(losses.weight)) == (10, 25, 25)
    log_p = objective.scores(batch)[0].double().log_softmax(-1)
    expected = -sum(log_p[t, targets[t]].item() for t in range(25))
    assert losses.total.item() == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Classify:
    folder = tmp_path_factory.mktemp("it1") / "base"
    network = Hubert(TINY)
    initialise(network, TINY, torch.Generator().manual_seed(9))
    save_pretrained(network, folder / "hf")
    return Classify(Tuned(load_encoder(folder)), head(3, 16), 0.25)


def test_a_tuned_network_stays_in_eval_mode_while_its_head_trains(tuned: Classify) -> None:
    """Dropout and layerdrop of 0.1 and 0.05 would otherwise leave out states that the head expects."""
    tuned.train()
    assert tuned.training and tuned.head.training
    assert isinstance(tuned.features, Tuned)
    assert not any(module.training for module in tuned.features.encoder.modules())
    waves = {"wave_N": torch.randn(4000), "samples_B": torch.tensor([2500, 1500])}
    assert torch.equal(tuned.features(waves)[0], tuned.features(waves)[0])


def test_a_tuned_network_has_a_rate_of_its_own_and_every_parameter_one_group(tuned: Classify) -> None:
    groups = tuned.groups()
    assert [group["lr_scale"] for group in groups] == [1.0, 0.25]
    assert {id(p) for p in groups[0]["params"]} == {id(p) for p in tuned.head.parameters()}
    assert {id(p) for p in groups[1]["params"]} == {id(p) for p in tuned.features.parameters() if p.requires_grad}


def test_a_head_on_features_made_beforehand_is_all_that_trains() -> None:
    objective = Classify(Features(), head(), 0.25)
    (group,) = objective.groups()
    assert {id(p) for p in group["params"]} == {id(p) for p in objective.parameters()}
