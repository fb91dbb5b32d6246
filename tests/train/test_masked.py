"""Masks and loss of masked prediction against the published formulas."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.models.config import HubertConfig
from toolkit.models.hubert import Hubert, initialise
from toolkit.train.engine.objective import At
from toolkit.train.objectives.config import MaskedConfig
from toolkit.train.objectives.masked import MaskedPrediction, draw_mask

PUBLISHED = MaskedConfig()
NETWORK = HubertConfig(
    num_hidden_layers=1,
    hidden_size=16,
    intermediate_size=24,
    num_attention_heads=2,
    conv_dim=(8,) * 7,
    num_conv_pos_embeddings=8,
    num_conv_pos_embedding_groups=2,
    hidden_dropout=0.0,
    attention_dropout=0.0,
    feat_proj_dropout=0.0,
    layerdrop=0.0,
)


def objective(config: MaskedConfig = PUBLISHED, units: int = 11) -> MaskedPrediction:
    network = Hubert(NETWORK)
    initialise(network, NETWORK, torch.Generator().manual_seed(0))
    return MaskedPrediction(network, replace(config, final_dim=12), units, 0)


def batch(rows: int = 2, frames: int = 60, units: int = 11) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {
        "wave_BN": torch.randn(rows, 400 + 320 * (frames - 1), generator=generator),
        "labels_BT": torch.randint(0, units, (rows, frames), generator=generator),
    }


def naive_loss(
    hidden_MD: torch.Tensor, labels_M: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, units: torch.Tensor
) -> torch.Tensor:
    """fairseq's compute_nce in float64: cosine of each prediction to the positive, put first, and to all K units,
    a tensor (K + 1, M, P); the unit equal to the positive is -inf among the negatives; cross-entropy with target 0."""
    predicted_MP = hidden_MD.double() @ weight.double().T + bias.double()
    positive_MP = units.double()[labels_M]
    negatives_KMP = units.double()[:, None].expand(-1, len(labels_M), -1)
    targets = torch.cat([positive_MP[None], negatives_KMP])
    logits = torch.cosine_similarity(predicted_MP[None].expand_as(targets), targets, dim=-1) / 0.1
    same = (positive_MP[None] == negatives_KMP).all(-1)
    logits[1:][same] = float("-inf")
    zero = torch.zeros(len(labels_M), dtype=torch.long)
    return torch.nn.functional.cross_entropy(logits.T, zero, reduction="sum")


@pytest.mark.parametrize("unmasked_weight, penalty", [(0.0, 10.0), (0.0, 0.0), (1.0, 0.1), (0.5, 10.0)])
def test_the_loss_is_the_published_one_in_float64(unmasked_weight: float, penalty: float) -> None:
    config = replace(PUBLISHED, unmasked_weight=unmasked_weight, penalty=penalty)
    model, data = objective(config).double().eval(), batch()
    model.logits = lambda h: double_logits(model, h)  # type: ignore[method-assign]  # the loop's loss is in float32
    data["wave_BN"] = data["wave_BN"].double()
    losses = model(data, At(7, 0, 1))
    mask = torch.from_numpy(draw_mask(model.config, 2, 60, np.random.default_rng(7)))
    hidden, conv_BTC = model.hubert(data["wave_BN"], mask)
    head = (model.final_proj.weight, model.final_proj.bias, model.unit_embeddings)
    weight = int(mask.sum())
    expected = naive_loss(hidden[mask], data["labels_BT"][mask], *head)
    if unmasked_weight:
        expected = expected + unmasked_weight * naive_loss(hidden[~mask], data["labels_BT"][~mask], *head)
        weight = mask.numel()
    expected = expected + penalty * conv_BTC.pow(2).mean() * weight
    assert losses["loss"].weight == weight
    assert losses["loss"].sum.item() == pytest.approx(expected.item(), rel=1e-6)


def test_logged_means_are_of_the_frames_that_they_name() -> None:
    model, data = objective(replace(PUBLISHED, unmasked_weight=0.5)).eval(), batch()
    losses = model(data, At(7, 0, 1))
    mask = torch.from_numpy(draw_mask(model.config, 2, 60, np.random.default_rng(7)))
    hidden, conv_BTC = model.hubert(data["wave_BN"], mask)
    loss_M, right_M = model.frame_losses(hidden.flatten(0, 1), data["labels_BT"].flatten())
    for name, where_M in (("masked", mask.flatten()), ("unmasked", ~mask.flatten())):
        for kind, values_M in (("loss", loss_M), ("accuracy", right_M)):
            top, bottom, _ = losses[f"{kind}_{name}"]
            assert top.item() == pytest.approx(values_M[where_M].float().sum().item(), rel=1e-5)
            assert bottom == int(where_M.sum())
    top, bottom, _ = losses["conv_square"]
    assert top.item() / bottom == pytest.approx(conv_BTC.pow(2).mean().item(), rel=1e-5)


def double_logits(model: MaskedPrediction, hidden_MD: torch.Tensor) -> torch.Tensor:
    unit = torch.nn.functional.normalize
    return unit(model.final_proj(hidden_MD), dim=-1) @ unit(model.unit_embeddings, dim=-1).T / model.config.temperature


@given(st.integers(1, 40), st.integers(2, 30), st.integers(1, 24), st.integers(0, 10**6))
@settings(max_examples=50)
def test_logits_are_cosines_over_the_temperature(frames: int, units: int, dim: int, seed: int) -> None:
    model = objective(units=units)
    torch.manual_seed(seed)
    hidden, labels = torch.randn(frames, 16), torch.randint(0, units, (frames,))
    loss_M, right_M = model.frame_losses(hidden, labels)
    head = (model.final_proj.weight, model.final_proj.bias, model.unit_embeddings)
    assert loss_M.sum().item() == pytest.approx(naive_loss(hidden, labels, *head).item(), rel=1e-4)
    assert torch.equal(right_M, double_logits(model, hidden).argmax(1) == labels)


def test_gradients_equal_those_of_the_published_formula() -> None:
    model = objective()
    hidden = torch.randn(30, 16, requires_grad=True)
    labels = torch.randint(0, 11, (30,))
    mine = torch.autograd.grad(
        model.frame_losses(hidden, labels)[0].sum(), [hidden, *model.final_proj.parameters(), model.unit_embeddings]
    )
    head = (model.final_proj.weight, model.final_proj.bias, model.unit_embeddings)
    theirs = torch.autograd.grad(
        naive_loss(hidden, labels, *head), [hidden, *model.final_proj.parameters(), model.unit_embeddings]
    )
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b.float(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_the_penaltys_gradient_is_that_of_the_bare_features_scaled_as_theirs(scale: float) -> None:
    """Taken before the feature norm: what the penalty adds to the gradient is that of mean(conv²) per frame."""
    data, gradients = batch(), {}
    for penalty in (0.0, 2.0):
        model = objective(replace(PUBLISHED, penalty=penalty)).double()
        model.hubert.config = replace(NETWORK, feature_grad_mult=scale)
        first = model.hubert.feature_extractor.conv_layers[0].conv.weight
        losses = model({**data, "wave_BN": data["wave_BN"].double()}, At(7, 0, 1))["loss"]
        gradients[penalty] = torch.autograd.grad(losses.sum, first)[0] / losses.weight
    x_BCT = data["wave_BN"].double()[:, None]
    for layer in model.hubert.feature_extractor.conv_layers:
        x_BCT = layer(x_BCT)
    (expected,) = torch.autograd.grad(x_BCT.pow(2).mean(), first)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(gradients[2.0] - gradients[0.0], 2.0 * scale * expected, atol=1e-5, rtol=1e-3)


def peer_mask(rows: int, frames: int, prob: float, span: int, random: np.random.Generator) -> np.ndarray:
    """fairseq's compute_mask_indices(mask_type="static", min_masks=2), one row at a time, without its trimming."""
    mask = np.zeros((rows, frames), bool)
    for row in mask:
        n = max(2, int(prob * frames / float(span) + random.random()))
        for start in random.choice(frames - span, n, replace=False):
            row[start : start + span] = True
    return mask


def test_about_57_percent_are_masked_before_trimming() -> None:
    mask = draw_mask(replace(PUBLISHED, trim=False), 400, 750, np.random.default_rng(0))
    expected = peer_mask(400, 750, 0.8, 10, np.random.default_rng(1))
    assert mask.mean() == pytest.approx(expected.mean(), abs=0.004)
    assert mask.mean() == pytest.approx(0.567, abs=0.005)


def test_places_in_an_utterance_are_masked_as_often_as_published() -> None:
    mask = draw_mask(replace(PUBLISHED, trim=False), 20000, 50, np.random.default_rng(0)).mean(0)
    expected = peer_mask(20000, 50, 0.8, 10, np.random.default_rng(1)).mean(0)
    assert np.abs(mask - expected).max() < 0.02  # 4 standard errors of a difference


@pytest.mark.parametrize("frames", [14, 56, 61])
def test_the_number_of_masks_is_rounded_at_random_as_published(frames: int) -> None:
    """Where prob · T / span is no whole number: max(2, int(1.12 + U)), int(4.48 + U), int(4.88 + U) masks."""
    mask = draw_mask(replace(PUBLISHED, trim=False), 20000, frames, np.random.default_rng(0)).mean(0)
    expected = peer_mask(20000, frames, 0.8, 10, np.random.default_rng(1)).mean(0)
    assert np.abs(mask - expected).max() < 0.02


@given(st.integers(1, 12), st.integers(13, 300), st.sampled_from([5, 10]), st.floats(0.1, 1.0), st.integers(0, 10**6))
@settings(max_examples=150)
def test_masks_are_spans_of_the_right_number(rows: int, frames: int, span: int, prob: float, seed: int) -> None:
    config = MaskedConfig(mask_prob=prob, span=span, trim=False)
    mask = draw_mask(config, rows, frames, np.random.default_rng(seed))
    most = max(2, int(prob * frames / span + 1))
    for row in mask:
        assert span <= row.sum() <= most * span or frames - span <= most
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        runs = edges[1::2] - edges[::2]
        if frames - span > most:
            assert runs.min() >= span
            assert not row[frames - 1 :].any()  # starts lie in [0, T - span)


@given(st.integers(1, 12), st.integers(1, 300), st.integers(0, 10**6))
@settings(max_examples=100)
def test_trimming_gives_every_utterance_of_a_batch_as_many_masked_frames(rows: int, frames: int, seed: int) -> None:
    trimmed = draw_mask(PUBLISHED, rows, frames, np.random.default_rng(seed))
    whole = draw_mask(replace(PUBLISHED, trim=False), rows, frames, np.random.default_rng(seed))
    assert (trimmed.sum(1) == whole.sum(1).min()).all()
    assert not (trimmed & ~whole).any()


def test_only_masked_frames_are_hidden_from_the_network() -> None:
    model, data = objective().eval(), batch()
    seen: list[torch.Tensor] = []
    model.hubert.encoder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    model(data, At(5, 0, 1))
    mask = draw_mask(model.config, 2, 60, np.random.default_rng(5))
    embedding = model.hubert.masked_spec_embed
    hidden = (seen[0] == embedding).all(-1).numpy()
    assert np.array_equal(hidden, mask)


@pytest.mark.parametrize(("layerdrop", "feature_grad_mult"), [(0.0, 1.0), (0.0, 0.1), (0.0, 0.0), (0.9, 1.0)])
def test_a_network_that_may_leave_parameters_without_gradient_says_so(
    layerdrop: float, feature_grad_mult: float
) -> None:
    """Ranks wait for the gradient of every parameter unless they are told that some may have none."""
    config = replace(NETWORK, num_hidden_layers=8, layerdrop=layerdrop, feature_grad_mult=feature_grad_mult)
    model = MaskedPrediction(Hubert(config), replace(PUBLISHED, final_dim=12), 11, 0).train()
    torch.manual_seed(0)
    model(batch(), At(1, 0, 1))["loss"].sum.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert bool(without) == model.leaves_out, without


def test_unit_embeddings_begin_uniform_between_0_and_1() -> None:
    units = objective(units=4000).unit_embeddings
    assert units.min() >= 0 and units.max() < 1
    assert units.mean().item() == pytest.approx(0.5, abs=0.01)
    assert units.var().item() == pytest.approx(1 / 12, abs=0.002)


def test_logits_do_not_lose_digits_to_bf16_autocast() -> None:
    model = objective()
    model.final_proj = torch.nn.Identity()  # type: ignore[assignment]
    hidden = torch.randn(40, 12)
    with torch.autocast("cpu", torch.bfloat16):
        low = model.logits(hidden)
    torch.testing.assert_close(low, model.logits(hidden), atol=1e-6, rtol=0)
