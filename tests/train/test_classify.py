"""Cross-entropy of single labels: what counts, what is trained, and at which rate."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import TINY

from toolkit.models.encoder import Encoder, load_encoder
from toolkit.models.heads import FrameHead, LayerMix
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.tasks.upstream import NEARLY, Tuned, together
from toolkit.train.engine.objective import At
from toolkit.train.objectives.classify import NO_LABEL, Classify, Features

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
    targets = objective.classes(batch)
    targets[10:] = (targets[10:] + 1) % CLASSES
    targets[25:] = NO_LABEL
    losses = objective({**batch, "targets": targets}, At(0, 0, 1))
    right, count, _ = losses["accuracy"]
    assert (int(right), int(count), int(losses["loss"].weight)) == (10, 25, 25)
    log_p = objective.scores(batch)[0].double().log_softmax(-1)
    expected = -sum(log_p[t, targets[t]].item() for t in range(25))
    assert losses["loss"].sum.item() == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Classify:
    folder = tmp_path_factory.mktemp("it1") / "base"
    network = Hubert(TINY)
    initialise(network, TINY, torch.Generator().manual_seed(9))
    save_pretrained(network, folder / "hf")
    return Classify(Tuned(load_encoder(folder)), head(3, 16), 0.25)


def test_a_tuned_network_drops_out_in_training_but_leaves_no_block_out(tuned: Classify) -> None:
    """Layerdrop of 0.05 would otherwise leave out states that the head expects."""
    waves = {"wave_N": torch.randn(4000), "samples_B": torch.tensor([2500, 1500])}
    tuned.train()
    passes = [tuned.features(waves)[0] for _ in range(50)]
    assert {x.shape for x in passes} == {(7 + 4, 3, 16)} and not torch.equal(passes[0], passes[1])
    tuned.eval()
    assert torch.equal(tuned.features(waves)[0], tuned.features(waves)[0])


def test_frozen_convolutions_stay_as_they_are(tuned: Classify) -> None:
    features = tuned.features
    assert isinstance(features, Tuned)
    frozen = Tuned(features.encoder, freeze_convolutions=True)
    frozen({"wave_N": torch.randn(4000), "samples_B": torch.tensor([4000])})[0].sum().backward()
    moved = {name for name, p in frozen.encoder.model.named_parameters() if p.grad is not None}
    assert moved and not [name for name in moved if name.startswith("feature_extractor.")]
    assert "feature_projection.projection.weight" in moved


def test_a_tuned_network_has_a_rate_of_its_own_and_every_parameter_one_group(tuned: Classify) -> None:
    groups = tuned.groups()
    assert [group["lr_scale"] for group in groups] == [1.0, 0.25]
    assert {id(p) for p in groups[0]["params"]} == {id(p) for p in tuned.head.parameters()}
    assert {id(p) for p in groups[1]["params"]} == {id(p) for p in tuned.features.parameters() if p.requires_grad}


@pytest.mark.parametrize("norm", ["group", "layer"])
@pytest.mark.parametrize("chosen", [(), (0, 2)])
def test_utterances_together_give_the_states_and_gradients_of_each_alone(norm: Any, chosen: tuple[int, ...]) -> None:
    config = replace(TINY, feat_extract_norm=norm, do_stable_layer_norm=norm == "layer")
    network = Hubert(config)
    initialise(network, config, torch.Generator().manual_seed(9))
    tuned = Tuned(Encoder(network.double(), "it1.base", norm == "layer"), chosen)
    generator, samples = torch.Generator().manual_seed(1), [2500, 4000, 3999, 420, 4000, 3700]
    waves = [torch.randn(n, generator=generator).double() + 0.1 * i for i, n in enumerate(samples)]
    assert len(together(samples, NEARLY)) == 3

    def gradients(frames: torch.Tensor) -> dict[str, torch.Tensor]:
        (frames * torch.arange(1, len(frames) + 1)[:, None, None]).square().sum().backward()
        grads = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
        network.zero_grad()
        return grads

    frames, lengths = tuned({"wave_N": torch.cat(waves), "samples_B": torch.tensor(samples)})
    layers = chosen or range(config.num_hidden_layers + 1)
    alone = [torch.stack([tuned.encoder.states(w[None])[k][0] for k in layers], 1) for w in waves]
    torch.testing.assert_close(frames, torch.cat(alone), atol=1e-5, rtol=1e-5)
    assert lengths.tolist() == [len(x) for x in alone] == [config.frames(n) for n in samples]
    after, wanted = gradients(frames), gradients(torch.cat(alone))
    noise = 1e-7 * max(float(grad.abs().max()) for grad in wanted.values())  # a key's bias has a gradient of 0
    torch.testing.assert_close(after, wanted, atol=noise, rtol=1e-4)


def test_a_network_that_cannot_tell_padding_from_speech_sees_none() -> None:
    seen: list[tuple[int, ...]] = []

    class Foreign(torch.nn.Module):
        """Has what Encoder asks of a model of transformers: one layer, a frame every 320 samples."""

        def __init__(self) -> None:
            super().__init__()
            self.config = replace(TINY, num_hidden_layers=1, hidden_size=2)
            self.encoder = torch.nn.Module()
            self.encoder.layers = torch.nn.ModuleList([torch.nn.Identity()])

        def forward(self, wave_BN: torch.Tensor) -> None:
            seen.append(tuple(wave_BN.shape))
            frames = self.config.frames(wave_BN.shape[1])
            self.encoder.layers[0](wave_BN[:, : 2 * frames].unflatten(1, (frames, 2)))

    tuned = Tuned(Encoder(Foreign(), "foreign", False))
    waves = [torch.full((n,), float(i)) for i, n in enumerate((2000, 3000, 2000, 2999))]
    frames, lengths = tuned({"wave_N": torch.cat(waves), "samples_B": torch.tensor([len(w) for w in waves])})
    assert seen == [(1, 3000), (1, 2999), (2, 2000)]
    assert frames[:, 0, 0].tolist() == [i for i, n in enumerate(lengths.tolist()) for _ in range(n)]
    with pytest.raises(ValueError, match="one length only"):
        tuned.encoder.states(torch.zeros(2, 3000), [3000, 2000])


@given(st.lists(st.integers(1, 100), min_size=1), st.floats(0, 1))
def test_groups_hold_every_utterance_once_and_little_padding(lengths: list[int], nearly: float) -> None:
    groups = together(lengths, nearly)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    for group in groups:
        assert min(lengths[i] for i in group) >= nearly * max(lengths[i] for i in group)


def test_a_head_on_features_made_beforehand_is_all_that_trains() -> None:
    objective = Classify(Features(), head(), 0.25)
    (group,) = objective.groups()
    assert {id(p) for p in group["params"]} == {id(p) for p in objective.parameters()}


def test_a_class_of_dev_that_training_lacks_does_not_count_in_the_loss(batch: dict[str, torch.Tensor]) -> None:
    objective = Classify(Features(), head())
    targets = torch.arange(FRAMES) % CLASSES
    targets[:5] = CLASSES + 2
    terms = objective({**batch, "targets": targets}, At(0, 0, 1))
    rest = objective({**batch, "targets": torch.where(targets < CLASSES, targets, NO_LABEL)}, At(0, 0, 1))
    assert terms["loss"].sum == rest["loss"].sum and terms["loss"].weight == FRAMES - 5
