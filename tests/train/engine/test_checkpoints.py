"""Checkpoints and kept weights: what is saved, what is left, and what damage is seen."""

from pathlib import Path

import pytest
import torch

from toolkit.core.errors import UserError
from toolkit.train.engine.checkpoint import State, folder_of, load, load_weights, save, save_weights, steps_saved
from toolkit.train.engine.objective import Objective


class Line(Objective):
    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(1, 1)


def test_a_run_stopped_before_its_first_row_goes_on_with_the_columns_in_their_order(tmp_path: Path) -> None:
    model = Line()
    optimiser = torch.optim.AdamW(model.parameters())
    window = {"loss": [1.0, 2.0], "accuracy_masked": [0.1, 1.0], "grad_norm": [3.0, 1.0], "conv_square": [1e-17, 1.0]}
    save(tmp_path, State("run", 5, window=window), model, optimiser, keep=1, every=5)
    again = load(tmp_path, 5, "run", "", model, optimiser)
    assert list(again.window.items()) == list(window.items())


def test_what_was_saved_for_the_time_it_took_is_gone_in_the_end(tmp_path: Path) -> None:
    """Steps 4 and 11 lie between the multiples of 5: each is kept until the next, and none of them at the end."""
    model = Line()
    optimiser = torch.optim.AdamW(model.parameters())
    left = []
    for step in (4, 5, 10, 11, 13):
        save(tmp_path, State("run", step), model, optimiser, keep=2, every=5)
        left.append(steps_saved(tmp_path))
    assert left == [[4], [5], [5, 10], [10, 11], [10, 13]]


def flip(path: Path) -> None:
    """Change the lowest bit of the last byte: a weight stays in range and the file readable."""
    data = bytearray(path.read_bytes())
    data[-4] ^= 1
    path.write_bytes(bytes(data))


def test_one_bit_of_one_tensor_of_a_checkpoint_is_seen_when_it_is_loaded(tmp_path: Path) -> None:
    model = Line()
    optimiser = torch.optim.AdamW(model.parameters())
    save(tmp_path, State("run", 5), model, optimiser, keep=1, every=5)
    load(tmp_path, 5, "run", "", model, optimiser)
    flip(folder_of(tmp_path, 5) / "state.safetensors")
    with pytest.raises(UserError, match="not those that were saved: their digest differs"):
        load(tmp_path, 5, "run", "", model, optimiser)


def test_one_bit_of_kept_weights_is_seen_when_they_are_loaded(tmp_path: Path) -> None:
    save_weights(tmp_path / "best.safetensors", Line())
    load_weights(tmp_path / "best.safetensors", Line())
    flip(tmp_path / "best.safetensors")
    with pytest.raises(UserError, match="not those that the training kept"):
        load_weights(tmp_path / "best.safetensors", Line())
