from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from toolkit.models.heads import BLSTM, CTCHead, FrameHead, Head, LayerMix, PooledHead, initialise, shortened

L, D, LENGTHS = 3, 5, torch.tensor([4, 1, 7])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def frames() -> Tensor:
    return torch.randn(int(LENGTHS.sum()), L, D, generator=generator(1)) * 3 + 2


def mix() -> LayerMix:
    states = frames()
    made = LayerMix(states.mean(0), states.std(0))
    made.weight_L.data = torch.tensor([0.5, -1.0, 2.0])
    return made


def test_the_mix_equals_standardise_weigh_and_sum_in_float64() -> None:
    made, states = mix(), frames().double()
    weights = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64).softmax(0)
    standard = (states - made.mean_LD.double()) / made.std_LD.double()
    assert torch.allclose(made(states.float()).double(), (standard * weights[:, None]).sum(1), atol=1e-5)


def test_gradients_of_the_mix_are_those_of_finite_differences() -> None:
    made, states = mix().double(), frames()[:4].double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, w: torch.func.functional_call(made, {"weight_L": w}, x), (states, made.weight_L)
    )


def test_the_mix_of_float16_states_equals_that_of_their_float32_copy() -> None:
    made, states = mix(), frames().half()
    results = []
    for x_NLD in (states, states.float()):
        made.weight_L.grad = None
        mixed_ND = made(x_NLD)
        mixed_ND.square().sum().backward()
        results.append((mixed_ND.detach(), made.weight_L.grad))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_layer_weights_start_equal_and_add_up_to_one() -> None:
    fresh = LayerMix(torch.zeros(L, D), torch.ones(L, D))
    assert fresh.shares_L.tolist() == pytest.approx([1 / 3] * 3)
    assert mix().shares_L.sum().item() == pytest.approx(1)


def test_a_dimension_that_never_moved_in_training_does_not_explode() -> None:
    still = LayerMix(torch.zeros(1, 2), torch.zeros(1, 2))
    assert torch.isfinite(still(torch.ones(1, 1, 2))).all()


def test_pooled_means_give_the_scores_and_gradients_of_all_their_frames() -> None:
    states = frames()
    means = torch.stack([x.mean(0) for x in states.split(LENGTHS.tolist())])
    results = []
    for features, lengths in ((states, LENGTHS), (means, torch.ones(3, dtype=torch.long))):
        head = PooledHead(mix(), 8, 4, generator()).double()
        scores = head(features.double(), lengths)
        scores.logsumexp(-1).sum().backward()  # type: ignore[no-untyped-call]
        results.append([scores.detach(), *(p.grad for p in head.parameters())])
    for of_frames, of_means in zip(*results, strict=True):
        assert torch.allclose(of_frames, of_means, atol=1e-12)


def test_two_lstms_equal_a_packed_bidirectional_one() -> None:
    ours, peer = BLSTM(D, 6), nn.LSTM(D, 6, batch_first=True, bidirectional=True)
    for name, parameter in ours.onward.named_parameters():
        getattr(peer, name).data = parameter.data
    for name, parameter in ours.back.named_parameters():
        getattr(peer, name + "_reverse").data = parameter.data
    padded = torch.randn(3, 7, D, generator=generator(2))
    packed = pack_padded_sequence(padded, LENGTHS, batch_first=True, enforce_sorted=False)
    wanted, _ = pad_packed_sequence(peer(packed)[0], batch_first=True)
    output = ours(padded, LENGTHS)
    for b, n in enumerate(LENGTHS.tolist()):
        assert torch.allclose(output[b, :n], wanted[b, :n], atol=1e-6)


@pytest.mark.parametrize(("layers", "stride"), [(1, 1), (2, 1), (1, 2), (2, 3)])
def test_the_batch_an_utterance_stands_in_does_not_change_its_ctc_scores(layers: int, stride: int) -> None:
    head = CTCHead(mix(), 8, layers, 4, 0.0, stride, generator()).eval()
    together = head(frames(), LENGTHS)
    for b, states in enumerate(frames().split(LENGTHS.tolist())):
        alone = head(states, torch.tensor([len(states)]))
        assert len(alone) == shortened(len(states), stride)
        assert torch.allclose(together[: len(alone), b], alone[:, 0], atol=1e-6)
    assert together.exp().sum(-1).allclose(torch.ones(shortened(7, stride), 3))


def test_heads_are_the_same_for_equal_generators_whatever_the_global_seed() -> None:
    def make(seed: int) -> list[Head]:
        torch.manual_seed(seed)
        return [
            FrameHead(mix(), 4, generator()),
            PooledHead(mix(), 8, 4, generator()),
            CTCHead(mix(), 8, 2, 4, 0.1, 1, generator()),
        ]

    for first, second in zip(make(1), make(2), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_initial_weights_have_the_range_of_pytorchs_own() -> None:
    linear, lstm = nn.Linear(400, 300), nn.LSTM(10, 100)
    initialise(nn.ModuleList([linear, lstm]), generator())
    for weight, fan in ((linear.weight, 400), (linear.bias, 400), (lstm.weight_ih_l0, 100), (lstm.bias_hh_l0, 100)):
        assert weight.abs().max() <= fan**-0.5
        assert weight.std().item() == pytest.approx((fan * 3) ** -0.5, rel=0.1)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (lambda mix, g: CTCHead(mix, 256, 0, 74, 0.0, 1, g), 215_882),  # PR: 71 symbols, pad, end, unknown
        (lambda mix, g: CTCHead(mix, 1024, 2, 32, 0.2, 1, g), 42_828_832),  # ASR: 28 characters and four more
        (lambda mix, g: PooledHead(mix, 256, 12, g), 199_948),  # KS
        (lambda mix, g: PooledHead(mix, 256, 6 + 14 + 4, g), 203_032),  # IC: the values of three slots
        (lambda mix, g: PooledHead(mix, 256, 1251, g), 518_371),  # SID
        (lambda mix, g: PooledHead(mix, 256, 4, g), 197_892),  # ER
    ],
)
def test_heads_of_the_benchmarks_widths_have_its_numbers_of_parameters(make, parameters) -> None:
    head = make(LayerMix(torch.zeros(13, 768), torch.ones(13, 768)), generator())
    assert sum(p.numel() for p in head.parameters()) == parameters + 13  # and a weight for each hidden state


def test_a_ctc_head_without_layers_is_linear() -> None:
    mix = LayerMix(torch.zeros(2, 3), torch.ones(2, 3))
    head, states_NLD = CTCHead(mix, 4, 0, 5, 0.0, 1, generator()), torch.randn(6, 2, 3, generator=generator(1))
    made_TBC = head(states_NLD, torch.tensor([6]))
    expected = head.classify(head.project(mix(states_NLD))).log_softmax(-1)
    torch.testing.assert_close(made_TBC[:, 0], expected)
