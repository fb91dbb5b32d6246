"""A checkpoint made before the first row of loss.tsv."""

from pathlib import Path

import torch

from toolkit.train.engine.checkpoint import State, load, save, steps_saved
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
