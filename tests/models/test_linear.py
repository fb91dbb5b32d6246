"""The Linear layer on oneDNN against torch's own."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from toolkit.models import linear
from toolkit.models.linear import Linear, RecurringLinear, affine, attention

SIZES = st.integers(1, 40)


def layers(inputs: int, outputs: int, bias: bool = True) -> tuple[Linear, nn.Linear]:
    torch.manual_seed(1)
    ours, theirs = Linear(inputs, outputs, bias), nn.Linear(inputs, outputs, bias)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, SIZES, st.booleans())
def test_output_and_gradients_are_those_of_torchs_layer(rows: int, inputs: int, outputs: int, bias: bool) -> None:
    ours, theirs = layers(inputs, outputs, bias)
    mine = torch.randn(2, rows, inputs, requires_grad=True)
    twin = mine.detach().clone().requires_grad_()
    weights = torch.randn(2, rows, outputs)
    made, expected = ours(mine), theirs(twin)
    (made * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(made, expected)
    torch.testing.assert_close(mine.grad, twin.grad)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, atol=1e-4, rtol=1e-4, msg=name)


@pytest.mark.parametrize("shape", [(7,), (0, 7), (2, 0, 7), (1, 7), (2, 3, 4, 7)])
def test_any_number_of_dimensions_and_of_rows(shape: tuple[int, ...]) -> None:
    ours, theirs = layers(7, 5)
    x = torch.randn(shape)
    torch.testing.assert_close(ours(x), theirs(x))


def test_views_of_any_strides_give_the_product_of_their_copies() -> None:
    x, w = torch.randn(41, 24), torch.randn(10, 48)
    for rows in (x[1::2], x[:, ::2].contiguous().repeat(1, 2), x.T[:, :24].T, torch.randn(24, 20).T):
        for weight in (w[:, ::2], w[::3, :24], torch.randn(24, 6).T, torch.randn(30, 24)[::2]):
            torch.testing.assert_close(affine(rows, weight), rows.clone() @ weight.clone().T, atol=1e-4, rtol=1e-4)


def test_frozen_weights_get_no_gradient_and_let_it_through() -> None:
    ours, theirs = layers(6, 4)
    for layer in (ours, theirs):
        layer.requires_grad_(False)
    x = torch.randn(3, 6, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    ours(x).sum().backward()
    theirs(y).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    assert ours.weight.grad is None and ours.bias.grad is None


def test_a_gradient_that_is_expanded_from_one_number_is_taken() -> None:
    """sum().backward() sends a gradient whose strides are 0."""
    ours, theirs = layers(16, 8)
    x = torch.randn(5, 16)
    ours(x).sum().backward()
    theirs(x).sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_torchs_own(dtype: torch.dtype) -> None:
    ours, theirs = layers(9, 3)
    x = torch.randn(4, 9, dtype=dtype)
    assert torch.equal(copy.deepcopy(ours).to(dtype)(x), theirs.to(dtype)(x))


def test_under_autocast_it_is_torchs_own() -> None:
    ours, theirs = layers(9, 3)
    x = torch.randn(4, 9)
    with torch.autocast("cpu", torch.bfloat16):
        made = ours(x)
        assert made.dtype == torch.bfloat16 and torch.equal(made, theirs(x))


def test_without_onednn_it_is_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "HAS_ONEDNN", False)
    ours, theirs = layers(9, 3)
    x = torch.randn(4, 9)
    assert torch.equal(ours(x), theirs(x)) and torch.equal(affine(x, ours.weight), x @ ours.weight.T)


def test_the_same_product_has_the_same_bits_every_time() -> None:
    x, w = torch.randn(300, 128), torch.randn(96, 128)
    first = affine(x, w)
    assert all(torch.equal(affine(x, w), first) for _ in range(5))


def test_a_wrong_width_is_told_by_both_shapes() -> None:
    with pytest.raises(RuntimeError, match="4x8 and 9x3"):
        Linear(9, 3)(torch.randn(4, 8))


def test_a_gradient_of_a_gradient_is_refused_not_wrong() -> None:
    x = torch.randn(4, 9, requires_grad=True)
    [gradient] = torch.autograd.grad(Linear(9, 3)(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()


@pytest.mark.parametrize("gradient", [True, False])
def test_a_layer_of_recurring_shapes_gives_what_torchs_gives(gradient: bool) -> None:
    ours, theirs = RecurringLinear(7, 5), nn.Linear(7, 5)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 7)
    with torch.set_grad_enabled(gradient):
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("layout", ["heads first", "heads last"])
@pytest.mark.parametrize("queries", [1, 63, 64, 150])
def test_attention_is_that_of_the_formula_in_float64(layout: str, queries: int) -> None:
    def made(length: int) -> torch.Tensor:
        return torch.randn(2, 3, length, 8) if layout == "heads first" else torch.randn(2, length, 3, 8).transpose(1, 2)

    query, key, value = made(queries), made(11), made(11)
    weights = (query.double() @ key.double().mT / 8**0.5).softmax(-1)
    with torch.inference_mode():
        torch.testing.assert_close(attention(query, key, value), (weights @ value.double()).float())
