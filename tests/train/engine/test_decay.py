"""Weight decay: on all parameters, or on all but biases."""

import pytest
import torch
from torch import nn

from toolkit.train.engine.config import OptimConfig
from toolkit.train.engine.schedule import optimiser


@pytest.mark.parametrize("spares", [True, False])
def test_biases_may_be_spared(spares: bool) -> None:
    layer = nn.Linear(2, 2)
    before = {name: p.detach().clone() for name, p in layer.named_parameters()}
    spared = [layer.bias] if spares else []
    made = optimiser(OptimConfig(weight_decay=0.1), [{"params": [*layer.parameters()], "lr_scale": 2.0}], spared)
    assert len(made.param_groups) == 1 + spares and all(g["lr_scale"] == 2.0 for g in made.param_groups)
    for group in made.param_groups:
        group["lr"] = 0.5
    for p in layer.parameters():
        p.grad = torch.zeros_like(p)
    made.step()
    torch.testing.assert_close(layer.weight, before["weight"] * 0.95)
    torch.testing.assert_close(layer.bias, before["bias"] * (1.0 if spares else 0.95))
