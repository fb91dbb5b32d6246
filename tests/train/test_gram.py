"""The distance of Gram matrices against the formula written out, and its gradient against finite differences."""

import pytest
import torch

from toolkit.train.objectives import gram
from toolkit.train.objectives.gram import gram_distance, widths_are_cheaper


def states(*shape: int, seed: int = 0, padding: int = 0) -> torch.Tensor:
    x = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    if padding:
        x[-1, -padding:] = 0
    return x


def naive(p: torch.Tensor, r: torch.Tensor, q: torch.Tensor | None, s: torch.Tensor | None) -> torch.Tensor:
    q, s = p if q is None else q, r if s is None else s
    total = torch.zeros((), dtype=torch.float64)
    for b in range(len(p)):
        for t in range(p.shape[1]):
            for u in range(p.shape[1]):
                total = total + ((p[b, t] * q[b, u]).sum() - (r[b, t] * s[b, u]).sum()) ** 2
    return total


@pytest.mark.parametrize("way", ["frames", "widths"])
@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize(("frames", "rows"), [(1, 256), (9, 256), (9, 4), (8, 4)])
def test_it_is_the_formula_and_its_gradient_a_finite_difference(monkeypatch, way, alike, frames, rows) -> None:
    monkeypatch.setattr(gram, "ROWS", rows)
    p = states(2, frames, 3, seed=1, padding=min(2, frames - 1)).requires_grad_()
    r = states(2, frames, 5, seed=2, padding=min(2, frames - 1))
    q = None if alike else states(2, frames, 3, seed=3, padding=min(2, frames - 1)).requires_grad_()
    s = None if alike else states(2, frames, 5, seed=4, padding=min(2, frames - 1))
    assert gram_distance(p, r, q, s, way).item() == pytest.approx(naive(p, r, q, s).item(), rel=1e-12)
    given = (p,) if alike else (p, q)
    assert torch.autograd.gradcheck(lambda a, b=None: gram_distance(a, r, b, s, way), given)


@pytest.mark.parametrize("alike", [True, False])
def test_in_float32_both_ways_agree_with_float64(alike) -> None:
    p, q, r, s = (states(2, 300, d, seed=d).float() for d in (48, 49, 80, 81))
    q, s = (None, None) if alike else (q[..., :48].contiguous(), s[..., :80].contiguous())
    exact = gram_distance(p.double(), r.double(), q if q is None else q.double(), s if s is None else s.double())
    for way in ("frames", "widths"):
        assert gram_distance(p, r, q, s, way).item() == pytest.approx(exact.item(), rel=1e-5)


def test_equal_states_are_at_distance_0_and_nothing_flows_into_the_teacher() -> None:
    p, r = states(1, 20, 4).float().requires_grad_(), states(1, 20, 4).float().requires_grad_()
    distance = gram_distance(p, r, way="frames")
    assert distance.item() == pytest.approx(0, abs=1e-6)
    distance.backward()
    assert r.grad is None and p.grad.abs().max() < 1e-4


def test_no_square_of_frames_is_kept_for_the_backward_pass() -> None:
    kept = []

    def pack(x: torch.Tensor) -> torch.Tensor:
        kept.append(x.numel())
        return x

    p, r = states(2, 700, 8).float().requires_grad_(), states(2, 700, 12).float()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        gram_distance(p, r, way="frames").backward()
    assert kept and max(kept) <= p.numel()


def test_the_way_by_widths_is_taken_for_long_audio_alone() -> None:
    """Of the published student (432) and HuBERT base (768): 50 frames a second."""
    assert not widths_are_cheaper(12 * 50, 432, 768) and widths_are_cheaper(60 * 50, 432, 768)
