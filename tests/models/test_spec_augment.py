"""SpecAugment: what is masked and bent, counted over many draws."""

from __future__ import annotations

import torch

from toolkit.models.spec_augment import SpecAugment, kept


def test_nothing_is_changed_in_eval_mode_or_without_masks() -> None:
    x_TD = torch.randn(50, 8)
    assert torch.equal(SpecAugment(5, 2, 40, 4, 50).eval()(x_TD), x_TD)
    assert torch.equal(SpecAugment(0, 0, 40, 0, 50).train()(x_TD), x_TD)


def test_masks_are_spans_below_the_width_and_as_long_on_average_as_they_should_be() -> None:
    torch.manual_seed(1)
    lengths = []
    for _ in range(2000):
        masked = (~kept(300, 1, 40)).nonzero().flatten()
        assert len(masked) == 0 or int(masked[-1] - masked[0]) + 1 == len(masked) < 40
        lengths.append(len(masked))
    assert abs(sum(lengths) / len(lengths) - 19.5) < 1.2  # uniform on 0 to 39; 4.6 standard errors


def test_a_masked_frame_and_a_masked_dimension_are_0_and_the_rest_is_as_it_was() -> None:
    torch.manual_seed(2)
    x_TD = torch.rand(100, 60) + 1
    y_TD = SpecAugment(0, 2, 40, 4, 20).train()(x_TD)
    frames, dimensions = (y_TD == 0).all(1), (y_TD == 0).all(0)
    assert frames.any() and dimensions.any()
    assert torch.equal(y_TD[~frames][:, ~dimensions], x_TD[~frames][:, ~dimensions])


def test_bending_keeps_the_length_and_moves_no_frame_further_than_the_warp() -> None:
    torch.manual_seed(3)
    ramp_TD = torch.arange(200.0)[:, None].expand(200, 4)
    shifts = []
    for _ in range(50):
        y_TD = SpecAugment(5, 0, 40, 0, 50).train()(ramp_TD)
        shifts.append(float((y_TD - ramp_TD).abs().max()))
        assert y_TD.shape == ramp_TD.shape and shifts[-1] < 6.5
    assert sum(shift > 2 for shift in shifts) > 20  # shifts are drawn evenly from -4 to 5
    assert torch.equal(SpecAugment(5, 0, 40, 0, 50).train()(ramp_TD[:10]), ramp_TD[:10])  # too short to bend
