"""Steps that follow from the number of windows."""

import hashlib
from collections import Counter

import numpy as np
import pytest

from toolkit.train.whisper_config import WindowConfig
from toolkit.train.window_speech import Shuffled


@pytest.mark.parametrize(
    ("windows", "epochs", "steps"),
    [
        (192_000, 10, 15_000),  # 1M segments of 6 s, 30 s a window, 128 of them a step
        (19_200, 10, 1_500),
        (20_000, 10, 1_563),  # 1562.5, rounded up
        (3, 1, 1),
        (640, 0.5, 3),  # 2.5
    ],
)
def test_so_many_passes_over_the_windows_are_so_many_steps_of_128(windows: int, epochs: float, steps: int) -> None:
    assert Shuffled(windows, WindowConfig(windows=16, micro_batches=8), 1).steps(epochs) == steps


def test_every_window_is_seen_once_a_pass() -> None:
    config = WindowConfig(windows=3, micro_batches=2)
    order = Shuffled(12, config, 7)
    seen = Counter(row for step in range(order.steps(4)) for micro in range(2) for row in order.rows(step, micro))
    assert seen == Counter(dict.fromkeys(range(12), 4))


@pytest.mark.parametrize("epochs", [-1, float("nan"), float("inf")])
def test_passes_that_cannot_be_counted_are_refused(epochs: float) -> None:
    with pytest.raises(ValueError, match=r"data\.epochs"):
        WindowConfig(epochs=epochs)


def test_draws_are_those_of_commit_f84ada9_byte_for_byte() -> None:
    """Loss curves of existing runs depend on them."""
    order = Shuffled(50, WindowConfig(windows=3, micro_batches=2), 7)
    rows = [order.rows(step, micro) for step in [*range(30), 400_000] for micro in (0, 1)]
    assert hashlib.sha256(np.array(rows, np.int64).tobytes()).hexdigest()[:16] == "b4011e7d7040aa72"


@pytest.mark.parametrize("steps", [0, 3, 25, 60])
def test_micro_batches_and_coverage_are_those_of_the_rows(steps: int) -> None:
    order = Shuffled(50, WindowConfig(windows=3, micro_batches=2), 7)
    keys = [(step, micro) for step in range(steps) for micro in (0, 1)]
    assert all(order.micro(*key).items.tolist() == order.rows(*key) for key in keys)
    times = Counter(row for key in keys for row in order.rows(*key))
    coverage = order.coverage(steps)
    assert dict(zip(coverage.tallies[""].items.tolist(), coverage.tallies[""].times.tolist())) == times
    assert coverage.cost == {"": 6 * steps}
